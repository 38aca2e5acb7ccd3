# SPDX-License-Identifier: Apache-2.0
"""A budget over a cluster that the watch found: its members share a limit
from the moment they are known, and what they spent before counts."""
import contextlib
import pathlib
import sqlite3

import lab

CLUSTER = "wc_0123456789abcdef"


def set_members(weir, names):
    path = next(pathlib.Path(weir.where).rglob("weir.db"))
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as store:
        with store:
            store.execute(
                "INSERT OR IGNORE INTO watch_cluster(id, first_us, last_us,"
                " is_found, z, score, owners, candidates, action)"
                " VALUES(?, 1, 1, 1, 9, 2, 2, 2, 0)", (CLUSTER,))
            store.execute("DELETE FROM watch_member WHERE cluster = ?",
                          (CLUSTER,))
            for number, name in enumerate(names):
                store.execute("INSERT INTO watch_member VALUES(?, 3, ?, ?)",
                              (CLUSTER, number + 1, name))


def ring(place):
    rows = place.weir.admin("GET", "/v1/budgets")["budgets"]
    row = next(row for row in rows if row["name"] == "ring")
    return row["used"]


def test_members_of_a_cluster_share_a_limit(own_place):
    weir = own_place.weir
    weir.config["tenants"].append(
        {"name": "twin", "organisation": "good",
         "projects": [{"name": "app"}]})
    weir.config["groups"] = [{"name": "suspects", "cluster": CLUSTER}]
    weir.config["budgets"] = [{"name": "ring", "of": {"group": "suspects"},
                               "limits": {"requests_per_year": 5}}]
    weir.write()
    weir.cli("reload")
    keys = [own_place.key("good/app"), weir.key("twin/app")]
    for key in keys:
        for _ in range(2):
            own_place.ledgered(own_place.good(key=key))
    assert ring(own_place) == 0  # nobody is in it
    set_members(weir, ["good", "twin", "nobody"])
    lab.wait_for(lambda: ring(own_place) == 4, 60,
                 "the members, and what they spent")
    own_place.good(key=keys[1])
    status, _, reply = own_place.call(key=keys[0])
    assert status == 429 and b"ring" in reply
    set_members(weir, ["twin"])
    lab.wait_for(lambda: own_place.call(key=keys[0])[0] == 200, 60,
                 "one that is in it no more")
