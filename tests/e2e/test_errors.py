# SPDX-License-Identifier: Apache-2.0
"""Every HTTP status of every origin's dialect, with the errors that it writes,
to the official client of every dialect: the class that the client has for it,
the provider's own words, and its code."""
import email.utils
import json
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from test_dialects import (Dialects, anthropic, chat_stream,  # noqa: E402
                           genai, openai)
import botocore.exceptions  # noqa: E402


def configure(config):
    for row in config["deployments"]:
        row["breaker"] = "none"
    for row in config["routes"]:
        row["attempts"] = 1


@pytest.fixture(scope="module")
def dialects(tmp_path_factory):
    made = Dialects(tmp_path_factory.mktemp("errors"), configure)
    yield made
    made.stop()


CODE = "its_own_code"
TEXT = "said so itself"

# Body and headers of an origin's error.
ORIGINS = {
    "chat": ({"error": {"message": TEXT, "type": "t", "code": CODE,
                        "param": None}}, {}),
    "responses": ({"error": {"message": TEXT, "type": "t", "code": CODE,
                             "param": None}}, {}),
    "messages": ({"type": "error", "error": {"type": CODE, "message": TEXT},
                  "request_id": "r"}, {}),
    "gemini": ({"error": {"code": 0, "message": TEXT, "status": CODE}}, {}),
    "converse": ({"message": TEXT}, {"x-amzn-ErrorType": CODE + ":http://x/"})}

STATUSES = [400, 401, 403, 404, 408, 409, 413, 422, 424, 429, 500, 502, 503,
            504, 529]
SOME = [400, 401, 429, 500, 529]

OPENAI = {400: "BadRequestError", 401: "AuthenticationError",
          403: "PermissionDeniedError", 404: "NotFoundError",
          409: "ConflictError", 422: "UnprocessableEntityError",
          429: "RateLimitError"}
ANTHROPIC = {**OPENAI, 408: "RequestTimeoutError", 413: "ContentTooLargeError",
             503: "ServiceUnavailableError", 504: "GatewayTimeoutError",
             529: "OverloadedError"}
BEDROCK = {400: "ValidationException", 401: "UnrecognizedClientException",
           403: "AccessDeniedException", 404: "ResourceNotFoundException",
           409: "ConflictException", 429: "ThrottlingException",
           500: "InternalServerException", 502: "ModelErrorException",
           503: "ServiceUnavailableException", 504: "ModelTimeoutException"}


def class_of(names, status):
    return names.get(status, "InternalServerError" if status >= 500
                     else "APIStatusError")


def ask_openai(dialects, surface, model):
    with pytest.raises(openai.APIStatusError) as caught:
        if surface == "chat":
            dialects.openai.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "x"}])
        else:
            dialects.openai.responses.create(model=model, input="x")
    fault = caught.value
    return type(fault).__name__, fault.status_code, fault.code, str(fault)


def ask_anthropic(dialects, model):
    with pytest.raises(anthropic.APIStatusError) as caught:
        dialects.anthropic.messages.create(
            model=model, max_tokens=9,
            messages=[{"role": "user", "content": "x"}])
    fault = caught.value
    error = fault.body["error"]
    code = error.get("weir", {}).get("code", error["type"])
    return type(fault).__name__, fault.status_code, code, str(fault)


def ask_gemini(dialects, model):
    with pytest.raises(genai.errors.APIError) as caught:
        dialects.gemini.models.generate_content(model=model, contents="x")
    fault = caught.value
    details = fault.details["error"]
    code = fault.status
    for detail in details.get("details", []):
        code = detail.get("weir", {}).get("code", code)
    return type(fault).__name__, fault.code, code, str(fault)


def ask_bedrock(dialects, model):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        dialects.bedrock.converse(modelId=model, messages=[
            {"role": "user", "content": [{"text": "x"}]}])
    fault = caught.value.response
    code = fault.get("weir", {}).get("code")
    return (fault["Error"]["Code"],
            fault["ResponseMetadata"]["HTTPStatusCode"], code, str(
                caught.value))


@pytest.mark.parametrize("origin", ["chat", "messages", "gemini", "converse"])
def test_each_status_is_the_client_s_own_class(dialects, origin):
    body, headers = ORIGINS[origin]
    for status in STATUSES if origin == "chat" else SOME:
        if origin == "gemini":
            body["error"]["code"] = status
        dialects.origin.set(json.dumps(body).encode(), status=status,
                            headers=headers)
        rows = {
            "chat": (ask_openai(dialects, "chat", "to-" + origin),
                     class_of(OPENAI, status)),
            "responses": (ask_openai(dialects, "responses", "to-" + origin),
                          class_of(OPENAI, status)),
            "messages": (ask_anthropic(dialects, "to-" + origin),
                         class_of(ANTHROPIC, status)),
            "gemini": (ask_gemini(dialects, "to-" + origin),
                       "ServerError" if status >= 500 else "ClientError"),
            "converse": (ask_bedrock(dialects, "to-" + origin),
                         BEDROCK.get(status, "InternalServerException" if
                                     status >= 500 else
                                     "ValidationException"))}
        for surface, ((kind, number, code, text), wanted) in rows.items():
            where = (origin, status, surface)
            assert number == status and TEXT in text, (where, number, text)
            if surface == "converse" == origin:
                assert kind == CODE, where  # as the origin wrote it
                continue
            assert kind == wanted, (where, kind)
            if surface != "converse":       # boto3 shows no member of ours
                assert code == CODE, (where, code)


@pytest.mark.parametrize("name, value, least, most", [
    ("retry-after", "77", 77, 77), ("retry-after-ms", "77000", 77, 77),
    ("retry-after", None, 60, 90)])
def test_when_to_come_again_reaches_the_client(dialects, name, value, least,
                                               most):
    """A pause too long for weir to wait is the client's: seconds,
    milliseconds or a date, and the provider's figures of its own limits."""
    if value is None:
        value = email.utils.formatdate(time.time() + 90, usegmt=True)
    body, _ = ORIGINS["chat"]
    dialects.origin.set(json.dumps(body).encode(), status=429, headers={
        name: value, "x-ratelimit-remaining-requests": "0"})
    with pytest.raises(anthropic.RateLimitError) as caught:
        dialects.anthropic.messages.create(
            model="to-chat", max_tokens=9,
            messages=[{"role": "user", "content": "x"}])
    headers = caught.value.response.headers
    assert headers["x-ratelimit-remaining-requests"] == "0"
    # as the clients themselves read it
    told = dialects.openai._parse_retry_after_header(headers)
    assert least - 10 <= told <= most


@pytest.mark.parametrize("origin", ["chat", "messages", "gemini"])
def test_an_error_inside_a_stream_is_raised(dialects, origin):
    """Sent in the middle, with a status of success."""
    error = json.dumps(ORIGINS[origin][0])
    first = {
        "chat": b"".join(chat_stream().partition(b"\n\n")[:2]),
        "messages": b'event: message_start\ndata: {"type":"message_start",'
                    b'"message":{"id":"m","type":"message","role":'
                    b'"assistant","model":"m","content":[],"usage":'
                    b'{"input_tokens":1,"output_tokens":1}}}\n\n',
        "gemini": b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}'
                  b'}]}\r\n\r\n'}[origin]
    head = b"event: error\n" if origin == "messages" else b""
    dialects.origin.set(first + head + b"data: " + error.encode() + b"\n\n",
                        "text/event-stream")
    model = "to-" + origin
    with pytest.raises(openai.APIError, match=TEXT):
        list(dialects.openai.chat.completions.create(
            model=model, stream=True,
            messages=[{"role": "user", "content": "x"}]))
    with pytest.raises(anthropic.APIError, match=TEXT):
        with dialects.anthropic.messages.stream(
                model=model, max_tokens=9, messages=[
                    {"role": "user", "content": "x"}]) as stream:
            stream.get_final_message()
    with pytest.raises(botocore.exceptions.EventStreamError, match=TEXT):
        list(dialects.bedrock.converse_stream(modelId=model, messages=[
            {"role": "user", "content": [{"text": "x"}]}])["stream"])
