# SPDX-License-Identifier: Apache-2.0
"""Behind a company's proxy, under its own authorities."""
import base64
import json
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import world  # noqa: E402

pytest.importorskip("cryptography")
from egress_lab import Authority, Proxy, Site, chat_reply  # noqa: E402

USER = "weir:s3cret/pass"
FAST = {"connect": "1 s", "first_byte": "20 s", "idle": "20 s"}
# name: (site, more of its row)
ORIGINS = {
    "tunnelled": ("good", {}),
    "direct": ("good", {"egress": "direct"}),
    "around": ("good", {"egress": "around"}),
    "wrapped": ("good", {"egress": "wrapped"}),
    "system": ("good", {"egress": "none"}),
    "wrong-ca": ("other", {}),
    "two-cas": ("good", {"tls": {"ca": "house.pem", "system": True}}),
    "own-ca": ("other", {"tls": {"ca": "strangers.pem"}}),
    "old": ("old", {}),
    "misnamed": ("misnamed", {}),
    "renamed": ("misnamed", {"tls": {"name": "elsewhere.test"}}),
    "newest": ("good", {"tls": {"minimum": "1.3"}}),
    "shown": ("closed", {"tls": {"certificate": "weir.pem",
                                 "key": "weir.key"}}),
    "unshown": ("closed", {}),
    "lost": ("good", {"egress": "lost"}),
    "rotating": ("good", {"tls": {"ca": "rotating.pem"}}),
}
PORT = 8443


class Company:
    """The sites, the proxies, and a weir that must go through them."""

    def __init__(self, where):
        self.where = where
        house = self.house = Authority(where, "house")
        other = self.other = Authority(where, "strangers")
        (where / "rotating.pem").write_bytes(other.file.read_bytes())
        house.sign("weir", "weir.test")
        names = [f"{name}.test" for name in ORIGINS]
        services = ("login", "judge", "traces")
        good = house.sign("good", *names, "localhost",
                          *(f"{name}.test" for name in services))
        self.sites = {
            "good": Site(*good), "services": Site(*good),
            "other": Site(*other.sign("other", *names)),
            "old": Site(*house.sign("old", *names, lasts=2)),
            "misnamed": Site(*house.sign("misnamed", "elsewhere.test")),
            "closed": Site(*house.sign("closed", *names),
                           clients=str(house.file))}
        leads = {f"{name}.test:{PORT}": self.sites[site].port
                 for name, (site, _) in ORIGINS.items()}
        for name in services:
            leads[f"{name}.test:{PORT}"] = self.sites["services"].port
        self.proxy = Proxy(leads, user=USER)
        self.wrapper = Proxy(leads, tls=house.sign("proxy", "localhost"))
        self.dead = lab.free_port()
        self.password = where / "password"
        self.password.write_text(USER + "\n")
        self.weir = lab.Weir(where / "weir", self.config(), self.policies(),
                             environment={"COMPANY_SECRET": "client~secret"})
        try:
            self.weir.start()
            self.key = self.weir.key("good/app")
        except BaseException:
            self.stop()
            raise

    @staticmethod
    def policies():
        return {**world.POLICIES, "seller/judged.cedar": """
@id("permit-judged")
@title("Read by the judge")
@authority("The seller, service description 1")
@filter("judged")
permit (principal in Tenant::"insider", action in Action::"infer",
        resource in Bloc::"hosting");
"""}

    def config(self):
        path = lambda name: str(self.where / name)  # noqa: E731
        url = f"http://127.0.0.1:{self.dead}/v1"
        config = world.config(dict.fromkeys(("near", "far", "slow"), url),
                              self.dead, {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["workers"] = 1
        house = {"ca": path("house.pem")}
        config["egress"] = [
            {"name": "company", "default": True, "tls": house, "proxy": {
                "url": f"http://127.0.0.1:{self.proxy.port}",
                "credential": {"file": str(self.password)},
                "except": ["127.0.0.0/8"]}},
            {"name": "direct", "tls": house},
            {"name": "around", "tls": house, "proxy": {
                "url": f"http://127.0.0.1:{self.dead}",
                "except": [".localhost", "localhost"]}},
            {"name": "wrapped", "tls": house, "proxy": {
                "url": f"https://localhost:{self.wrapper.port}",
                "ca": path("house.pem")}},
            {"name": "lost", "tls": house,
             "proxy": f"http://127.0.0.1:{self.dead}"}]
        for name, (site, more) in ORIGINS.items():
            more = json.loads(json.dumps(more))
            for key in ("ca", "certificate", "key"):
                if key in more.get("tls", {}):
                    more["tls"][key] = path(more["tls"][key])
            is_near = more.get("egress") in ("direct", "around", "none")
            host = (f"localhost:{self.sites[site].port}" if is_near
                    else f"{name}.test:{PORT}")
            config["origins"].append(
                {"name": name, "dialect": "openai", "timeouts": FAST,
                 "url": f"https://{host}/v1", **more})
            self.add_route(config, name, [name])
        config["origins"].append(
            {"name": "token", "dialect": "azure_entra", "timeouts": FAST,
             "url": f"https://tunnelled.test:{PORT}/openai/v1",
             "credential": {"entra": {
                 "tenant": "t", "client": "c",
                 "authority": f"https://login.test:{PORT}",
                 "secret": {"env": "COMPANY_SECRET"}}}})
        self.add_route(config, "token", ["token"])
        config["routes"].append({"name": "to-any", "mode": "order",
                                 "attempts": 3, "candidates": [
                                     "by-lost", "by-wrong-ca",
                                     "by-tunnelled"]})
        config["classifiers"] = [
            {"name": "judge", "url": f"https://judge.test:{PORT}/judge",
             "timeout": "20 s", "thresholds": {"malware": "0.5"}}]
        config["filters"] = [{"name": "judged", "rules": [
            {"classifier": "judge", "in": "requests"}]}]
        config["telemetry"] = {"traces": {
            "url": f"https://traces.test:{PORT}/v1/traces"}}
        return config

    @staticmethod
    def add_route(config, name, origins):
        for origin in origins:
            config["deployments"].append(
                {**world.deployment("by-" + origin, "large", origin),
                 "breaker": "none"})
        config["routes"].append(
            {"name": "to-" + name, "mode": "order", "attempts": 1,
             "candidates": ["by-" + origin for origin in origins]})

    def call(self, name, key=None, content="hi", **more):
        status, headers, body = lab.exchange(
            self.weir.port, "POST", "/v1/chat/completions", json.dumps(
                {"model": f"to-{name}", "messages": [
                    {"role": "user", "content": content}], **more}).encode(),
            {"Authorization": "Bearer " + (key or self.key),
             "Content-Type": "application/json"}, 60)
        self.request = headers.get("weir-request-id")
        return status, body

    def hop(self, name, **more):
        """What failed, as the client, the record and the log have it."""
        status, body = self.call(name, **more)
        assert status >= 500, body
        request = self.request

        def told():
            done = self.weir.cli("explain", request, "--json", check=False)
            return what in done.stdout and done.stdout
        hop = json.loads(body)["error"]["weir"]["hop"]
        assert hop.startswith(f"origin {name}: "), body
        what = hop.removeprefix(f"origin {name}: ")
        lab.wait_for(told, 60, "the record of it")
        lab.wait_for(lambda: f'{{deployment="by-{name}",reason="{what}"}}'
                     in self.metrics(), 60, "the metric of it")
        return what

    def metrics(self):
        self.weir.admin("GET", "/v1/tenants")   # makes the token
        return lab.exchange(self.weir.admin_port, "GET", "/metrics", None, {
            "Authorization": "Bearer " + self.weir.token})[2].decode()

    def stop(self):
        self.weir.end()
        for part in [*self.sites.values(), self.proxy, self.wrapper]:
            part.stop()


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    made = Company(tmp_path_factory.mktemp("company"))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def open_proxy(company):
    company.proxy.mode = "open"
    company.proxy.user = USER
    yield


def test_a_call_goes_through_the_proxy_to_a_name_that_only_it_knows(company):
    before = len(company.proxy.asked)
    status, body = company.call("tunnelled")
    assert (status, json.loads(body)) == (200, chat_reply("Hello."))
    for _ in range(4):
        assert company.call("tunnelled")[0] == 200
    asked = company.proxy.asked[before:]
    assert [target for target, _ in asked].count(
        f"tunnelled.test:{PORT}") == 1, "a tunnel is kept and used again"
    assert base64.b64decode(asked[0][1]).decode() == USER


def test_streams_and_long_bodies_go_through_whole(company):
    status, body = company.call("tunnelled", stream=True)
    assert status == 200
    text = "".join(
        choice["delta"].get("content", "")
        for line in body.split(b"\n\n") if line.startswith(b"data: {")
        for choice in json.loads(line[6:])["choices"])
    assert text == "".join(f"{i} " for i in range(Site.EVENTS))
    assert body.rstrip().endswith(b"data: [DONE]")
    content = "long " * 200_000
    assert company.call("tunnelled", content=content)[0] == 200
    sent = json.loads(company.sites["good"].chats()[-1])
    assert sent["messages"][0]["content"] == content


def test_a_tunnel_that_was_cut_is_made_anew(company):
    assert company.call("tunnelled")[0] == 200
    before = len(company.proxy.asked)
    company.proxy.cut()
    lab.wait_for(lambda: company.call("tunnelled")[0] == 200, 60)
    assert len(company.proxy.asked) > before


def test_ways_are_not_shared(company):
    """One site, four ways to it: each has its own connections."""
    site = company.sites["good"]
    for name in ("direct", "around", "wrapped", "two-cas"):
        before = site.connections
        assert company.call(name)[0] == 200, name
        assert site.connections == before + 1, name
    assert f"direct.test:{PORT}" not in company.proxy.targets()
    assert f"wrapped.test:{PORT}" in company.wrapper.targets()
    assert f"wrapped.test:{PORT}" not in company.proxy.targets()


def test_tls_in_tls_carries_streams_and_is_kept(company):
    before = len(company.wrapper.asked)
    for _ in range(3):
        status, body = company.call("wrapped", stream=True)
        assert status == 200 and body.rstrip().endswith(b"data: [DONE]")
    assert company.call("wrapped", content="x" * 300_000)[0] == 200
    assert len(company.wrapper.asked) <= before + 1


@pytest.mark.parametrize("name, what", [
    ("wrong-ca", "unable to get local issuer certificate"),
    ("old", "certificate has expired"),
    ("misnamed", "hostname mismatch"),
    ("system", "unable to get local issuer certificate")])
def test_a_certificate_that_does_not_hold_is_named(company, name, what):
    seen = {site: len(place.chats())
            for site, place in company.sites.items()}
    assert what in company.hop(name)
    assert seen == {site: len(place.chats())
                    for site, place in company.sites.items()}
    assert what in company.weir.tail() or what in \
        (company.weir.where / "weir.log").read_text(errors="replace")


def test_an_origin_may_have_its_own_anchors_name_and_version(company):
    for name in ("own-ca", "renamed", "newest"):
        status, body = company.call(name)
        assert status == 200, (name, body)


def test_a_client_certificate_is_shown_where_it_is_asked_for(company):
    assert company.call("shown")[0] == 200
    subject = dict(pair[0] for pair in
                   company.sites["closed"].shown[-1]["subject"])
    assert subject["commonName"] == "weir.test"
    seen = len(company.sites["closed"].chats())
    assert company.call("unshown")[0] >= 500
    assert len(company.sites["closed"].chats()) == seen


@pytest.mark.parametrize("mode, what", [
    (407, "proxy: status 407"), (502, "proxy: status 502"),
    (403, "proxy: status 403"), ("die", "proxy: closed"),
    ("chatty", "proxy: speaks for the origin"), ("silent", "proxy timeout"),
    ("die-later", "tls")])
def test_a_proxy_that_refuses_is_named_and_nothing_is_sent(company, mode,
                                                           what):
    company.proxy.cut()
    company.proxy.mode = mode
    seen = len(company.sites["good"].chats())

    def fails():
        # a connection that was kept may be found dead first
        status, body = company.call("tunnelled")
        return status >= 500 and what in body.decode()
    lab.wait_for(fails, 60, what)
    assert company.hop("tunnelled").startswith(what)
    assert len(company.sites["good"].chats()) == seen


def test_a_slow_proxy_is_waited_for(company):
    company.proxy.cut()
    company.proxy.mode = "drip"
    lab.wait_for(lambda: company.call("tunnelled")[0] == 200, 60)


def test_no_proxy_there_is_a_connection_that_failed(company):
    assert company.hop("lost").startswith("proxy: connect")


def test_the_next_candidate_is_asked_when_a_way_is_closed(company):
    status, body = company.call("any")
    assert status == 200, body
    done = lab.wait_for(lambda: (lambda said: said.stdout
                                 if said.returncode == 0 else None)(
        company.weir.cli("explain", company.request, "--json", check=False)),
        60)
    assert "by-lost" in done and "by-tunnelled" in done


def test_control_fetches_tokens_by_the_same_way(company):
    lab.wait_for(lambda: company.call("token")[0] == 200, 60)
    assert f"login.test:{PORT}" in company.proxy.targets()
    assert any(path.endswith("/t/oauth2/v2.0/token")
               for path, _ in company.sites["services"].seen)


def test_telemetry_goes_the_same_way(company):
    assert company.call("tunnelled")[0] == 200
    lab.wait_for(lambda: any(path == "/v1/traces" for path, _ in
                             company.sites["services"].seen), 60, "traces")
    assert f"traces.test:{PORT}" in company.proxy.targets()


def test_webhooks_go_the_same_way(company):
    company.weir.cli("webhooks", "create", "--tenant", "good", "--to",
                     f"https://traces.test:{PORT}/hook/traces")
    company.weir.cli("notices", "post", "We are moving", "--tenant", "good")
    lab.wait_for(lambda: any(path == "/hook/traces" for path, _ in
                             company.sites["services"].seen), 60, "the hook")


def test_a_classifier_behind_proxy_and_private_authority(company):
    key = company.weir.key("insider/app")
    assert company.call("tunnelled", key=key)[0] == 200
    status, body = company.call("tunnelled", key=key,
                                content="forbidden words")
    assert status == 403 and b'classifier \\"judge\\"' in body, body
    assert company.proxy.targets().count(f"judge.test:{PORT}") >= 1
    company.proxy.cut()
    company.proxy.mode = 502

    def is_blocked():
        return company.call("tunnelled", key=key)[0] != 200
    lab.wait_for(is_blocked, 60, "a judge that cannot be reached blocks")


def test_a_password_is_replaced_without_a_reload(company):
    company.proxy.user = "weir:another"
    company.proxy.cut()
    lab.wait_for(lambda: b"status 407" in company.call("tunnelled")[1], 60)
    try:
        company.password.write_text("weir:another\n")
        lab.wait_for(lambda: company.call("tunnelled")[0] == 200, 60)
    finally:
        company.password.write_text(USER + "\n")
    company.proxy.user = USER
    company.proxy.cut()
    lab.wait_for(lambda: company.call("tunnelled")[0] == 200, 60)


def test_an_authority_is_replaced_by_a_reload(company):
    """The same path, another bundle: no restart, and open tunnels of the old
    one are not used for it."""
    assert company.call("rotating")[0] >= 500
    (company.where / "rotating.pem").write_bytes(
        company.house.file.read_bytes())
    company.weir.reload()
    lab.wait_for(lambda: company.call("rotating")[0] == 200, 60)
    # a bundle that is none is refused, and what was in force stays
    (company.where / "rotating.pem").write_text("nothing\n")
    company.weir.reload()
    log = company.where / "weir" / "weir.log"
    lab.wait_for(lambda: "holds no certificate in PEM" in log.read_text(), 60)
    # the workers of before may still take a connection as they leave
    lab.wait_for(lambda: company.call("rotating")[0] == 200, 60)
    (company.where / "rotating.pem").write_bytes(
        company.house.file.read_bytes())


def test_no_password_is_written_but_where_workers_read_it(company):
    coded = base64.b64encode(USER.encode())
    for place in (company.weir.where, company.weir.run_dir):
        for file in place.rglob("*"):
            if file.is_file() and "credentials-" not in file.name:
                text = file.read_bytes()
                assert b"s3cret/pass" not in text, file
                assert coded not in text, file


@pytest.mark.parametrize("change, what", [
    ({"egress": [{"name": "a", "proxy": "http://u:p@127.0.0.1:1"}]},
     "a secret does not belong"),
    ({"egress": [{"name": "a", "proxy": "socks5://127.0.0.1:1"}]},
     "not the url of a proxy"),
    ({"egress": [{"name": "a", "proxy": "http://127.0.0.1"}]},
     "not the url of a proxy"),
    ({"egress": [{"name": "a", "default": True},
                 {"name": "b", "default": True}]}, "two ways out"),
    ({"egress": [{"name": "a"}, {"name": "a"}]}, "without a usable name"),
    ({"egress": [{"name": "a", "tls": {"name": "x.test"}}]},
     "a server's name is one origin's"),
    ({"egress": [{"name": "a", "tls": {"minimum": "1.1"}}]},
     "not a version of TLS"),
    ({"egress": [{"name": "a", "tls": {"ca": "missing.pem"}}]},
     "cannot be read"),
    ({"egress": [{"name": "a", "tls": {"certificate": "weir.pem"}}]},
     "half of a client's certificate"),
    ({"egress": [{"name": "a", "tls": {"certificate": "weir.pem",
                                       "key": "good.key"}}]},
     "is not of certificate"),
    ({"origin": {"egress": "nowhere"}}, 'no way out is called "nowhere"'),
    ({"deployment": {"pins": {"addresses": ["192.0.2.0/24"]}}},
     "its address cannot be seen"),
])
def test_faults_are_found_when_the_configuration_is_read(company, tmp_path,
                                                         change, what):
    config = json.loads((company.weir.where / "weir.yaml").read_text())
    for name in ("weir.pem", "good.key"):
        os.symlink(company.where / name, tmp_path / name)
    config["egress"] += change.get("egress", [])
    if "egress" in change and any(row.get("default")
                                  for row in change["egress"]):
        config["egress"][0].pop("default")
    config["origins"][-1].update(change.get("origin", {}))
    config["deployments"][-1].update(change.get("deployment", {}))
    config["policies"] = str(company.weir.where / "policies")
    weir = lab.Weir(tmp_path, config, {})
    done = weir.cli("check", check=False)
    assert done.returncode != 0 and what in done.stdout + done.stderr, \
        done.stdout + done.stderr
