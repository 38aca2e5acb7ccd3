# SPDX-License-Identifier: Apache-2.0
"""What a worker does without policy, journal or quota, and how it recovers;
the durable tier; new policy, new credentials and reloads while it runs."""
import contextlib
import http.client
import json
import os
import signal
import socket
import threading
import time

import pytest

import lab
from conftest import Module, chat


@pytest.fixture
def bare(tmp_path):
    """Nothing started but the origins; the test does the rest."""
    made = []

    def make(**more):
        made.append(Module(tmp_path, **more))
        return made[-1]

    yield make
    for module in made:
        module.stop()


def left_alone(module):
    """A call whose worker dies; how the client sees it does not matter."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        module.call(chat("hang"))


def outcome(module, **more):
    status, headers, reply = module.call(chat(), **more)
    return status, headers, reply.decode()


def test_worker_without_policy_or_journal_answers_503_and_recovers(bare):
    module = bare(starts_writer=False)
    module.start()
    status, headers, reply = outcome(module)
    assert status == 503 and "no policy" in reply
    assert headers["retry-after"] == "1"
    module.put_image()
    lab.wait_for(lambda: "journal" in outcome(module)[2], 2, "policy")
    assert module.origin.stats()["calls"] == 0
    module.start_writer()
    lab.wait_for(lambda: outcome(module)[0] == 200, 2, "journal")
    assert module.origin.stats()["calls"] == 1


def test_worker_without_budgets_lets_nothing_through(bare):
    module = bare()
    module.put_image()
    quota = module.where / "run/quota"
    quota.rename(module.where / "quota.away")
    module.start()
    lab.wait_for(lambda: "budgets" in outcome(module)[2], 5, "a refusal")
    assert module.origin.stats()["calls"] == 0
    (module.where / "quota.away").rename(quota)
    lab.wait_for(lambda: outcome(module)[0] == 200, 2, "budgets")


def test_durable_call_waits_for_the_disk_and_no_longer_than_bounded(bare):
    module = bare(tier="durable")
    module.put_image()
    module.start().wait_ready()
    for _ in range(20):
        assert outcome(module)[0] == 200
    calls = module.origin.stats()["calls"]
    os.kill(module.writer.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        status, headers, reply = outcome(module)
        assert status == 503 and "journal" in reply
        assert 1.5 < time.monotonic() - started < lab.PATIENCE
        assert module.origin.stats()["calls"] == calls
    finally:
        os.kill(module.writer.pid, signal.SIGCONT)
    lab.wait_for(lambda: outcome(module)[0] == 200, 5, "the writer")


def test_many_durable_calls_at_once_and_a_client_that_does_not_wait(bare):
    module = bare(tier="durable")
    module.put_image()
    module.start().wait_ready()
    body = json.dumps(chat()).encode()
    statuses = []
    threads = [threading.Thread(
        target=lambda: statuses.append(outcome(module)[0]))
        for _ in range(8)]
    os.kill(module.writer.pid, signal.SIGSTOP)
    try:
        with socket.create_connection(("127.0.0.1", module.port), 5) as s:
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                      b"Authorization: Bearer wr_test\r\nContent-Length: %d"
                      b"\r\n\r\n" % len(body) + body)
            lab.wait_for(lambda: module.held() == 1, 2, "the waiter")
        lab.wait_for(lambda: module.held() == 0, 1, "the waiter's end")
        for thread in threads:
            thread.start()
        lab.wait_for(lambda: module.held() == 8, 2, "eight waiters")
    finally:
        os.kill(module.writer.pid, signal.SIGCONT)
    for thread in threads:
        thread.join(10)
    assert statuses == [200] * 8


def test_journal_that_was_made_anew_is_taken_up(bare):
    module = bare(tier="durable")
    module.put_image()
    module.start().wait_ready()
    module.writer.kill()
    (module.where / "run/ring").unlink()
    module.start_writer()
    lab.wait_for(lambda: outcome(module)[0] == 200, 5, "the new ring")
    lab.wait_for(lambda: module.held() == 0, 5, "every hold settled")


def test_new_policy_and_new_credentials_act_without_a_reload(bare):
    module = bare(workers=2)
    module.put_image()
    module.start().wait_ready()
    (module.where / "policies/law/more.cedar").write_text(
        '@id("law-far") @title("Far is closed") @authority("tests")'
        ' @appeal("x@tests.example")\n'
        'forbid (principal, action, resource in Model::"far");')
    assert module.call(chat(model="far"))[0] == 200
    module.put_image()
    lab.wait_for(lambda: module.call(chat(model="far"))[0] == 403, 1, "policy")
    # a model that was not there before, at an origin that was
    module.put_image(lambda world: world["routes"].append(
        {"name": "again", "candidates": [{"model": "near"}]}))
    lab.wait_for(lambda: module.call(chat(model="again"))[0] == 200, 1, "route")


def test_damaged_image_leaves_the_last_one_in_force(bare):
    module = bare()
    module.put_image()
    module.start().wait_ready()
    module.put_image()
    lab.wait_for(lambda: "image 2" in module.log(), 2, "the second image")
    whole = (module.where / "run/image-2").read_bytes()
    (module.where / "run/image-3").write_bytes(whole[:-100] + b"x" * 100)
    with open(module.where / "run/board", "r+b") as board:
        board.seek(8)
        board.write((3).to_bytes(8, "little"))
    lab.wait_for(lambda: "not usable" in module.log(), 2, "the damage")
    assert outcome(module)[0] == 200
    module.stage("withdraw", "model", "near")  # acts all the same
    lab.wait_for(lambda: outcome(module)[0] == 403, 2, "withdrawal")


def half_open(world):
    """Stale after a minute; `tls` is served all the same, `near` is not."""
    world["seller"]["stale_after"] = "1 min"
    for row in world["models"]:
        row["open_when_stale"] = row["name"] == "far"


def told(module):
    """Status and code of a restricted model, and of one that stays open."""
    rows = []
    for model in ("near", "far"):
        status, _, reply = module.call(chat(model=model))
        rows.append((status, json.loads(reply).get("error", {}).get("code")))
    return rows


OPEN = [(200, None), (200, None)]
HALF = [(503, "policy_stale"), (200, None)]


def set_board(module, offset, value):
    with open(module.where / "run/board", "r+b") as board:
        board.seek(offset)
        board.write(value.to_bytes(8, "little", signed=True))


def damage(module, name, source):
    """A file that fails its check, put in force as control would."""
    whole = (module.where / "run" / source).read_bytes()
    (module.where / "run" / name).write_bytes(whole[:-40] + b"x" * 40)
    kind, _, generation = name.partition("-")
    set_board(module, {"image": 8, "overlay": 16}[kind], int(generation))


def test_damaged_image_closes_what_is_restricted_and_no_more(bare):
    module = bare()
    module.put_image(half_open)
    module.start().wait_ready()
    assert told(module) == OPEN
    damage(module, "image-2", "image-1")
    lab.wait_for(lambda: told(module) == HALF, 3, "restricted models closed")
    module.generation = 2
    module.put_image(half_open)
    lab.wait_for(lambda: told(module) == OPEN, 3, "a good image")


def test_damaged_withdrawals_close_what_is_restricted_until_they_are_read(
        bare):
    module = bare()
    module.put_image(half_open)
    module.stage("withdraw", "model", "denied")
    module.start().wait_ready()
    assert told(module) == OPEN
    damage(module, "overlay-2", "overlay-1")
    lab.wait_for(lambda: told(module) == HALF, 3, "restricted models closed")
    module.stage("withdraw", "model", "held")
    lab.wait_for(lambda: told(module) == OPEN, 3, "good withdrawals")


def test_worker_that_starts_beside_a_damaged_image_serves_what_stays_open(
        bare):
    module = bare()
    module.put_image(half_open)
    damage(module, "image-2", "image-1")
    module.start()
    lab.wait_for(lambda: told(module) == HALF, 10, "the earlier image")
    module.generation = 2
    module.put_image(half_open)
    lab.wait_for(lambda: told(module) == OPEN, 3, "a good image")


def test_board_that_confirms_nothing_or_the_future_is_stale(bare):
    module = bare()
    module.put_image(half_open)
    module.start().wait_ready()
    now = int(time.time() * 1000000)
    for confirmed in (0, -1, now + 3600 * 1000000, now - 61 * 1000000):
        set_board(module, 32, confirmed)
        assert told(module) == HALF, confirmed
        set_board(module, 32, int(time.time() * 1000000))
        assert told(module) == OPEN


def test_reload_ends_no_stream_and_fails_no_call(bare):
    module = bare(workers=2)
    module.put_image()
    module.start().wait_ready()
    ends = []
    streams = [threading.Thread(target=lambda: ends.append(module.call(
        chat("events=40;gap=50", stream=True))[2])) for _ in range(4)]
    for thread in streams:
        thread.start()
    statuses = []
    for number in range(100):
        if number % 25 == 10:
            os.kill(module.nginx.pid, signal.SIGHUP)
        statuses.append(outcome(module)[0])
        time.sleep(0.01)
    for thread in streams:
        thread.join(20)
    assert statuses == [200] * 100
    assert all(b"[DONE]" in end for end in ends) and len(ends) == 4
    assert module.held() == 0


def test_killed_worker_is_replaced_and_its_holds_do_not_stay(bare):
    module = bare()
    module.put_image()
    module.start().wait_ready()
    worker = next(pid for pid, name, line in
                  lab.descendants(module.nginx.pid) if "worker" in line)
    thread = threading.Thread(target=left_alone, args=(module,))
    thread.start()
    lab.wait_for(lambda: module.held() == 1, 2, "a call under way")
    os.kill(worker, signal.SIGKILL)
    thread.join(10)
    lab.wait_for(lambda: lab.is_open(module.port) and
                 outcome(module)[0] == 200, 5, "a new worker")


def test_terminated_worker_settles_what_was_open(bare):
    module = bare()
    module.put_image()
    module.start().wait_ready()
    thread = threading.Thread(target=left_alone, args=(module,))
    thread.start()
    lab.wait_for(lambda: module.held() == 1, 2, "a call under way")
    os.kill(module.nginx.pid, signal.SIGTERM)
    thread.join(10)
    module.nginx.child.wait(10)
    assert module.held() == 0
