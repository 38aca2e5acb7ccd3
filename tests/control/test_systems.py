# SPDX-License-Identifier: Apache-2.0
"""Networks of machines by the number of their autonomous system."""
import json

import pytest

import lab
import mmdb
from small import POLICIES, config

HOSTING = """
@id("seller-machines")
@title("Not from networks of machines")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal, action in Action::"infer", resource)
when { context.signals has hosting_network &&
       context.signals.hosting_network };
"""
NETWORKS = {"192.0.2.0/24": 64500, "192.0.2.128/25": 64501,
            "198.51.100.0/24": 64502, "2001:db8:a::/48": 64500,
            "2001:db8:b::/48": 64501}


class Place:
    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        mmdb.write(where / "asn.mmdb", NETWORKS)
        mmdb.write(where / "country.mmdb", {"192.0.2.0/24": "DE"})
        (where / "machines.txt").write_text("AS64500 # by number\n")
        self.where = where
        self.origin = lab.Origin(where)
        self.world = config(self.origin.url())
        self.world["clients"] = {"trusted_proxies": ["127.0.0.1/32"],
                                 "header": "x-forwarded-for"}
        self.world["geo"] = {"asn_mmdb": str(where / "asn.mmdb")}
        self.world["signals"] = {"hosting": [
            "203.0.113.0/24", {"file": str(where / "machines.txt")}]}
        self.weir = lab.Weir(where / "weir", self.world,
                             {**POLICIES, "seller/hosting.cedar": HOSTING})
        self.weir.start()
        self.key = self.weir.key("good/app")

    def status(self, address):
        return lab.exchange(
            self.weir.port, "POST", "/v1/chat/completions",
            json.dumps({"model": "m", "messages": []}).encode(),
            {"Authorization": "Bearer " + self.key,
             "Content-Type": "application/json",
             "X-Forwarded-For": address})[0]

    def check(self, **more):
        path = self.where / "weir" / "other.yaml"
        world = {**self.world, **more}
        path.write_text(json.dumps({
            **json.loads(json.dumps(world)),
            "policies": str(self.where / "none")}))
        (self.where / "none").mkdir(exist_ok=True)
        done = self.weir.cli("check", str(path), check=False)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("systems"))
    yield made
    made.weir.stop()
    made.origin.stop()


@pytest.mark.parametrize("address, status", [
    ("192.0.2.0", 403), ("192.0.2.127", 403),
    ("192.0.2.128", 200),   # a longer prefix of another system
    ("192.0.1.255", 200), ("198.51.100.1", 200),
    ("2001:db8:a::1", 403), ("2001:db8:a:ffff:ffff:ffff:ffff:ffff", 403),
    ("2001:db8:b::1", 200), ("2001:db8:9:ffff::", 200),
    ("203.0.113.9", 403),   # written as a network beside the number
])
def test_the_networks_of_a_number_are_of_machines(place, address, status):
    assert place.status(address) == status


def test_a_number_needs_a_database_that_knows_it(place):
    told = place.check(geo={})
    assert "AS64500 is known by number alone" in told
    assert "geo: {asn_mmdb:" in told
    country = str(place.where / "country.mmdb")
    for geo, numbers, words in (
            ({"asn_mmdb": country}, ["AS64500"], "no network of any"),
            (place.world["geo"], ["AS7"], "no network of any"),
            ({"asn_mmdb": "/nowhere.mmdb"}, ["AS64500"], "cannot be read"),
            ({"asn_mmdb": str(place.where / "machines.txt")}, ["AS64500"],
             "cannot be read")):
        told = place.check(geo=geo, signals={"hosting": numbers})
        assert words in told, told
