# SPDX-License-Identifier: Apache-2.0
"""Recorded replies of real providers in the OpenAI dialect, cut at random
bytes: they arrive unchanged (ids of Responses aside: stored_names.py) and are
metered as their own `usage` says."""
import csv
import json

import pytest

import lab
from house import events_of, explained
from stored_names import with_ids

PATHS = {"/chat/completions": "/v1/chat/completions",
         "/responses": "/v1/responses", "/embeddings": "/v1/embeddings"}


def recordings():
    data = lab.data_dir()
    if data is None:
        return [pytest.param(None, marks=pytest.mark.skip(
            reason="SKIPPED: no test data (WEIR_DATA)"))]
    found = []
    with open(data / "recordings/index.tsv", newline="") as index:
        for row in csv.DictReader(index, delimiter="\t"):
            path = next((ours for theirs, ours in PATHS.items()
                         if row["path"].endswith(theirs)), None)
            if path and row["kind"] in ("json", "stream"):
                found.append(pytest.param(
                    (path, row["kind"], row["file_stem"]),
                    id=row["file_stem"]))
    return found


def usage_of(body, kind):
    """(input, cached, output, reasoning) by the reply's own words."""
    documents = ([json.loads(body)] if kind == "json" else
                 [json.loads(e) for e in events_of(body)
                  if e.startswith(b"{")])
    found = None
    for document in documents:
        for holder in (document, document.get("response") or {},
                       document.get("x_groq") or {}):
            usage = holder.get("usage") if isinstance(holder, dict) else None
            if usage:
                found = usage
    if found is None:
        return None
    took_in = found.get("input_tokens", found.get("prompt_tokens"))
    gave = found.get("output_tokens", found.get("completion_tokens", 0))
    if took_in is None:
        return None
    return took_in, gave


@pytest.mark.parametrize("recording", recordings())
def test_recording(house, recording):
    path, kind, stem = recording
    body = (lab.data_dir() / "recordings" /
            f"{stem}.body.{'sse' if kind == 'stream' else 'json'}"
            ).read_bytes()
    asked = {"model": "embed" if path.endswith("embeddings") else "only-near",
             "metadata": {"origin": f"split=7;replay={stem}"}}
    asked["messages" if "chat" in path else "input"] = (
        [{"role": "user", "content": "x"}] if "chat" in path else "x")
    if kind == "stream":
        asked["stream"] = True
        if "chat" in path:
            asked["stream_options"] = {"include_usage": True}
    status, headers, reply = house.call(asked, "busy", path=path)
    assert status == 200
    if path == "/v1/responses":
        reply = with_ids(reply, body)
    assert reply == body or reply.startswith(body)
    usage = usage_of(body, kind)
    if usage is None:
        return
    row = lab.wait_for(lambda: explained(house, headers["weir-request-id"]),
                       10, "outcome")
    assert (row["input_tokens"], row["output_tokens"]) == usage
    assert not row["estimated"]
