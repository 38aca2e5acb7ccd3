# SPDX-License-Identifier: Apache-2.0
"""Coming changes are told ahead by the daemon itself, by configured leads."""
import datetime
import pathlib
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness")]
import lab  # noqa: E402
from small import POLICIES, config  # noqa: E402


def later(**more):
    return (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(**more)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Place:
    def __init__(self, where, **model):
        self.origin = lab.Origin(where)
        world = config(self.origin.url())
        world["models"][0].update(model)
        self.weir = lab.Weir(where / "weir", world, POLICIES)

    def notices(self):
        return self.weir.json("notices", "list")["notices"]

    def subjects(self):
        return sorted((row["type"], row["tenant"], row["subject"])
                      for row in self.notices())

    def stop(self):
        self.weir.stop()
        self.origin.stop()


@pytest.fixture
def make(tmp_path):
    places = []

    def make(**model):
        places.append(Place(tmp_path, **model))
        return places[-1]
    yield make
    for place in places:
        place.stop()


SUNSET = ("model.sunset", "good", "m")


def test_a_sunset_is_told_at_each_lead_and_once(make):
    place = make(sunset=later(days=40))
    place.weir.config["notices"] = {"ahead": ["1 d", "6 s"]}
    place.weir.start()
    place.weir.key("good/app")
    time.sleep(3)
    assert place.notices() == []  # further away than any lead
    place.weir.config["models"][0]["sunset"] = later(seconds=14)
    place.weir.write()
    place.weir.cli("reload")
    lab.wait_for(lambda: place.subjects() == [SUNSET], 6, "the first lead")
    first, = place.notices()
    assert first["deadline_us"] > time.time() * 1e6
    lab.wait_for(lambda: place.subjects() == 2 * [SUNSET], 12,
                 "the second lead")
    place.weir.stop()
    place.weir.start()
    time.sleep(3)
    assert place.subjects() == 2 * [SUNSET]


def test_the_leads_are_thirty_seven_and_one_day_unless_said(make):
    place = make(sunset=later(days=3))
    place.weir.start()
    place.weir.key("good/app")
    lab.wait_for(lambda: place.subjects() == [SUNSET], 10, "the notice")
    with_store = place.weir.json("schedule", "--days", "5", "--calls", "0")
    assert with_store["events"][0]["change"] == "ends"


def test_nobody_is_told_of_a_draft_or_where_no_lead_is_wished(make):
    place = make()
    place.weir.start()
    place.weir.key("good/app")
    place.weir.config["models"][0]["sunset"] = later(days=3)
    place.weir.write()  # edited, and not put in force
    place.weir.key("good/app")  # a publication: the daemon looks
    time.sleep(3)
    assert place.notices() == []
    place.weir.config["notices"] = {"ahead": []}
    place.weir.write()
    place.weir.cli("reload")
    time.sleep(2)
    assert place.notices() == []
    del place.weir.config["notices"]
    place.weir.write()
    place.weir.cli("reload")
    lab.wait_for(lambda: place.subjects() == [SUNSET], 10, "the notice")
