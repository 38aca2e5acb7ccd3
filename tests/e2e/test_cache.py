# SPDX-License-Identifier: Apache-2.0
"""Answers that are given again: to whom, how long, at what price."""
import json
import time

import openai
import pytest

import lab
from house import House, chat, explained

PERMIT = """
@id("cached") @title("May be cached") @authority("The seller")
@tier("durable") @cache("2 s")
permit (principal in Tenant::"busy", action, resource);
"""


def configure(config):
    config["cache"] = {"memory": "4 MiB", "answer": "64 KiB", "ttl": "10 min"}
    config["filters"] = [
        {"name": "cards", "rules": [{"detector": "card", "action": "mask",
                                     "in": "replies"}]}]
    for row in config["models"]:
        if row["name"] == "large":
            row["hit_price"] = "10%"
        if row["name"] == "small":
            row["hit_price"] = "0.000123"
    for row in config["tenants"]:
        if row["name"] == "doubtful":
            row["cache"] = False
    config["routes"] += [
        {"name": "kept", "candidates": ["large-near"], "cache": "5 min"},
        {"name": "kept-small", "candidates": ["small-near"],
         "cache": "5 min"},
        {"name": "never", "candidates": ["large-near"], "cache": "none"},
        {"name": "kept-both", "candidates": ["large-near", "large-far"],
         "cache": "5 min"}]


@pytest.fixture(scope="module")
def keeping(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("cache"), change=configure)
    made.weir.policy("seller/cached.cedar", PERMIT)
    made.weir.cli("reload")
    lab.wait_for(lambda: (made.weir.run_dir / "cache").exists(), 5)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(keeping):
    keeping.origin.reset()
    keeping.weir.cli("cache", "purge", "--all")


def calls(house):
    return len(house.origin.requests())


def outcome(house, headers):
    def said():
        done = house.weir.cli("explain", headers["weir-request-id"], "--json",
                              check=False)
        return json.loads(done.stdout).get("outcome") \
            if done.returncode <= 1 else None
    return lab.wait_for(said, 10, "the outcome")


def warm(house, body, tenant="good", **more):
    """Asks until it is kept: what a worker maps it maps within a second."""
    def hit():
        status, headers, reply = house.call(body, tenant, **more)
        assert status == 200, reply
        return (headers, reply) if headers.get("weir-cache") == "hit" else None
    return lab.wait_for(hit, 5, "a hit")


def test_the_same_request_is_answered_once_by_the_origin(keeping):
    _, reply = warm(keeping, chat("again", model="kept"))
    before = calls(keeping)
    for _ in range(4):
        # other blanks are the same request
        text = json.dumps(chat("again", model="kept"), indent=3)
        status, headers, other = keeping.call(text.encode())
        assert status == 200 and headers["weir-cache"] == "hit"
        assert other == reply
        assert int(headers["age"]) < 60
        assert headers["weir-deployment"] == "large-near"
    assert calls(keeping) == before
    for other in (chat("another", model="kept"),
                  chat("again", model="kept", temperature=0.5)):
        assert keeping.call(other)[1]["weir-cache"] == "miss"


def test_a_hit_is_on_record_and_has_its_own_price(keeping):
    status, fresh, reply = keeping.call(chat("price", model="kept"))
    headers, _ = warm(keeping, chat("price", model="kept"))
    said, first = outcome(keeping, headers), outcome(keeping, fresh)
    assert first["cost_micros"] > 0 and "cached_s" not in first
    assert said["cached_s"] >= 0
    assert said["attempts"] == [] and said["ending"] == "complete"
    assert said["input_tokens"] == first["input_tokens"]
    assert said["output_tokens"] == first["output_tokens"]
    assert said["cost_micros"] == (first["cost_micros"] + 5) // 10
    assert said["price_version"] == first["price_version"] + ";hit=100000"
    assert headers["weir-cost"].startswith(
        f"0.{said['cost_micros']:06d} ")
    # an amount for each answer
    headers, _ = warm(keeping, chat("price", model="kept-small"))
    said = outcome(keeping, headers)
    assert said["cost_micros"] == 123
    assert said["price_version"].endswith(";hit")
    assert keeping.weir.audit().returncode == 0


def test_a_stream_comes_back_as_the_stream_it_was(keeping):
    client = openai.OpenAI(api_key=keeping.key(), max_retries=0,
                           base_url=keeping.weir.base)

    def ask():
        raw = client.chat.completions.with_raw_response.create(
            model="kept", stream=True, stream_options={"include_usage": True},
            messages=[{"role": "user", "content": "stream it"}])
        chunks = list(raw.parse())
        text = "".join(c.choices[0].delta.content or ""
                       for c in chunks if c.choices)
        return raw.headers, text, chunks[-1].usage
    _, text, usage = ask()
    assert text and usage.completion_tokens > 0

    def again():
        found = ask()
        return found if found[0].get("weir-cache") == "hit" else None
    headers, kept, kept_usage = lab.wait_for(again, 5, "a hit")
    assert kept == text and kept_usage == usage
    assert headers["content-type"].startswith("text/event-stream")
    # the plain form is another request
    plain = client.chat.completions.with_raw_response.create(
        model="kept", messages=[{"role": "user", "content": "stream it"}])
    assert plain.headers["weir-cache"] == "miss"


def test_a_hit_never_crosses_tenants(keeping):
    body = chat("whose", model="kept")
    warm(keeping, body, "good")
    before = calls(keeping)
    for tenant in ("insider", "thrifty"):
        status, headers, _ = keeping.call(body, tenant)
        assert status == 200 and headers["weir-cache"] == "miss"
    assert calls(keeping) == before + 2
    # another key of the same tenant may have it
    key = keeping.weir.key("good/app")
    assert keeping.call(body, key=key)[1]["weir-cache"] == "hit"


def test_a_denial_comes_before_any_hit(keeping):
    body = chat("denied", model="kept")
    warm(keeping, body)
    before = calls(keeping)
    assert keeping.call(body, "outcast")[0] == 403
    assert keeping.call(body, key="wr_nobody")[0] == 401
    keeping.weir.policy("law/no.cedar", """
@id("no-large") @title("Not any more") @authority("The law")
forbid (principal, action, resource in Model::"large");
""")
    try:
        keeping.weir.cli("reload")
        status, _, reply = keeping.call(body)
        assert status == 403
        assert json.loads(reply)["error"]["code"] == "policy_forbids"
    finally:
        (keeping.weir.where / "policies/law/no.cedar").unlink()
        keeping.weir.cli("reload")
    assert keeping.call(body)[1]["weir-cache"] == "hit"
    assert calls(keeping) == before


def test_what_made_it_must_still_be_allowed(keeping):
    body = chat("by near", model="kept-both")
    headers, _ = warm(keeping, body)
    assert headers["weir-deployment"] == "large-near"
    keeping.weir.cli("withdraw", "deployment", "large-near")
    try:
        status, headers, _ = keeping.call(body)
        assert status == 200 and headers["weir-cache"] == "miss"
        assert headers["weir-deployment"] == "large-far"
    finally:
        keeping.weir.cli("restore", "deployment", "large-near")


def test_only_what_was_asked_for_is_kept(keeping):
    for model, tenant in (("only-near", "good"), ("never", "good"),
                          ("kept", "doubtful")):
        for _ in range(2):
            _, headers, _ = keeping.call(chat("not kept", model=model), tenant)
            assert "weir-cache" not in headers, (model, tenant)
    # a policy asks for it, for two seconds
    body = chat("by policy", model="only-near")
    warm(keeping, body, "busy")
    time.sleep(2.1)
    assert keeping.call(body, "busy")[1]["weir-cache"] == "miss"


@pytest.mark.parametrize("more", [
    {"previous_response_id": None}, {"input": [
        {"type": "item_reference", "id": None}]},
    {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}])
def test_what_goes_on_from_an_origin_s_state_is_not_kept(keeping, more):
    plain = {"model": "kept", "input": "where were we " + str(more),
             "background": False, "conversation": None}
    made = json.loads(warm(keeping, plain, path="/v1/responses")[1])
    if "previous_response_id" in more:
        more = {"previous_response_id": made["id"]}
    if "input" in more:
        more["input"][0]["id"] = made["output"][0]["id"]
    before = calls(keeping)
    for _ in range(2):
        status, headers, _ = keeping.call({**plain, **more},
                                          path="/v1/responses")
        assert status == 200 and "weir-cache" not in headers
    assert calls(keeping) == before + 2


def test_the_client_may_say_no(keeping):
    body = chat("says no", model="kept")
    _, old = warm(keeping, body)
    before = calls(keeping)
    for fields, word in (({"cache-control": "no-store"}, "off"),
                         ({"weir-cache": "off"}, "off"),
                         ({"cache-control": "no-cache"}, "refresh"),
                         ({"weir-cache": "refresh"}, "refresh")):
        assert keeping.call(body, headers=fields)[1]["weir-cache"] == word
    assert calls(keeping) == before + 4
    assert keeping.call(body)[1]["weir-cache"] == "hit"
    # what is not to be stored is not
    body = chat("not stored", model="kept")
    keeping.call(body, headers={"cache-control": "no-store"})
    assert keeping.call(body)[1]["weir-cache"] == "miss"


@pytest.mark.parametrize("script", [
    "status=500", "status=400", "close", "malformed", "cut_after=20", "stream;cut_after=2", "stream;nodone", "stream;cut_after=2;error_event", "gzip"])
def test_what_did_not_come_whole_is_not_kept(keeping, script):
    body = chat("cut " + script, model="kept", stream="stream" in script)
    keeping.origin.next(script.replace("stream;", ""), 4, "near")
    try:
        keeping.call(body)
    except OSError:
        pass
    keeping.origin.reset()
    status, headers, _ = keeping.call(body)
    assert status == 200 and headers["weir-cache"] == "miss"


def test_filters_read_what_comes_from_the_cache(keeping):
    body = chat("card", model="kept")
    keeping.origin.standing("content=pay%20with%204111%201111%201111%201111%20now")
    _, plain = warm(keeping, body)
    assert b"4111" in plain
    keeping.weir.policy("seller/cards.cedar", """
@id("cards") @title("Cards") @authority("The seller") @filter("cards")
permit (principal in Tenant::"good", action, resource);
""")
    try:
        keeping.weir.cli("reload")
        _, masked = warm(keeping, body)
        assert b"4111" not in masked and b"[CARD]" in masked
    finally:
        (keeping.weir.where / "policies/seller/cards.cedar").unlink()
        keeping.weir.cli("reload")


def test_a_purge_forgets(keeping):
    mine, theirs = chat("mine", model="kept"), chat("theirs", model="kept")
    warm(keeping, mine, "good")
    warm(keeping, theirs, "thrifty")
    keeping.weir.cli("cache", "purge", "good")
    assert keeping.call(mine, "good")[1]["weir-cache"] == "miss"
    assert keeping.call(theirs, "thrifty")[1]["weir-cache"] == "hit"
    assert keeping.weir.cli("cache", "purge", "nobody",
                            check=False).returncode == 6
    assert keeping.weir.cli("cache", "purge", check=False).returncode == 2
    said = keeping.weir.json("cache", "show")
    assert said["is_on"] and said["hits"] > 0 and said["purged"] > 0
    assert said["used_bytes"] <= said["memory_bytes"]


def test_an_answer_over_the_bound_is_not_kept(keeping):
    for size, is_kept in ((20000, True), (100000, False)):
        keeping.origin.standing(f"bytes={size}")
        body = chat(f"{size} bytes", model="kept")
        if is_kept:
            _, reply = warm(keeping, body)
            assert len(reply) > size
            continue
        for _ in range(2):
            status, headers, reply = keeping.call(body)
            assert status == 200 and len(reply) > size
            assert headers["weir-cache"] == "miss"


def test_no_text_lies_in_the_table(keeping):
    keeping.origin.standing("content=a-most-private-answer")
    _, reply = warm(keeping, chat("a-most-private-question", model="kept"))
    assert b"a-most-private-answer" in reply
    table = (keeping.weir.run_dir / "cache").read_bytes()
    assert b"a-most-private" not in table


def test_a_table_of_another_size_takes_over(keeping):
    body = chat("resize", model="kept")
    warm(keeping, body)
    keeping.weir.config["cache"]["memory"] = "2 MiB"
    keeping.weir.write()
    keeping.weir.cli("reload")
    lab.wait_for(lambda: keeping.weir.json("cache", "show")["memory_bytes"]
                 == 2 << 20, 5, "another table")
    warm(keeping, body)
