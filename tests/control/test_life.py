# SPDX-License-Identifier: Apache-2.0
"""Start, reload, death and end of `weir serve`."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import lab
from small import POLICIES, config


def pid_in(place, name):
    run = pathlib.Path(os.path.realpath(place.weir.state / "run"))
    # created first and written after that
    return int(lab.wait_for((run / name).read_text, 5, f"{name} is empty"))


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return state[state.rindex(")") + 2] != "Z"


def workers_of(place):
    return {pid for pid, _, words in place.weir.children()
            if "nginx: worker" in words}


def test_a_second_serve_on_the_same_state_is_refused(own_place):
    done = own_place.weir.cli("serve", check=False)
    assert done.returncode == 19 and "another weir" in done.stderr
    own_place.good()


def test_a_reload_takes_new_sources_without_touching_nginx(own_place):
    place = own_place
    nginx = pid_in(place, "nginx.pid")
    lab.wait_for(lambda: len(workers_of(place)) == 2, 5, "both workers")
    workers = workers_of(place)
    place.weir.config["models"].append(
        {**place.weir.config["models"][0], "name": "m2"})
    place.weir.config["deployments"].append(
        {**place.weir.config["deployments"][0], "name": "m2-one",
         "model": "m2"})
    place.weir.write()
    place.weir.reload()
    lab.wait_for(lambda: place.call(model="m2")[0] == 200, 5, "the new model")
    assert pid_in(place, "nginx.pid") == nginx
    assert workers_of(place) == workers


def test_a_faulty_reload_changes_nothing_and_says_why(own_place):
    place = own_place
    place.weir.config["models"][0].pop("licence")
    place.weir.write()
    done = place.weir.cli("reload", check=False)
    assert done.returncode == 4 and "licence" in done.stderr
    place.weir.reload()
    lab.wait_for(lambda: "reload refused" in place.weir.process.tail(), 5,
                 "the message")
    place.good()
    assert place.api("GET", "/healthz")[1]["status"] != "ok"
    place.weir.config["models"][0]["licence"] = "MIT"
    place.weir.write()
    place.weir.cli("reload")
    assert place.api("GET", "/healthz")[1]["status"] == "ok"


def test_what_nginx_refuses_is_refused_by_check_and_reload_alike(own_place):
    place = own_place
    key = place.weir.where / "broken.pem"
    key.write_text("no certificate\n")
    place.weir.config["listen"].append(
        {"address": f"127.0.0.1:{lab.free_port()}",
         "tls": {"certificate": str(key), "key": str(key)}})
    place.weir.config["models"][0]["title"] = "another image"
    before = place.weir.json("reload")["generation"]
    place.weir.write()
    done = place.weir.cli("check", check=False)
    assert done.returncode != 0 and "nginx" in done.stderr
    done = place.weir.cli("reload", check=False)
    assert done.returncode != 0 and "nginx" in done.stderr
    place.weir.config["listen"].pop()
    place.weir.config["models"][0].pop("title")
    place.weir.write()
    assert place.weir.json("reload")["generation"] == before
    place.good()


def test_a_new_origin_reloads_nginx_without_a_failed_call(own_place):
    place = own_place
    place.key()
    failed, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            status, _, body = place.call()
            if status != 200:
                failed.append((status, body))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    place.weir.config["origins"].append(
        {"name": "two", "dialect": "openai", "url": place.origin.url()})
    place.weir.config["deployments"].append(
        {**place.weir.config["deployments"][0], "name": "m-two",
         "origin": "two"})
    place.weir.config["routes"] = [{"name": "second", "mode": "order",
                                    "candidates": ["m-two"]}]
    place.weir.write()
    place.weir.reload()
    lab.wait_for(lambda: place.call(model="second")[0] == 200, 10,
                 "the new origin")
    time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []


def test_an_origin_whose_name_does_not_resolve_does_not_stop_the_start(
        own_place):
    place = own_place
    place.weir.stop()
    place.weir.config["origins"].append(
        {"name": "lost", "dialect": "openai",
         "url": "http://nowhere.invalid/v1"})
    place.weir.config["deployments"].append(
        {**place.weir.config["deployments"][0], "name": "m-lost",
         "origin": "lost"})
    place.weir.config["routes"] = [
        {"name": "through-lost", "mode": "order", "attempts": 3,
         "candidates": ["m-lost", "m-one"]}]
    place.weir.write()
    place.weir.start()
    place.good()
    place.good(model="through-lost")


def test_traffic_goes_on_when_control_dies_and_the_next_one_takes_over(
        own_place):
    place = own_place
    place.good()
    nginx, writer = pid_in(place, "nginx.pid"), pid_in(place, "writer.pid")
    place.weir.process.kill()
    requests = [place.good() for _ in range(20)]
    # the command line acts even now
    made = place.weir.json("keys", "list")["keys"][0]
    place.weir.cli("keys", "revoke", made["id"])
    lab.wait_for(lambda: place.call()[0] == 401, 1, "the revocation")
    place.weir.start()
    assert pid_in(place, "nginx.pid") == nginx
    assert pid_in(place, "writer.pid") == writer
    for request in requests:
        assert place.ledgered(request)["state"] == "closed"
    place.settle()
    place.weir.cli("audit", "verify")
    place.weir.stop()
    assert not is_alive(nginx) and not is_alive(writer)


def test_nginx_and_writer_are_started_again(own_place):
    place = own_place
    place.good()
    for name in ("writer.pid", "nginx.pid"):
        before = pid_in(place, name)
        os.kill(before, signal.SIGKILL)
        lab.wait_for(lambda: pathlib.Path(
            os.path.realpath(place.weir.state / "run"), name).exists() and
            pid_in(place, name) != before, 10, name)

        def answers():
            try:
                return place.call()[0] == 200
            except OSError:
                return False
        lab.wait_for(answers, 10, "calls after the death of " + name)


def test_an_open_stream_ends_before_weir_does(own_place):
    place = own_place
    place.origin.next("events=20;gap=50")
    got = {}

    def stream():
        got["reply"] = place.call(stream=True)

    thread = threading.Thread(target=stream)
    thread.start()
    time.sleep(0.4)
    assert place.weir.stop() == 0
    thread.join()
    status, fields, body = got["reply"]
    assert status == 200 and b"[DONE]" in body and "broken" not in fields
    # and it is in the ledger
    place.weir.start()
    assert place.ledgered(fields["weir-request-id"])["outcome"]["ending"] \
        == "complete"


def budgets(place):
    tenant, = [row for row in place.weir_tenants() if row["name"] == "good"]
    return {(row["metric"], row["window"]): row["used"]
            for row in tenant["limits"]}


def test_budgets_are_as_the_ledger_after_a_cold_start(own_place):
    place = own_place
    token = place.weir.json("admins", "create", "--role", "viewer", "--name",
                            "t")["token"]
    place.weir_tenants = lambda: place.api("GET", "/v1/tenants",
                                           token)[1]["tenants"]
    last = [place.good() for _ in range(7)][-1]
    place.ledgered(last)
    warm = budgets(place)
    assert warm["requests", "day"] == 7
    place.weir.stop()
    place.weir.start()
    assert budgets(place) == warm
    place.weir.stop()
    shutil.rmtree(os.path.realpath(place.weir.state / "run"))
    place.weir.start()
    assert budgets(place) == warm
    row, = place.weir.usage("good", "tenant")
    assert warm["money", "month"] == row["cost_micros"]
    assert warm["tokens", "month"] == (row["input_tokens"] +
                                       row["output_tokens"])


def test_calls_of_a_killed_worker_are_closed_as_lost(own_place):
    place = own_place
    place.good()
    place.origin.next("delay=8000", count=2)
    threads = [threading.Thread(target=lambda: quiet(place))
               for _ in range(2)]
    for thread in threads:
        thread.start()
    lab.wait_for(lambda: sum(row["open"] for row in place.weir.usage("good"))
                 == 2, 5, "two open calls")
    for pid in workers_of(place):
        os.kill(pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    lab.wait_for(lambda: sum(row["open"] for row in place.weir.usage("good"))
                 == 0, 15, "no open call")
    rows = place.weir.usage("good", "tenant")
    assert sum(row["lost"] for row in rows) == 2
    assert sum(row["calls"] for row in rows) == 3
    place.good()
    place.settle()
    place.weir.cli("audit", "verify")


def quiet(place):
    try:
        place.call()
    except OSError:
        pass


def test_start_says_how_long_it_took(own_place):
    place = own_place
    place.weir.stop()
    log = place.weir.process.log
    before = log.stat().st_size
    place.weir.start()
    place.good()

    def line():
        text = log.read_bytes()[before:].decode()
        return text[text.index("ready after "):] \
            if "ready after " in text else None
    took = lab.wait_for(line, 5, "'ready after'")
    assert int(took.split()[2]) > 0


def test_serve_runs_as_an_ordinary_user(tmp_path):
    if os.geteuid() != 0:
        return  # every other test has shown it
    where = tmp_path / "plain"
    where.mkdir()
    subprocess.run(["chown", "nobody", where], check=True)
    for folder in (tmp_path, *tmp_path.parents):
        if not os.stat(folder).st_mode & 0o005:
            os.chmod(folder, os.stat(folder).st_mode | 0o055)
    weir = lab.Weir(where / "weir", config("http://127.0.0.1:1/v1"), POLICIES,
                    before=["setpriv", "--reuid=65534", "--regid=65534",
                            "--clear-groups"])
    subprocess.run(["chown", "-R", "nobody", where], check=True)
    try:
        weir.start()
        owners = {os.stat(f"/proc/{pid}").st_uid
                  for pid, _, _ in weir.children()}
        assert owners == {65534}
    finally:
        weir.stop()
