# SPDX-License-Identifier: Apache-2.0
"""Networks of machines by the number of their autonomous system."""
import json
import re

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

@id("seller-strict")
@title("Only from where somebody can say it is")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal, action in Action::"infer", resource)
when { principal.purpose == "strict" }
unless { context.signals has place_unknown &&
         !context.signals.place_unknown &&
         context.signals has network_unknown &&
         !context.signals.network_unknown };
"""
# AP is the "Asia and Pacific" of some databases and no jurisdiction; a row
# without a country is told from no row.
COUNTRIES = {"192.0.2.0/24": "DE", "198.51.100.0/24": "AP",
             "2001:db8:c::/48": None}
NETWORKS = {"192.0.2.0/24": 64500, "192.0.2.128/25": 64501,
            "198.51.100.0/24": 64502, "2001:db8:a::/48": 64500,
            "2001:db8:b::/48": 64501}


class Place:
    def __init__(self, where):
        where.mkdir(parents=True, exist_ok=True)
        mmdb.write(where / "asn.mmdb", NETWORKS)
        mmdb.write(where / "country.mmdb", COUNTRIES)
        (where / "machines.txt").write_text("AS64500 # by number\n")
        self.where = where
        self.origin = lab.Origin(where)
        self.world = config(self.origin.url())
        self.world["clients"] = {"trusted_proxies": ["127.0.0.1/32"],
                                 "header": "x-forwarded-for"}
        self.world["geo"] = {"asn_mmdb": str(where / "asn.mmdb"),
                             "mmdb": str(where / "country.mmdb")}
        self.world["signals"] = {"hosting": [
            "203.0.113.0/24", {"file": str(where / "machines.txt")}]}
        self.weir = lab.Weir(where / "weir", self.world,
                             {**POLICIES, "seller/hosting.cedar": HOSTING})
        self.weir.start()
        self.key = self.weir.key("good/app")

    def call(self, address, key):
        return lab.exchange(
            self.weir.port, "POST", "/v1/chat/completions",
            json.dumps({"model": "m", "messages": []}).encode(),
            {"Authorization": "Bearer " + key,
             "Content-Type": "application/json",
             "X-Forwarded-For": address})

    def status(self, address):
        return self.call(address, self.key)[0]

    def told(self, request):
        done = self.weir.cli("explain", request, "--json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def unknown_of(self, address, key):
        request = self.call(address, key)[1]["weir-request-id"]
        told = lab.wait_for(lambda: self.told(request))
        return told["places"]["network"]["unknown"]

    def metrics(self):
        self.weir.admin("GET", "/v1/tenants")  # makes the token
        return lab.exchange(
            self.weir.admin_port, "GET", "/metrics", None,
            {"Authorization": "Bearer " + self.weir.token})[2].decode()

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


def test_a_number_that_the_database_lacks_is_said(place):
    """It is no fault: systems come and go with editions of the database."""
    done = place.weir.cli("check", "--json", check=False)
    assert json.loads(done.stdout)["doubts"] == 0, done.stderr
    place.world["signals"]["hosting"] += ["AS64999", "as7", "AS64501"]
    place.weir.write()
    try:
        done = place.weir.cli("check", "--json", check=False)
        assert done.returncode == 0
        assert json.loads(done.stdout)["doubts"] == 2
        for number in (64999, 7):
            assert f"asn.mmdb has no network of AS{number}\n" in done.stderr
        assert "AS6450" not in done.stderr
        assert place.weir.cli("reload").returncode == 0
        lab.wait_for(lambda: "has no network of AS7"
                     in place.weir.process.tail(), 5, "the log")
    finally:
        del place.world["signals"]["hosting"][-3:]
        place.weir.write()
        place.weir.cli("reload")


# ------------------------------------------------------------- not known

def unknown(place):
    """(kind, because) -> calls."""
    text = place.metrics()
    return {(kind, because): int(count) for kind, because, count in re.findall(
        r'weir_calls_(\w+)_unknown_total{because="(\w+)"} (\d+)', text)}


@pytest.mark.parametrize("address, country, network, counted", [
    ("192.0.2.200", None, 64501, []),
    ("100.64.0.1", "not_listed", None, [("place", "not_listed"),
                                        ("network", "not_listed")]),
    ("198.51.100.1", "no_place", 64502, [("place", "no_place")]),
    ("2001:db8:c::1", "not_named", None, [("place", "not_named"),
                                          ("network", "not_listed")]),
])
def test_what_cannot_be_placed_is_told_refused_and_counted(
        place, address, country, network, counted):
    key = place.weir.key("good/app", "strict")
    before = unknown(place)
    status, headers, reply = place.call(address, key)
    is_known = country is None and network is not None
    assert status == (200 if is_known else 403)
    told = lab.wait_for(lambda: place.told(headers["weir-request-id"]))
    assert told["is_same"]
    signals, network_place = told["signals"], told["places"]["network"]
    assert signals["place_unknown"] == (country is not None)
    assert signals["network_unknown"] == (network is None)
    assert signals.get("network") == network
    assert network_place["unknown"].get("country") == country
    assert ("network" in network_place["unknown"]) == (network is None)
    after = unknown(place)
    assert {k: n - before[k] for k, n in after.items() if n != before[k]} == \
        {name: 1 for name in counted}
    plain = place.weir.cli("explain", headers["weir-request-id"]).stdout
    if country:
        assert f"country unknown ({country})" in plain
        assert "signal place_unknown yes" in plain
        assert b"seller-strict" in reply
        assert "seller-strict" in network_place["read_by"]


def test_a_file_that_is_missing_or_renewed_acts_with_a_reload(place):
    """Without a database nobody is known; a new edition needs no restart."""
    key = place.weir.key("good/app", "strict")
    address = "100.64.0.1"  # in neither
    why = place.unknown_of(address, key)
    assert why == {"country": "not_listed", "network": "not_listed"}
    geo, hosting = place.world["geo"], place.world["signals"]
    try:
        mmdb.write(place.where / "new.mmdb", {**COUNTRIES, "100.64.0.0/24": "SG"})
        (place.where / "new.mmdb").rename(place.where / "country.mmdb")
        place.weir.cli("reload")
        lab.wait_for(lambda: place.unknown_of(address, key) ==
                     {"network": "not_listed"}, 10, "the new edition")
        del place.world["signals"]
        place.world["geo"] = {}
        place.weir.write()
        place.weir.cli("reload")
        lab.wait_for(lambda: place.unknown_of(address, key) ==
                     {"country": "no_database", "network": "no_database"},
                     10, "no database")
    finally:
        place.world["geo"], place.world["signals"] = geo, hosting
        mmdb.write(place.where / "new.mmdb", COUNTRIES)
        (place.where / "new.mmdb").rename(place.where / "country.mmdb")
        place.weir.write()
        place.weir.cli("reload")
        lab.wait_for(lambda: place.unknown_of(address, key) ==
                     {"country": "not_listed", "network": "not_listed"},
                     10, "the first edition")
