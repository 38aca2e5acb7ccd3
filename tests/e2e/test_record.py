# SPDX-License-Identifier: Apache-2.0
"""The record: explain, ledger and log say what the origin says."""
import json
import socket

import lab
from house import chat, explained


def test_explain_tells_the_whole_call(house):
    status, headers, _ = house.call(chat(
        model="first-near", script="in=20;out=7"))
    request = headers["weir-request-id"]
    lab.wait_for(lambda: explained(house, request), 10, "outcome")
    text = house.weir.cli("explain", request).stdout
    for said in ("good", "large-near", "large-far", "seller-permit", "here",
                 "DE", "20", "7"):
        assert said in text, said
    said = json.loads(house.weir.cli("explain", request, "--json").stdout)
    assert "large-near" in json.dumps(said)


def test_explain_tells_why_not(house):
    status, headers, _ = house.call(chat(), "outcast")
    request = headers["weir-request-id"]
    text = lab.wait_for(
        lambda: (lambda done: done.stdout if done.returncode < 2 else "")(
            house.weir.cli("explain", request, check=False)), 10, "refusal")
    assert "maker-excluded" in text


def test_unknown_request_is_a_clean_no(house):
    done = house.weir.cli("explain", "req_" + "0" * 26, check=False)
    assert done.returncode != 0


def test_cost_header_is_the_price(house):
    """in 30 of which 10 cached, out 8: 20 * 3 + 10 * 1 + 8 * 15 = 190."""
    _, headers, _ = house.call(chat(script="in=30;cached=10;out=8"))
    assert headers["weir-cost"] == "0.000190 USD"


def test_audit_agrees(house):
    for number in range(20):
        house.call(chat(script=f"in={number};out={number % 5}"), "busy")
    done = house.weir.audit()
    assert done.returncode == 0, done.stdout


def test_counters_of_admission_agree_with_the_ledger(house):
    """After calls that ended well, were cut, refused and left by clients:
    what admission counts is what the ledger sums, to the unit."""
    for number in range(40):
        words = ["in=50;out=9", "events=9;gap=1", "status=500",
                 "events=30;cut_after=4", "events=40;gap=5"][number % 5]
        body = json.dumps(chat(stream="events" in words, script=words,
                               max_tokens=64)).encode()
        with socket.create_connection(("127.0.0.1", house.weir.port), 10) as s:
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: w\r\n"
                      b"Connection: close\r\nAuthorization: Bearer " +
                      house.key("busy").encode() +
                      b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            while s.recv(4096) and number % 5 != 4:
                pass

    def agreed():
        rows = house.weir.usage("busy")
        if any(row["open"] for row in rows):
            return False
        used = house.weir.budgets("busy")
        tokens, money = used["tokens", "day"], used["money", "month"]
        return (tokens["held"], money["held"], tokens["used"],
                money["used"]) == (
            0, 0, sum(r["input_tokens"] + r["output_tokens"] for r in rows),
            sum(r["cost_micros"] for r in rows))

    lab.wait_for(agreed, 10, f"agreement: {house.weir.budgets('busy')} and "
                 f"{house.weir.usage('busy')}")


def test_no_content_and_no_key_anywhere_on_disk(house):
    marker = "zanzibar-marzipan-4711"
    house.call(chat(marker))
    house.call(chat(marker, stream=True))
    house.call(chat(marker), "outcast")
    key = house.key().encode()
    for path in house.weir.where.rglob("*"):
        if path.is_file() and path.stat().st_size < 64 << 20:
            content = path.read_bytes()
            assert marker.encode() not in content, path
            assert key not in content, path
