# SPDX-License-Identifier: Apache-2.0
"""The watch in the data plane: features in records, and steps on calls."""
import json
import struct
import time

import pytest

import lab
from conftest import Module, chat

OUTCOME, REFUSAL = 2, 3
TAG_BLOCK, TAG_POOLS, TAG_STEP = 23, 24, 25


def on(world):
    world["watch"] = "on"


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    made = Module(tmp_path_factory.mktemp("watched"))
    try:
        made.put_image(on)
        made.start().wait_ready()
        yield made
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def clean(watched):
    watched.origin.reset()
    watched.stage("restore")
    time.sleep(0.2)
    yield
    lab.wait_for(lambda: watched.held() == 0, 5, "every hold settled")


def records(module):
    """(kind, head, tags) of every record, as docs/formats/journal.md says."""
    for path in sorted((module.where / "journal").glob("*.journal")):
        data = path.read_bytes()
        at = 4096
        while at + 36 <= len(data):
            size, kind = struct.unpack_from("<IB", data, at)
            if size < 36 or at + size > len(data):
                break
            payload = data[at + 32:at + size - 4]
            if kind in (1, OUTCOME, REFUSAL):
                head = struct.unpack_from("<H", payload)[0]
                tags, place = {}, 2 + head
                while place < len(payload):
                    tag, length = struct.unpack_from("<HH", payload, place)
                    tags[tag] = payload[place + 4:place + 4 + length]
                    place += 4 + length
                yield kind, payload[2:2 + head], tags
            at += size + (-size % 8)


def record_of(module, headers, kind=OUTCOME):
    """The record of the reply with these headers, once it is on disk."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = 0
    for c in headers["weir-request-id"][4:].upper():
        number = number * 32 + alphabet.index(c)
    name = (number & (1 << 128) - 1).to_bytes(16, "big")
    found = []

    def look():
        found[:] = [(head, tags) for k, head, tags in records(module)
                    if k == kind and head[:16] == name]
        return bool(found)
    lab.wait_for(look, 5, "the record")
    return found[0]


def block_of(module, headers, kind=OUTCOME):
    return record_of(module, headers, kind)[1].get(TAG_BLOCK)


ESSAY = "Write a detailed essay about the history of rivers in Europe."


def test_an_outcome_has_the_block_and_none_of_the_text(watched):
    _, headers, _ = watched.call(chat("in=10;out=5", content=ESSAY,
                                      temperature=0.5))
    head, tags = record_of(watched, headers)
    assert len(tags[TAG_BLOCK]) == 256 and len(tags[TAG_POOLS]) == 72
    assert tags[TAG_BLOCK][0] == 1
    everything = b"".join(p.read_bytes()
                          for p in (watched.where / "journal").iterdir())
    assert b"rivers" not in everything and b"essay" not in everything


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("size,split", [
    ("bytes=500", "piece=1"), ("bytes=500", "chunked;piece=3"),
    ("bytes=9000", "piece=701"), ("bytes=90000", "chunked;piece=9001")])
def test_any_split_gives_the_same_block(watched, stream, size, split):
    base = "events=9;in=3;out=4" if stream else size + ";in=3;out=4"
    blocks = []
    for script in (base, base + ";" + split):
        _, headers, _ = watched.call(chat(script, content=ESSAY,
                                          stream=stream))
        blocks.append(block_of(watched, headers))
    assert blocks[0] is not None and blocks[0] == blocks[1]


def test_stream_and_plain_differ_by_the_bit_that_says_so(watched):
    blocks = []
    for stream in (False, True):
        _, headers, _ = watched.call(chat("events=1;in=3;out=4",
                                          content=ESSAY, stream=stream))
        blocks.append(block_of(watched, headers))
    bits = [struct.unpack_from("<Q", b, 24)[0] for b in blocks]
    assert bits[0] ^ bits[1] == 1 << 32
    # what was asked is the same; only the reply's length may differ
    assert [i for i in range(256) if blocks[0][i] != blocks[1][i]
            and not 20 <= i < 32] == []


def test_hold_says_case_end_and_appeal_and_nothing_goes_upstream(watched):
    watched.stage("step", "tenant", "buyer", "hold")
    lab.wait_for(lambda: watched.call(chat())[0] == 403, 5, "the hold")
    before = watched.origin.stats()["calls"]
    status, headers, reply = watched.call(chat(content=ESSAY))
    error = json.loads(reply)["error"]
    assert status == 403 and error["code"] == "watch_hold"
    assert headers["weir-decision"] == "hold"
    assert headers["weir-watch"].startswith("hold; case=wc_stage; until=2")
    assert "retry-after" not in headers
    assert error["weir"]["case"] == "wc_stage"
    assert error["weir"]["appeal"] == "appeals@seller.example"
    assert error["weir"]["ends_at"].startswith("2")
    assert watched.origin.stats()["calls"] == before
    _, tags = record_of(watched, headers, REFUSAL)
    assert tags[TAG_STEP][0] == 4 and tags[TAG_STEP].endswith(b"wc_stage")
    assert len(tags[TAG_BLOCK]) == 256
    # fallback goes by the same gate
    assert watched.call(chat(model="fallback"))[0] == 403


def test_a_step_ends_by_itself(watched):
    watched.stage("step", "key", "wk_test", "suspend", "for=1500")
    lab.wait_for(lambda: watched.call(chat())[0] == 403, 5, "the step")
    status, _, reply = watched.call(chat())
    assert status == 403
    assert json.loads(reply)["error"]["code"] == "watch_suspended"
    lab.wait_for(lambda: watched.call(chat())[0] == 200, 5, "its end")


def test_strip_takes_n_logprobs_and_says_so(watched):
    watched.stage("step", "organisation", "buyer", "strip")
    lab.wait_for(lambda: "weir-watch" in watched.call(chat())[1], 5,
                 "the step")
    status, headers, _ = watched.call(
        chat(n=4, logprobs=True, top_logprobs=5))
    sent = json.loads(watched.origin.body())
    assert status == 200 and headers["weir-watch"].startswith("strip; ")
    assert sent.get("n", 1) == 1 and not sent.get("logprobs")
    assert not sent.get("top_logprobs")


def test_slow_delays_each_call_once_and_caps_the_rate(watched):
    watched.stage("step", "project", "buyer/tests", "slow", "delay=400")
    lab.wait_for(lambda: "weir-watch" in watched.call(chat())[1], 5,
                 "the step")
    start = time.monotonic()
    status, headers, _ = watched.call(chat(model="fallback"))
    took = time.monotonic() - start
    assert status == 200 and headers["weir-watch"].startswith("slow; ")
    assert 0.39 <= took < lab.PATIENCE
    watched.stage("step", "key", "wk_test", "slow", "rate=2")
    replies = []

    def is_full():
        replies.append(watched.call(chat()))
        return replies[-1][0] == 429
    lab.wait_for(is_full, 10, "the rate")
    error = json.loads(replies[-1][2])["error"]
    assert error["code"] == "watch_slow"
    assert error["weir"]["window"] == "key requests per minute"
    assert int(replies[-1][1]["retry-after"]) <= 60


def test_a_client_that_leaves_while_slowed_is_not_sent(watched):
    watched.stage("step", "tenant", "buyer", "slow", "delay=1500")
    lab.wait_for(lambda: "weir-watch" in watched.call(chat())[1], 9,
                 "the step")
    before = watched.origin.stats()["calls"]
    with pytest.raises(OSError):
        watched.call(chat(), timeout=0.3)
    lab.wait_for(lambda: watched.held() == 0, 5, "the hold given back")
    assert watched.origin.stats()["calls"] == before


def test_observe_changes_nothing_for_the_caller(watched):
    watched.stage("step", "tenant", "buyer", "observe")
    time.sleep(0.5)
    status, headers, _ = watched.call(chat())
    assert status == 200 and "weir-watch" not in headers
    _, tags = record_of(watched, headers)
    assert tags[TAG_POOLS][64] == 1 and tags[TAG_POOLS][65] == 3


def test_a_shared_indicator_is_matched_from_now_on(watched):
    _, headers, _ = watched.call(chat(content=ESSAY))
    _, tags = record_of(watched, headers)
    frame = struct.unpack_from("<Q", tags[TAG_BLOCK], 48)[0]
    assert tags[TAG_POOLS][66:72] == bytes(6)
    watched.stage("indicator", f"{frame:x}")
    time.sleep(0.5)
    _, headers, _ = watched.call(chat(content=ESSAY))
    pools = record_of(watched, headers)[1][TAG_POOLS]
    assert struct.unpack_from("<HI", pools, 66) == (1, 1)


def test_who_is_not_watched_has_no_block(watched):
    def off(world):
        on(world)
        world["tenants"][0]["watch"] = False
    watched.put_image(off)
    time.sleep(0.5)
    _, headers, _ = watched.call(chat(content=ESSAY))
    assert TAG_BLOCK not in record_of(watched, headers)[1]
    watched.put_image(on)
    time.sleep(0.5)
