# SPDX-License-Identifier: Apache-2.0
"""Why an answer ended, by every word that a maker has for it, to clients of
every dialect: what was cut short, refused or broken never looks like an
ordinary end, whole or streamed."""
import json
import pathlib
import sys
import typing

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from test_fields import PROVIDERS, SURFACES, Asker  # noqa: E402

anthropic = pytest.importorskip("anthropic")
genai = pytest.importorskip("google.genai")
session = pytest.importorskip("botocore.session")

CLEAN = {"chat": {"stop", "tool_calls"}, "responses": {"completed"},
         "messages": {"end_turn", "tool_use", "stop_sequence", "pause_turn"},
         "gemini": {"STOP"},
         "converse": {"end_turn", "tool_use", "stop_sequence"}}
SHORT = {"chat": "length", "responses": "max_output_tokens", "messages":
         "max_tokens", "gemini": "MAX_TOKENS", "converse": "max_tokens"}
FILTERED = {"chat": "content_filter", "responses": "content_filter",
            "messages": "refusal", "gemini": "SAFETY",
            "converse": "content_filtered"}
BROKEN = {**SHORT, "gemini": "MALFORMED_RESPONSE",
          "converse": "malformed_model_output"}

# All that is no ordinary end; what is in none of these lists is one.
MEANS = [
    (SHORT, {"length", "model_length", "max_output_tokens", "max_tokens",
             "model_context_window_exceeded", "MAX_TOKENS"}),
    (FILTERED, {"content_filter", "refusal", "guardrail_intervened",
                "content_filtered", "SAFETY", "RECITATION", "LANGUAGE",
                "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
                "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
                "MODEL_ARMOR"}),
    (BROKEN, {"error", "abort", "insufficient_system_resource",
              "malformed_model_output", "malformed_tool_use",
              "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL",
              "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
              "MALFORMED_RESPONSE", "NO_IMAGE", "IMAGE_OTHER"})]
ORDINARY = {"stop", "tool_calls", "function_call", "completed", "end_turn",
            "stop_sequence", "tool_use", "pause_turn", "compaction", "STOP",
            "FINISH_REASON_UNSPECIFIED", "OTHER", "CONTINUATION",
            "ESCALATION", "PUP_LIMITED_DISABLED"}


def words():
    """By origin's dialect: as the SDKs of today know them."""
    from anthropic.types.beta import BetaStopReason
    from google.genai import types
    model = session.get_session().get_service_model("bedrock-runtime")
    return {
        "compatible": ["stop", "length", "tool_calls", "content_filter",
                       "function_call", "model_length", "error", "abort",
                       "insufficient_system_resource"],
        "responses": ["completed", "max_output_tokens", "content_filter"],
        "messages": list(typing.get_args(BetaStopReason)),
        "gemini": [one.value for one in types.FinishReason],
        "converse": list(model.shape_for("StopReason").enum)}


def body_of(origin, word):
    if origin == "compatible":
        return {"id": "c", "object": "chat.completion", "created": 5,
                "model": "m", "choices": [
                    {"index": 0, "finish_reason": word, "message": {
                        "role": "assistant", "content": "ok"}}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1,
                          "total_tokens": 2}}
    if origin == "messages":
        return {"id": "m", "type": "message", "role": "assistant",
                "model": "m", "content": [{"type": "text", "text": "ok"}],
                "stop_reason": word, "stop_sequence": None,
                "usage": {"input_tokens": 1, "output_tokens": 1}}
    if origin == "gemini":
        return {"candidates": [{"content": {"role": "model", "parts": [
            {"text": "ok"}]}, "finishReason": word}], "usageMetadata": {
                "promptTokenCount": 1, "candidatesTokenCount": 1}}
    if origin == "converse":
        return {"output": {"message": {"role": "assistant", "content": [
            {"text": "ok"}]}}, "stopReason": word, "usage": {
                "inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}
    return {"id": "r", "object": "response", "created_at": 5, "model": "m",
            "status": "completed" if word == "completed" else "incomplete",
            "incomplete_details": None if word == "completed" else
            {"reason": word}, "output": [
                {"type": "message", "id": "m", "role": "assistant",
                 "status": "completed", "content": [
                     {"type": "output_text", "text": "ok",
                      "annotations": []}]}],
            "usage": {"input_tokens": 1, "output_tokens": 1,
                      "total_tokens": 2}}


def told_by(surface, body):
    if surface == "chat":
        return body["choices"][0]["finish_reason"]
    if surface == "messages":
        return body["stop_reason"]
    if surface == "gemini":
        return body["candidates"][0]["finishReason"]
    if surface == "converse":
        return body["stopReason"]
    return (body["incomplete_details"] or {"reason": body["status"]})["reason"]


@pytest.fixture(scope="module")
def asker():
    made = Asker()
    yield made
    made.stop()


@pytest.mark.parametrize("origin", list(words()))
def test_what_went_wrong_is_no_ordinary_end(asker, origin):
    for word in words()[origin]:
        wanted = next((names for names, of in MEANS if word in of), None)
        assert wanted or word in ORDINARY, f"{word} is new: what is it?"
        raw = json.dumps(body_of(origin, word)).encode()
        for surface, (path, _) in SURFACES.items():
            if origin in (surface, "compatible") and surface in (
                    "chat", origin):
                continue
            kind, told = asker.tell("reply", PROVIDERS[origin], path, 200,
                                    raw)
            where = (origin, word, surface, told)
            assert kind == "ok", where
            said = told_by(surface, json.loads(told))
            if wanted:
                assert said == wanted[surface], where
            else:
                assert said in CLEAN[surface] | {"OTHER"}, where


@pytest.mark.parametrize("word", ["MAX_TOKENS", "SAFETY",
                                  "MALFORMED_FUNCTION_CALL"])
def test_nor_in_a_stream(asker, word):
    raw = b"data: " + json.dumps(body_of("gemini", word)).encode() + \
        b"\r\n\r\n"
    wanted = next(names for names, of in MEANS if word in of)
    for surface in ("chat", "responses", "messages"):
        _, told = asker.tell("reply", "gemini", SURFACES[surface][0], 0, raw)
        events = [json.loads(line[5:]) for line in told.splitlines()
                  if line.startswith(b"data:") and b"[DONE]" not in line]
        said = {"chat": lambda: [
                    event["choices"][0]["finish_reason"] for event in events
                    if event.get("choices")][-1],
                "responses": lambda: told_by("responses",
                                             events[-1]["response"]),
                "messages": lambda: [
                    event["delta"]["stop_reason"] for event in events
                    if event["type"] == "message_delta"][-1]}[surface]()
        assert said == wanted[surface], (surface, told)
