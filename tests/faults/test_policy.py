# SPDX-License-Identifier: Apache-2.0
"""Policy data that grows stale: restricted models close, those that the
configuration lists stay open, and all is well when control is back."""
import json
import os
import signal
import time

import lab

OPEN, RESTRICTED = "large", "small"


def half_open(config):
    config["seller"]["stale_after"] = "2 s"
    for row in config["models"]:
        row["open_when_stale"] = row["name"] == OPEN


def told(house, model):
    status, _, body = house.call({"model": model, "max_tokens": 20,
                                  "messages": [{"role": "user",
                                                "content": "hello"}]})
    return status, json.loads(body).get("error", {}).get("code")


def test_without_control_restricted_models_close_and_listed_ones_stay(
        make_house):
    house = make_house(change=half_open)
    assert told(house, OPEN)[0] == told(house, RESTRICTED)[0] == 200
    time.sleep(3)  # control confirms all the while
    assert told(house, RESTRICTED)[0] == 200
    os.kill(house.weir.process.pid, signal.SIGKILL)
    died = time.time()
    lab.wait_for(lambda: told(house, RESTRICTED) == (503, "policy_stale"), 6,
                 "restricted models closed")
    assert time.time() - died > 1.5  # not before it is stale
    assert told(house, OPEN)[0] == 200
    house.weir.start()
    lab.wait_for(lambda: told(house, RESTRICTED)[0] == 200, 10, "control back")
    assert told(house, OPEN)[0] == 200


def test_sources_that_stay_faulty_grow_stale_too(make_house):
    house = make_house(change=half_open)
    assert told(house, RESTRICTED)[0] == 200
    good = house.weir.file.read_text()
    house.weir.file.write_text(good + "}")
    os.kill(house.weir.process.pid, signal.SIGHUP)
    lab.wait_for(lambda: told(house, RESTRICTED) == (503, "policy_stale"), 6,
                 "restricted models closed")
    assert told(house, OPEN)[0] == 200
    house.weir.file.write_text(good)
    os.kill(house.weir.process.pid, signal.SIGHUP)
    lab.wait_for(lambda: told(house, RESTRICTED)[0] == 200, 5, "good sources")
