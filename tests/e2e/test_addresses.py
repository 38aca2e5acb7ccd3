# SPDX-License-Identifier: Apache-2.0
"""Which addresses a prompt may name for its origin to fetch: what the operator
says, in every client's shape, in batches and on the record."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
from house import House  # noqa: E402

LISTED = "https://a.pictures.example/a.png"
OTHER = "https://elsewhere.example/a.png"
MODEL = "only-near"


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    def change(config):
        config["references"] = {"urls": "data_only"}
        for tenant in config["tenants"]:
            if tenant["name"] == "insider":
                tenant["references"] = {"urls": ["pictures.example"]}
            if tenant["name"] == "busy":
                tenant["references"] = {"urls": "allow"}
        for model in config["models"]:
            if model["name"] == "large":
                model["operations"] = ["chat", "responses", "batch"]
    made = House(tmp_path_factory.mktemp("strict"), change=change)
    try:
        yield made
    finally:
        made.stop()


def picture(url):
    return {"model": MODEL, "messages": [{"role": "user", "content": [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": url}}]}]}


CALLS = {
    "chat": ("/v1/chat/completions", picture, "url"),
    "responses": ("/v1/responses", lambda url: {
        "model": MODEL, "input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": url}]}]}, "image_url"),
    "messages": ("/v1/messages", lambda url: {
        "model": MODEL, "max_tokens": 9, "messages": [
            {"role": "user", "content": [{"type": "image", "source": {
                "type": "url", "url": url}}]}]}, "url"),
    "counted": ("/v1/messages/count_tokens", lambda url: {
        "model": MODEL, "messages": [
            {"role": "user", "content": [{"type": "image", "source": {
                "type": "url", "url": url}}]}]}, "url"),
    "gemini": (f"/v1beta/models/{MODEL}:generateContent", lambda url: {
        "contents": [{"parts": [{"fileData": {
            "mimeType": "image/png", "fileUri": url}}]}]}, "fileUri"),
}


def said(body):
    """The refusal's words, whatever the shape around them."""
    error = json.loads(body)["error"]
    return error["message"]


@pytest.mark.parametrize("name", CALLS)
def test_an_address_is_refused_by_its_field(strict, name):
    path, make, field = CALLS[name]
    before = len(strict.origin.requests())
    for tenant, url in (("good", LISTED), ("good", OTHER),
                        ("insider", OTHER)):
        status, headers, body = strict.call(make(url), tenant, path)
        assert status == 403, body
        assert said(body).startswith(f"{field} names "), body
        assert "operator" in said(body)
        assert url.encode() not in body
    assert len(strict.origin.requests()) == before


def test_what_may_be_named_reaches_the_origin(strict):
    for tenant, url in (("insider", LISTED), ("busy", OTHER),
                        ("good", "data:image/png;base64,aGk=")):
        status, _, body = strict.call(picture(url), tenant)
        assert status == 200, body
        assert url.encode() in strict.origin.body()


def test_a_line_of_a_batch_is_refused(strict):
    lines = b"".join(json.dumps({
        "custom_id": str(i), "method": "POST", "url": "/v1/chat/completions",
        "body": picture(url)}).encode() + b"\n"
        for i, url in enumerate(("data:image/png;base64,aGk=", OTHER)))
    form = (b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n'
            b'batch\r\n--b\r\nContent-Disposition: form-data; name="file"; '
            b'filename="a.jsonl"\r\n\r\n' + lines + b"\r\n--b--\r\n")
    status, _, body = strict.call(form, path="/v1/files", headers={
        "Content-Type": "multipart/form-data; boundary=b"})
    assert status == 403, body
    assert said(body).startswith("line 2: url names "), body


def test_the_record_says_why(strict):
    status, headers, body = strict.call(picture(OTHER))
    assert status == 403
    assert json.loads(body)["error"]["code"] == "address_forbidden"
    assert json.loads(body)["error"]["param"] == "url"
    request = headers["weir-request-id"]

    def explained():
        done = strict.weir.cli("explain", request, "--json", check=False)
        return json.loads(done.stdout) if done.returncode <= 1 and (
            done.stdout) else None
    found = lab.wait_for(explained, 20, "the record")
    assert found["refusal"]["reason"] == "address_forbidden"
    done = strict.weir.cli("explain", request, check=False)
    assert "address_forbidden" in done.stdout


def test_the_rule_changes_with_the_configuration(strict):
    assert strict.call(picture(OTHER), "thrifty")[0] == 403
    row = next(tenant for tenant in strict.weir.config["tenants"]
               if tenant["name"] == "thrifty")
    row["references"] = {"urls": ["elsewhere.example"]}
    strict.weir.write()
    strict.weir.cli("reload")
    lab.wait_for(lambda: strict.call(picture(OTHER), "thrifty")[0] == 200, 20,
                 "the new rule")
    assert strict.call(picture(LISTED), "thrifty")[0] == 403


@pytest.mark.parametrize("urls, word", [
    ("some", "not what becomes of addresses"),
    ([], "a list of no hosts"),
    (["https://pictures.example"], "not the name of a host"),
    (["pictures.example:443"], "not the name of a host"),
    (["Pictures.example"], "not the name of a host"),
    ([".pictures.example"], "not the name of a host")])
def test_a_rule_that_says_nothing_is_a_fault(strict, tmp_path, urls, word):
    config = json.loads(json.dumps(strict.weir.config))
    config["references"] = {"urls": urls}
    file = strict.weir.where / "faulty.yaml"
    file.write_text(json.dumps(config))
    done = strict.weir.cli("check", str(file), check=False)
    assert done.returncode != 0
    assert word in done.stdout + done.stderr
