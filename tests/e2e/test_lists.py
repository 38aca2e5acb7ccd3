# SPDX-License-Identifier: Apache-2.0
"""Lists of files and batches: official clients through all pages, whose they
are, what is gone, and what happens where an origin or control is silent."""
import json
import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import node_clients  # noqa: E402
import test_batches as bulk  # noqa: E402
import test_message_batches as messages  # noqa: E402
import world  # noqa: E402

openai = pytest.importorskip("openai")

EXTRA = """
@id("no-batches")
@title("This tenant leaves nothing at an origin")
@authority("test")
@appeal("test")
forbid (principal in Tenant::"busy", action == Action::"batch", resource);
"""


class Store(bulk.Store):
    """As an origin that can be silent, refuse, and forget."""
    mood = None

    def reply(self, method, path, body, headers):
        if self.mood and method == "GET":
            return self.mood, "application/json", json.dumps(
                {"error": {"message": "the origin's own words",
                           "type": "server_error"}}).encode()
        told = super().reply(method, path, body, headers)
        if method == "DELETE" and told[0] == 200:
            self.files.pop(path.rsplit("/", 1)[1], None)
        return told


class Setting(bulk.Setting):
    def __init__(self, where, look="10 min"):
        self.origin = Store()
        config = world.config({name: self.origin.url for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        config.pop("tls")
        config.pop("listen")
        for row in config["models"]:
            if row["name"] == "large":
                row["operations"] = ["chat", "batch"]
        config["batches"] = {"look": look}
        config["routes"] = [{"name": "bulk", "mode": "order", "candidates":
                             ["large-near", "large-far"]}]
        policies = {**world.POLICIES, "seller/extra.cedar": EXTRA}
        self.weir = lab.Weir(where / "weir", config, policies)
        try:
            self.weir.start()
            self.keys = {name: self.weir.key(name + "/app") for name in
                         ("good", "insider", "busy", "thrifty", "limited",
                          "poor")}
        except BaseException:
            self.stop()
            raise


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("lists"))
    yield made
    made.stop()


@pytest.fixture
def moody(setting):
    """Whoever makes the origin fail waits until it is asked again."""
    yield setting
    setting.origin.mood = None
    lab.wait_for(lambda: setting.call("GET", "/v1/files")[0] == 200,
                 what="the origin to be asked again", seconds=60)


def put_files(setting, tenant, count):
    client = setting.client(tenant)
    return [bulk.upload(client, bulk.lines(f"file {n}")).id
            for n in range(count)]


def test_every_page_of_files(setting):
    client = setting.client("good")
    made = put_files(setting, "good", 5)
    page = client.files.list(limit=2)
    assert page.object == "list" and page.has_more
    assert [row.id for row in page.data] == made[:2:-1]
    assert (page.first_id, page.last_id) == (made[4], made[3])
    assert [row.id for row in client.files.list(limit=2)] == made[::-1]
    assert [row.id for row in client.files.list(order="asc", limit=3)] == made
    assert [row.id for row in client.files.list()] == made[::-1]
    assert [row.id for row in client.files.list(after=made[1])] == [made[0]]
    for row in client.files.list(limit=2):
        assert row == client.files.retrieve(row.id)
    assert client.files.list(after=made[0]).data == []
    assert not client.files.list(limit=5).has_more


def test_each_tenant_sees_its_own(setting):
    made = put_files(setting, "thrifty", 2)
    theirs = {row.id for row in setting.client("good").files.list()}
    assert theirs.isdisjoint(made)
    mine = [row.id for row in setting.client("thrifty").files.list()]
    assert mine == made[::-1]
    with pytest.raises(openai.BadRequestError, match="after"):
        setting.client("thrifty").files.list(after=next(iter(theirs)))


def test_what_is_erased_is_gone_also_while_pages_are_read(setting):
    client = setting.client("poor")
    made = put_files(setting, "poor", 4)
    seen = []
    for row in client.files.list(limit=1):
        seen.append(row.id)
        assert client.files.delete(row.id).deleted
    assert seen == made[::-1]
    assert client.files.list().data == []


def test_batches_and_what_they_made(setting):
    client = setting.client("insider")
    made = [bulk.begin(client, bulk.lines(f"call {n}"))[1].id
            for n in range(3)]
    assert [row.id for row in client.batches.list(limit=1)] == made[::-1]
    assert {row.status for row in client.batches.list()} == {"validating"}
    assert not list(client.files.list(purpose="batch_output"))
    setting.origin.finish(None)
    fresh = client.batches.list(limit=1).data[0]
    assert fresh.status == "completed"
    out = list(client.files.list(purpose="batch_output"))
    assert [row.id for row in out] == [fresh.output_file_id]
    assert len(list(client.files.list(purpose="batch"))) == 3
    assert len(list(client.files.list())) == 4
    assert not list(client.files.list(purpose="vision"))
    client.files.delete(fresh.output_file_id)
    client.batches.retrieve(fresh.id)     # tells of it again
    assert not list(client.files.list(purpose="batch_output"))


def test_what_the_origin_forgot_is_left_out(setting):
    client = setting.client("good")
    before = [row.id for row in client.files.list()]
    put_files(setting, "good", 3)
    name = list(setting.origin.files)[-2]
    row = setting.origin.files.pop(name)
    # a page of two is two all the same
    assert len(client.files.list(limit=2).data) == 2
    assert len(list(client.files.list(limit=2))) == len(before) + 2
    setting.origin.files[name] = row
    assert len(list(client.files.list(limit=2))) == len(before) + 3


def test_an_origin_that_fails_fails_the_list_and_is_named(moody):
    setting = moody
    put_files(setting, "good", 2)
    setting.origin.mood = 500
    with pytest.raises(openai.InternalServerError) as said:
        setting.client("good").files.list()
    assert said.value.status_code == 502
    assert "large-near answered 500" in json.dumps(said.value.body)
    setting.origin.mood = 401       # of the seller, not of the client
    with pytest.raises(openai.InternalServerError):
        setting.client("good").files.list()


def test_whom_policy_refuses_is_refused_in_the_clients_words(setting):
    status, head, body = setting.call("GET", "/v1/files", "busy")
    assert status == 403, body
    error = json.loads(body)["error"]
    assert "leaves nothing at an origin" in error["message"]
    request = head["weir-request-id"]
    said = lab.wait_for(lambda: setting.weir.cli(
        "explain", request, "--json", check=False).stdout or None)
    assert "no-batches" in said
    assert lab.exchange(setting.weir.port, "GET", "/v1/files")[0] == 401
    for path in ("/v1/files?limit=0", "/v1/files?order=up",
                 "/v1/batches?limit=101", "/v1/files?after=a%20b"):
        assert setting.call("GET", path)[0] == 400, path


def test_azures_paths_have_the_same_lists(setting):
    made = [row["id"] for row in json.loads(
        setting.call("GET", "/v1/files")[2])["data"]]
    for path in ("/openai/v1/files", "/openai/files?api-version=2024-10-21"):
        status, _, body = setting.call("GET", path)
        assert status == 200, body
        assert [row["id"] for row in json.loads(body)["data"]] == made


def test_a_list_is_one_request_on_record(setting):
    put_files(setting, "limited", 2)    # of three a minute
    status, head, body = setting.call("GET", "/v1/files", "limited")
    assert status == 200 and len(json.loads(body)["data"]) == 2
    outcome = bulk.ledger(setting, head["weir-request-id"])
    assert outcome["ending"] == "complete" and outcome["http_status"] == 200
    assert outcome["attempts"] == []


def test_without_control_there_is_no_list_and_calls_go_on(setting):
    put = put_files(setting, "good", 1)[0]
    pid = next(pid for pid, name, _ in setting.weir.children()
               if name == "weir")
    os.kill(pid, signal.SIGSTOP)
    try:
        status, head, body = lab.exchange(
            setting.weir.port, "GET", "/v1/files", None,
            {"Authorization": "Bearer " + setting.keys["good"]})
        assert status == 503, body
        assert head["retry-after"] == "1"
        assert "control" in json.loads(body)["error"]["message"]
        assert setting.call("GET", f"/v1/files/{put}")[0] == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    lab.wait_for(lambda: setting.call("GET", "/v1/files")[0] == 200,
                 what="lists again", seconds=60)


# ------------------------------------------------------- message batches


class MessageSetting(messages.Setting):
    """The same weir, for the other API; open batches are looked at."""

    def __init__(self, where):
        self.origin = messages.Store()
        config = world.config({name: self.origin.url for name in
                               ("near", "far", "slow")}, lab.free_port(),
                              {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["batches"] = {"look": "1 s"}
        for row in config["origins"]:
            if row["name"] == "near":
                row["dialect"] = "anthropic"
        for row in config["models"]:
            if row["name"] == "large":
                row["operations"] = ["chat", "batch"]
        self.weir = lab.Weir(where / "weir", config, world.POLICIES)
        try:
            self.weir.start()
            self.keys = {name: self.weir.key(name + "/app") for name in
                         ("good", "insider", "thrifty", "busy")}
        except BaseException:
            self.stop()
            raise

    def begin(self, tenant, count):
        return [self.batches(tenant).create(
            requests=messages.requests("a", "b")).id for _ in range(count)]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    pytest.importorskip("anthropic")
    made = MessageSetting(tmp_path_factory.mktemp("said"))
    yield made
    made.stop()


def test_message_batches_by_pages_both_ways(said):
    client = said.batches()
    made = said.begin("good", 5)[::-1]
    said.begin("insider", 1)
    page = client.list(limit=2)
    assert [row.id for row in page.data] == made[:2]
    assert page.has_more and (page.first_id, page.last_id) == tuple(made[:2])
    assert [row.id for row in client.list(limit=2)] == made
    assert [row.id for row in client.list()] == made
    assert [row.id for row in client.list(after_id=made[2])] == made[3:]
    back = client.list(before_id=made[3], limit=2)
    assert [row.id for row in back.data] == made[1:3] and back.has_more
    assert not client.list(before_id=made[1]).has_more
    for row in client.list(limit=3):
        assert row == client.retrieve(row.id)
    with pytest.raises(messages.anthropic.BadRequestError, match="after_id"):
        client.list(after_id="msgbatch_none")
    status, _, body = said.call("GET", "/v1/messages/batches?limit=0")
    assert status == 400 and json.loads(body)["type"] == "error"


def test_a_message_batch_nobody_asks_about_is_settled(said):
    before = said.used("thrifty")
    raw = said.batches("thrifty").with_raw_response.create(
        requests=messages.requests("a", "b"))
    said.origin.finish()
    outcome = said.ledger(raw.headers["weir-request-id"])
    assert outcome["ending"] == "complete"
    # 6 and 2 read from a cache, 5 written: twice
    lab.wait_for(lambda: said.used("thrifty") - before == 26, seconds=40,
                 what="the correction of the counter")


# --------------------------------------------- left alone, and other clients


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("quick"), look="1 s")
    yield made
    made.stop()


def test_a_batch_nobody_asks_about_is_settled_and_its_output_listed(quick):
    client = quick.client("thrifty")
    before = quick.held("thrifty", "tokens", "day")[0]
    put = bulk.upload(client, bulk.lines("a", "b"))
    raw = client.batches.with_raw_response.create(
        input_file_id=put.id, endpoint="/v1/chat/completions",
        completion_window="24h")
    quick.origin.finish({"input_tokens": 20, "output_tokens": 11,
                         "total_tokens": 31})
    outcome = lab.wait_for(lambda: json.loads(quick.weir.cli(
        "explain", raw.headers["weir-request-id"], "--json",
        check=False).stdout or "{}").get("outcome"), 40, "the outcome")
    assert outcome["ending"] == "complete"
    lab.wait_for(lambda: quick.held("thrifty", "tokens", "day")[0] - before ==
                 31, seconds=40, what="the correction of the counter")
    lab.wait_for(lambda: list(client.files.list(purpose="batch_output")),
                 seconds=40, what="its output in the list")


def test_the_words_of_weirs_own_looks_count_from_nobody_else(quick):
    key = json.loads(quick.weir.cli("keys", "list", "--json").stdout)
    rows = key["keys"] if isinstance(key, dict) else key
    for words in ({"weir-inner": "key " + rows[0]["id"]},
                  {"weir-inner": "part"}):
        status, _, body = lab.exchange(quick.weir.port, "GET", "/v1/files",
                                       None, words)
        assert status == 401, body


def test_lists_by_the_clients_of_node(quick, said):
    files = put_files(quick, "good", 5)
    batches = [bulk.begin(quick.client("good"), bulk.lines(f"n {n}"))[1].id
               for n in range(3)]
    sent = said.begin("busy", 5)
    told = node_clients.said(
        "lists.mjs", quick.weir.base, f"http://127.0.0.1:{said.weir.port}",
        KEY_OPENAI=quick.keys["good"], KEY_ANTHROPIC=said.keys["busy"])
    assert set(files) <= set(told["files"])
    assert len(told["files"]) == 8
    assert told["ascending"] == told["files"][::-1]
    assert told["batches"] == batches[::-1]
    assert told["messages"] == sent[::-1]


def test_files_that_calls_name_are_listed_too(quick):
    client = quick.client("insider")
    made = [client.files.create(
        file=("a.txt", b"text", "text/plain"), purpose=purpose,
        extra_headers={"x-weir-model": "large"}).id
        for purpose in ("user_data", "vision")]
    assert [row.id for row in client.files.list()] == made[::-1]
    for name, purpose in zip(made, ("user_data", "vision")):
        assert [row.id for row in client.files.list(purpose=purpose)] == [name]
