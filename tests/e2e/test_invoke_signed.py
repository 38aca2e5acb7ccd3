# SPDX-License-Identifier: Apache-2.0
"""InvokeModel end to end: boto3 unmodified in front, and behind an origin that
checks each signature; and the counts that stand in headers."""
import email.message
import http.client
import json

import pytest

import lab
import world
from test_credentials import SECRETS, is_signed
from test_dialects import CHAT, MESSAGE, Dialects
from test_invoke import BINARY, BODY, check, chunks, gathered

MODEL = "anthropic.large-v1:0"
COUNTS = {"Input-Token-Count": 11, "Output-Token-Count": 7,
          "Cache-Read-Input-Token-Count": 5,
          "Cache-Write-Input-Token-Count": 4, "Invocation-Latency": 123}


@pytest.fixture(scope="module")
def dialects(tmp_path_factory):
    where = tmp_path_factory.mktemp("invoke")
    (where / "id").write_text("one")
    (where / "secret").write_text(SECRETS["one"])

    def change(config):
        url = next(row for row in config["origins"]
                   if row["name"] == "invoke")["url"]
        config["origins"].append(
            {"name": "signed", "dialect": "bedrock_invoke", "url": url,
             "credential": {"aws": {
                 "region": "eu-west-1",
                 "access_key": {"file": str(where / "id")},
                 "secret_key": {"file": str(where / "secret")}}}})
        row = world.deployment("as-signed", "large", "signed")
        row["origin_model"] = MODEL
        config["deployments"].append(row)
        config["routes"].append({"name": "to-signed", "mode": "order",
                                 "candidates": ["as-signed"]})
    made = Dialects(where, change)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def plain(dialects):
    dialects.origin.check = None
    yield


def checks(path, headers, body):
    told = email.message.Message()      # whose names have no case
    for name, value in headers.items():
        told[name] = value
    return is_signed("POST", path, told, body) == "one"


def test_a_signed_origin_takes_bodies_and_streams(dialects):
    dialects.origin.check = checks
    dialects.origin.set(json.dumps(MESSAGE).encode())
    got = dialects.bedrock.invoke_model(modelId="to-signed",
                                        body=json.dumps(BODY))
    check(json.loads(got["body"].read()))
    path, headers, body = dialects.origin.asked[-1]
    assert path == "/model/anthropic.large-v1%3A0/invoke"
    assert json.loads(body) == BODY
    assert dialects.key not in json.dumps(headers)
    dialects.origin.set(b"".join(chunks()), BINARY, chunk=99)
    check(gathered(dialects.bedrock.invoke_model_with_response_stream(
        modelId="to-signed", body=json.dumps(BODY))))
    path, _, _ = dialects.origin.asked[-1]
    assert path.endswith("%3A0/invoke-with-response-stream")


def test_a_signed_origin_takes_clients_of_other_dialects(dialects):
    dialects.origin.check = checks
    dialects.origin.set(json.dumps(MESSAGE).encode())
    got = dialects.openai.chat.completions.create(
        model="to-signed", max_tokens=9,
        messages=[{"role": "user", "content": "x" * 70000}])
    assert got.usage.prompt_tokens == 20


def heads(got):
    told = got["ResponseMetadata"]["HTTPHeaders"]
    return {name: told.get("x-amzn-bedrock-" + name.lower())
            for name in COUNTS}


@pytest.mark.parametrize("model, reply", [
    ("to-chat", CHAT), ("to-messages", MESSAGE), ("to-invoke", MESSAGE)])
def test_counts_stand_in_headers(dialects, model, reply):
    dialects.origin.set(json.dumps(reply).encode())
    got = dialects.bedrock.invoke_model(modelId=model, body=json.dumps(BODY))
    usage = json.loads(got["body"].read())["usage"]
    told = heads(got)
    assert int(told.pop("Invocation-Latency")) >= 0
    assert {name: int(value) for name, value in told.items()} == {
        "Input-Token-Count": usage["input_tokens"],
        "Output-Token-Count": usage["output_tokens"],
        "Cache-Read-Input-Token-Count": usage["cache_read_input_tokens"],
        "Cache-Write-Input-Token-Count":
            usage["cache_creation_input_tokens"]}


def test_an_origin_s_own_headers_pass_once(dialects):
    dialects.origin.set(
        json.dumps(MESSAGE).encode(),
        headers={"X-Amzn-Bedrock-" + name: str(value)
                 for name, value in COUNTS.items()})
    line = http.client.HTTPConnection("127.0.0.1", dialects.weir.port,
                                      timeout=60)
    line.request("POST", "/model/to-invoke/invoke", json.dumps(BODY),
                 {"Authorization": "Bearer " + dialects.key})
    reply = line.getresponse()
    assert reply.status == 200
    told = [(name[15:].lower(), value) for name, value in reply.getheaders()
            if name.lower().startswith("x-amzn-bedrock-")]
    line.close()
    assert sorted(told) == sorted(
        (name.lower(), str(value)) for name, value in COUNTS.items())


def test_counts_in_headers_are_the_usage_of_a_body_without(dialects):
    reply = {**MESSAGE}
    reply.pop("usage")
    dialects.origin.set(
        json.dumps(reply).encode(),
        headers={"X-Amzn-Bedrock-" + name: str(value)
                 for name, value in COUNTS.items()})
    got = dialects.bedrock.invoke_model(modelId="to-invoke",
                                        body=json.dumps(BODY))
    request = got["ResponseMetadata"]["HTTPHeaders"]["weir-request-id"]

    def found():
        done = dialects.weir.cli("explain", request, "--json", check=False)
        return done.returncode < 2 and json.loads(done.stdout).get("outcome")
    told = lab.wait_for(found, 60, "the outcome")
    assert told["input_tokens"] == 20 and told["cached_tokens"] == 5
    assert told["output_tokens"] == 7
    assert not told.get("estimated", told.get("is_estimated"))


@pytest.mark.parametrize("value", ["-1", "many", "99999999999999999999"])
def test_counts_that_are_none_are_not_taken(dialects, value):
    reply = {**MESSAGE}
    reply.pop("usage")
    dialects.origin.set(
        json.dumps(reply).encode(),
        headers={"X-Amzn-Bedrock-Input-Token-Count": value,
                 "X-Amzn-Bedrock-Output-Token-Count": "7"})
    got = dialects.bedrock.invoke_model(modelId="to-invoke",
                                        body=json.dumps(BODY))
    request = got["ResponseMetadata"]["HTTPHeaders"]["weir-request-id"]

    def found():
        done = dialects.weir.cli("explain", request, "--json", check=False)
        return done.returncode < 2 and json.loads(done.stdout).get("outcome")
    told = lab.wait_for(found, 60, "the outcome")
    assert 0 < told["input_tokens"] < 1000
    assert told.get("estimated", told.get("is_estimated"))
