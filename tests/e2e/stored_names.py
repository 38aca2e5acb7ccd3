# SPDX-License-Identifier: Apache-2.0
"""Replies whose ids go by names of the tenant's, and their origin's bytes.

A name is the id with 32 letters behind its start: "resp_" + code + "68f0".
"""
import json
import re


def documents(raw):
    """A body, or the data of each event of a stream; what is none is not."""
    blocks = [raw]
    if not raw.lstrip().startswith((b"{", b"[")):
        blocks = [b"\n".join(line[5:].strip() for line in block.split(b"\n")
                             if line.startswith(b"data:"))
                  for block in raw.replace(b"\r\n", b"\n").split(b"\n\n")]
    found = []
    for block in blocks:
        try:
            found.append(json.loads(block))
        except ValueError:
            continue
    return [each for each in found if isinstance(each, dict)]


def ids(document):
    """Ids of a Responses reply or event, where the API puts them."""
    found = []
    for holder in (document, document.get("response")):
        if not isinstance(holder, dict):
            continue
        if holder is not document or holder.get("object") == "response":
            found += [holder.get("id"), holder.get("previous_response_id")]
        items = [holder.get("item")]
        for name in ("output", "instructions"):
            items += holder[name] if isinstance(holder.get(name), list) else []
        for item in items:
            if isinstance(item, dict):
                found += [item.get("id"), item.get("approval_request_id")]
    found += [document.get("item_id")]
    return [each for each in found if isinstance(each, str) and each]


def with_ids(reply, origin):
    """The reply with the ids that `origin`'s bytes have; every one of them
    must have gone by another name."""
    words = {word for document in documents(origin) for word in ids(document)}
    told = {word for document in documents(reply) for word in ids(document)}
    assert not words & told, words & told
    for word in sorted(words, key=len, reverse=True):
        start = re.match(r"(?:[a-z]{1,16}_)?", word).group()
        reply = re.sub(b'"' + re.escape(start.encode()) +
                       b"[A-Za-z0-9_-]{32}" +
                       re.escape(word[len(start):].encode()) + b'"',
                       lambda _, word=word: b'"' + word.encode() + b'"', reply)
    return reply
