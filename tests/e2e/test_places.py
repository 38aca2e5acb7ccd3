# SPDX-License-Identifier: Apache-2.0
"""Six places kept apart: policy reads each, the trace and a signed statement
show all; scopes fail closed; signs of false places are facts for policy."""
import json
import subprocess

import pytest

import lab
import mmdb
import world
from house import House, chat

# An address of each country, and one that the database does not know.
ADDRESSES = {"DE": "192.0.2.10", "SG": "198.51.100.10", "NO": "203.0.113.10",
             "AQ": "2001:db8:a::1", "US": "198.18.0.10", "FR": "192.0.3.10", "": "100.64.0.1"}

SIGNALS = """
@id("seller-travel")
@title("Nobody travels faster than an airliner")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal in Tenant::"traveller", action in Action::"infer", resource)
when { context.signals has travel_kmh && context.signals.travel_kmh > 1200 };

@id("seller-countries")
@title("A key used from more than two countries waits for a person")
@authority("The seller")
@appeal("appeal@seller.example")
@effect("hold")
forbid (principal in Tenant::"many", action in Action::"infer", resource)
when { context.signals has countries && context.signals.countries > 2 };

@id("seller-undeclared")
@title("Only from declared places")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal in Tenant::"declared", action in Action::"infer", resource)
unless { context.signals has undeclared_place &&
         !context.signals.undeclared_place };

@id("seller-hosting")
@title("Not from networks of machines")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal in Tenant::"people", action in Action::"infer", resource)
when { context.signals has hosting_network &&
       context.signals.hosting_network };

@id("place-contracting")
@title("Contracting party")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal in Tenant::"six", action in Action::"infer", resource)
when { principal.organization.incorporated == Jurisdiction::"AQ" };

@id("place-network")
@title("Network place")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal in Tenant::"six", action in Action::"infer", resource)
when { context has client_country &&
       context.client_country == Jurisdiction::"AQ" };

@id("place-staff")
@title("Staff's place")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal in Tenant::"six", action in Action::"infer", resource)
when { principal.staff == Jurisdiction::"AQ" };

@id("place-users")
@title("End users' places")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal in Tenant::"six", action in Action::"infer", resource)
when { principal.end_users.contains(Jurisdiction::"AQ") };

@id("place-inference")
@title("Where it runs")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal in Tenant::"six", action in Action::"infer", resource)
when { resource.place == Jurisdiction::"SG" };

@id("place-rest")
@title("Where data rests")
@authority("The seller")
@appeal("appeal@seller.example")
forbid (principal in Tenant::"six", action in Action::"infer", resource)
when { resource.stored_in == Jurisdiction::"NO" };
"""


class Placed(House):
    def __init__(self, where):
        def change(config):
            mmdb.write(self.where / "country.mmdb", {
                "192.0.2.0/24": "DE", "198.51.100.0/24": "SG",
                "203.0.113.0/24": "NO", "198.18.0.0/15": "US", "192.0.3.0/24": "FR",
                "2001:db8:a::/48": "AQ"})
            (self.where / "machines.txt").write_text(
                "# the operator's list\n198.18.0.0/16\n\n"
                "2001:db8:b::/48, with a word\n")
            config["geo"] = {"mmdb": str(self.where / "country.mmdb")}
            config["clients"] = {"trusted_proxies": ["127.0.0.1/32"],
                                 "header": "x-forwarded-for"}
            config["signals"] = {
                "window": "1 h",
                "hosting": [{"file": str(self.where / "machines.txt")},
                            "203.0.113.128/25"]}
            config["deployments"].append(
                world.deployment("rest-no", "large", "near", stored_in="NO"))
            config["regions"].append({"name": "there", "jurisdiction": "SG"})
            for name in ("large-near", "large-far", "rest-no"):
                config["routes"].append({"name": "r-" + name, "mode": "order",
                                         "candidates": [name]})
            for name in ("traveller", "many", "declared", "people", "six"):
                config["tenants"].append(world.tenant(name, "good"))
            self.weir.policy("seller/signals.cedar", SIGNALS)
        super().__init__(where, change=change)

    def from_(self, country, key, body=None, **headers):
        return self.call(body or chat(model="r-large-near"), key=key, headers={
            "X-Forwarded-For": ADDRESSES.get(country, country), **headers})

    def told(self, request):
        def ask():
            done = self.weir.cli("explain", request, "--json", check=False)
            return json.loads(done.stdout) if done.returncode == 0 else None
        return lab.wait_for(ask, 10, "the explanation")


@pytest.fixture(scope="module")
def placed(tmp_path_factory):
    made = Placed(tmp_path_factory.mktemp("placed"))
    yield made
    made.stop()


def key_of(placed, tenant, staff="DE", users="DE", *more):
    return placed.weir.key(f"{tenant}/app", "test", staff, users, *more)


def decided_by(reply):
    return json.loads(reply)["error"].get("policy") or reply.decode()


# ------------------------------------------------------------- network place

@pytest.mark.parametrize("country", ["DE", "SG", "NO", "AQ", "US", ""])
def test_the_database_tells_the_country_through_a_trusted_proxy(placed,
                                                                country):
    status, headers, _ = placed.from_(country, key_of(placed, "good"))
    assert status == 200
    told = placed.told(headers["weir-request-id"])
    assert told["places"]["network"]["country"] == country
    assert told["places"]["network"]["address"] == ADDRESSES[country]


def test_what_a_client_writes_before_the_proxy_is_not_believed(placed):
    """The last address that is not a trusted proxy's counts."""
    status, headers, _ = placed.from_(
        "203.0.113.10, 198.51.100.10, 127.0.0.1", key_of(placed, "good"))
    assert status == 200
    told = placed.told(headers["weir-request-id"])
    assert told["places"]["network"]["country"] == "SG"


def test_nobody_but_a_trusted_proxy_names_the_client(tmp_path):
    """The same header without trusted proxies is a header like any other."""
    def change(config):
        config["clients"] = {"trusted_proxies": ["192.0.2.0/24"]}
    house = House(tmp_path, change=change)
    try:
        status, headers, _ = house.call(
            chat(), headers={"X-Forwarded-For": "203.0.113.10"})
        assert status == 200
        told = lab.wait_for(lambda: json.loads(house.weir.cli(
            "explain", headers["weir-request-id"], "--json").stdout))
        assert told["places"]["network"]["address"] == "127.0.0.1"
    finally:
        house.stop()


# ---------------------------------------------------------------- six places

SIX = [("place-network", "AQ", "DE", "DE", "r-large-near"),
       ("place-staff", "DE", "AQ", "DE", "r-large-near"),
       ("place-users", "DE", "DE", "DE,AQ", "r-large-near"),
       ("place-inference", "DE", "DE", "DE", "r-large-far"),
       ("place-rest", "DE", "DE", "DE", "r-rest-no")]


@pytest.mark.parametrize("policy, network, staff, users, model", SIX)
def test_each_rule_reads_its_own_place(placed, policy, network, staff, users,
                                       model):
    key = key_of(placed, "six", staff, users)
    status, headers, reply = placed.from_(network, key, chat(model=model))
    assert status == 403 and policy in decided_by(reply)
    places = placed.told(headers["weir-request-id"])["places"]
    readers = {name for name, place in places.items()
               if policy in place["read_by"]}
    assert readers == {{"place-network": "network", "place-staff": "staff",
                        "place-users": "end_users",
                        "place-inference": "inference",
                        "place-rest": "rest"}[policy]}
    assert places["staff"]["country"] == staff
    assert places["end_users"]["countries"] == sorted(users.split(","))
    assert places["contracting"]["incorporated"] == "DE"


def test_the_statement_is_signed_and_checked_offline(placed, tmp_path):
    status, headers, _ = placed.from_("SG", key_of(placed, "good", "NO", "SG"))
    assert status == 200
    request = headers["weir-request-id"]
    placed.told(request)
    file = tmp_path / "statement.json"
    file.write_text(placed.weir.cli("statement", request).stdout)
    said = json.loads(file.read_text())
    places = said["statement"]["places"]
    assert places["contracting"]["organisation"] == "good"
    assert places["network"]["country"] == "SG"
    assert places["staff"]["country"] == "NO"
    assert places["end_users"]["countries"] == ["SG"]
    assert places["inference"]["region"] == "here"
    assert places["inference"]["country"] == "DE"
    assert places["rest"]["country"] == "DE"
    assert said["statement"]["policies"][0]["id"] == "seller-permit"

    def verify(*words):
        return subprocess.run([lab.program("weir"), "audit", "verify",
                               *map(str, words)], capture_output=True,
                              text=True, cwd=tmp_path)
    assert verify(file, "--key", said["key"]).returncode == 0
    assert verify(file).returncode == 0  # the file's own claim, said so
    for change in ("signed", "shown", "key"):
        forged = json.loads(file.read_text())
        if change == "signed":
            forged["note"] = forged["note"].replace('"SG"', '"DE"', 1)
        elif change == "shown":
            forged["statement"]["places"]["network"]["country"] = "DE"
        else:
            forged["key"] = ("weir.example+00000000+" + "A" * 44)
        (tmp_path / "forged.json").write_text(json.dumps(forged))
        done = verify(tmp_path / "forged.json", "--json") \
            if change == "key" else verify(tmp_path / "forged.json", "--key",
                                           said["key"])
        assert done.returncode != 0, change


# -------------------------------------------------------------------- scope

def test_a_key_stays_inside_its_scope_and_fails_closed(placed):
    near = key_of(placed, "good", "DE", "DE", "--scope", "region:here")
    zone = key_of(placed, "good", "DE", "DE", "--scope", "zone:hosting")
    land = key_of(placed, "good", "DE", "DE", "--scope", "zone:DE")
    far = key_of(placed, "good", "DE", "DE", "--scope", "region:there")
    whole = key_of(placed, "good", "DE", "DE", "--scope", "global")

    def answer(key, model):
        status, headers, reply = placed.call(chat(model=model), key=key)
        return (status, headers.get("weir-deployment") or
                decided_by(reply))
    assert answer(whole, "r-large-far") == (200, "large-far")
    assert answer(zone, "r-large-far") == (200, "large-far")
    for key in (near, land, far):
        status, text = answer(key, "r-large-far")
        assert status == 403 and "outside_scope" in text
    assert answer(near, "r-large-near") == (200, "large-near")
    assert answer(land, "r-large-near") == (200, "large-near")
    # runs inside, data rests outside
    for key in (near, land, zone):
        assert answer(key, "r-rest-no")[0] == 403
    # a dead origin inside does not lead outside
    status, headers, _ = placed.call(chat(model="resilient"), key=near)
    assert (status, headers["weir-deployment"]) == (200, "large-near")
    status, _, reply = placed.call(chat(model="only-dead"), key=near)
    assert status == 502
    rows = {row["scope"] for row in
            placed.weir.json("keys", "list")["keys"]}
    assert {"global", "region:here", "zone:hosting"} <= rows


@pytest.mark.parametrize("scope", ["zone:nowhere", "region:", "region:x",
                                   "somewhere", "zone:"])
def test_a_scope_that_means_nothing_makes_no_key(placed, scope):
    done = placed.weir.cli("keys", "create", "--project", "good/app",
                           "--purpose", "test", "--staff", "DE", "--scope",
                           scope, check=False)
    assert done.returncode != 0


# ------------------------------------------------------------------ signals

def test_impossible_travel_is_seen_and_a_neighbour_is_not(placed):
    key = key_of(placed, "traveller", "DE", "DE")
    assert placed.from_("DE", key)[0] == 200
    assert placed.from_("FR", key)[0] == 200  # they touch
    status, headers, reply = placed.from_("SG", key)
    assert status == 403 and "seller-travel" in decided_by(reply)
    told = placed.told(headers["weir-request-id"])
    assert told["is_same"] and told["signals"]["countries"] == 3
    assert told["signals"]["travel_kmh"] > 5000
    assert "seller-travel" in told["places"]["network"]["read_by"]


def test_many_countries_are_held(placed):
    key = key_of(placed, "many")
    assert [placed.from_(c, key)[0] for c in ("DE", "SG", "DE", "")] == \
        [200, 200, 200, 200]
    status, headers, reply = placed.from_("NO", key)
    assert status == 403 and headers["weir-decision"] == "hold"
    assert placed.from_("", key)[0] == 200  # no country, no sign


def test_declared_places_and_what_is_not_known(placed):
    key = key_of(placed, "declared", "DE", "SG,NO")
    assert [placed.from_(c, key)[0] for c in ("DE", "SG", "NO")] == [200] * 3
    assert placed.from_("US", key)[0] == 403
    assert placed.from_("", key)[0] == 403  # this policy fails closed


def test_networks_of_machines_come_from_the_operators_list(placed):
    key = key_of(placed, "people")
    assert placed.from_("DE", key)[0] == 200
    assert placed.from_("198.19.0.1", key)[0] == 200  # beyond the /16
    for address in ("198.18.255.255", "2001:db8:b::7", "203.0.113.128"):
        status, _, reply = placed.from_(address, key)
        assert status == 403 and "seller-hosting" in decided_by(reply)


def test_a_simulation_is_told_what_policy_was_told(placed):
    key = key_of(placed, "traveller", "DE", "DE")
    assert placed.from_("DE", key)[0] == 200
    assert placed.from_("SG", key)[0] == 403
    done = placed.weir.audit()
    assert done.returncode == 0, done.stdout + done.stderr
    done = placed.weir.cli("simulate", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
