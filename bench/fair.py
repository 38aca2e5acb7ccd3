#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does one tenant at fifty times the load move the others' waiting?

Origin: each reply takes --service ms; the deployment has --places. Four
tenants call at --rate a second each, first alone, then beside one that calls
at fifty times that. Open loop: a call is sent when it is due, whatever became
of the one before. Prints JSON: p50 and p99 of the four, refusals, the bound.

    bench/fair.py --seconds 20 --places 8 --service 100 --rate 2
"""
import argparse
import concurrent.futures
import json
import multiprocessing
import pathlib
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/harness"))
import lab  # noqa: E402
from house import House, chat  # noqa: E402

OTHERS = ("good", "insider", "thrifty", "poor")
GIANT = "busy"


def configure(places, length):
    def change(config):
        for row in config["deployments"]:
            if row["name"] == "large-near":
                row["concurrency"] = places
                row["queue"] = {"length": length, "wait": "10 s"}
        for row in config["tenants"]:
            row.pop("budgets", None)
    return change


def load(house, tenant, rate, seconds):
    """Calls at `rate` a second for so long; of each how long it took, its
    status, and how long it waited for a place, as weir says."""
    threads, rows = [], []
    port, key = house
    body = json.dumps(chat("x", model="only-near")).encode()

    def one():
        start = time.monotonic()
        try:
            status, headers, _ = lab.exchange(
                port, "POST", "/v1/chat/completions", body,
                {"Authorization": "Bearer " + key})
        except OSError:
            status, headers = 0, {}
        rows.append((time.monotonic() - start, status,
                     int(headers.get("weir-queued-ms", 0))))
    begin = time.monotonic()
    for number in range(int(rate * seconds)):
        wait = begin + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        threads.append(threading.Thread(target=one))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return rows


def run(house, rates, seconds):
    """A process for each tenant: the giant's calls shall not slow down the
    clocks of the others."""
    work = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(len(rates), work) as pool:
        running = {tenant: pool.submit(
            load, (house.weir.port, house.key(tenant)), tenant, rate, seconds)
                   for tenant, rate in rates.items()}
        return {tenant: one.result() for tenant, one in running.items()}


def figures(rows):
    times = sorted(t for t, status, _ in rows if status == 200)
    waits = sorted(ms for _, status, ms in rows if status == 200)
    if not times:
        return {"calls": len(rows), "served": 0}
    return {"calls": len(rows), "served": len(times),
            "p50_ms": round(times[len(times) // 2] * 1000, 1),
            "p99_ms": round(times[int(len(times) * 0.99)] * 1000, 1),
            "queued_p50_ms": waits[len(waits) // 2],
            "queued_p99_ms": waits[int(len(waits) * 0.99)]}


def measure(seconds, places, service, rate, length=200, where=None):
    """Figures of the others alone and beside the giant, and of the giant."""
    with tempfile.TemporaryDirectory(dir=where) as folder:
        house = House(pathlib.Path(folder), change=configure(places, length))
        try:
            house.origin.standing(f"delay={service}")
            for tenant in (*OTHERS, GIANT):
                house.key(tenant)
            calm = dict.fromkeys(OTHERS, rate)
            alone = run(house, calm, seconds)
            beside = run(house, {**calm, GIANT: 50 * rate}, seconds)
        finally:
            house.stop()

    def together(rows):
        return figures([row for name in OTHERS for row in rows[name]])
    # a place comes free each service/places; before each of its calls one of
    # every other tenant may go, and the first place is somebody's call
    bound = service + (len(OTHERS) + 2) * service / places
    return {"alone": together(alone), "beside": together(beside),
            "giant": figures(beside[GIANT]), "bound_p99_added_ms": bound}


def main():
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("--seconds", type=float, default=20)
    ask.add_argument("--places", type=int, default=8)
    ask.add_argument("--service", type=int, default=100, help="ms")
    ask.add_argument("--rate", type=float, default=2, help="calls a second")
    options = ask.parse_args()
    print(json.dumps(measure(options.seconds, options.places, options.service,
                             options.rate), indent=1))


if __name__ == "__main__":
    main()
