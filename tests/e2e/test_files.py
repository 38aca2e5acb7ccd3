# SPDX-License-Identifier: Apache-2.0
"""Files that calls name: where they lie, whose they are, and that nobody
hears an origin's own id."""
import io
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import file_lab  # noqa: E402
import files  # noqa: E402
import lab  # noqa: E402
import node_clients  # noqa: E402

openai = pytest.importorskip("openai")

PDF = b"%PDF-1.4\n\x00\x01\xff binary \r\n--not-a-boundary\r\n%%EOF"
NEAR = {"x-weir-model": "large"}


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = file_lab.Setting(tmp_path_factory.mktemp("files"))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(setting):
    for origin in (setting.near, setting.far):
        origin.failing = 0
        origin.calls.clear()


def upload(client, data=PDF, purpose="user_data", name="a.pdf", **more):
    return client.files.create(file=(name, io.BytesIO(data)), purpose=purpose,
                               **more)


def near(setting, tenant="good", data=PDF, **more):
    """A file at near, and its id there."""
    put = upload(setting.client(tenant), data, extra_headers=NEAR, **more)
    return put.id, list(setting.near.files)[-1]


def part(name, kind="input_file"):
    return [{"role": "user", "content": [
        {"type": "input_text", "text": "what is it?"},
        {"type": kind, "file_id": name}]}]


def chat_part(name):
    return [{"role": "user", "content": [
        {"type": "text", "text": "what is it?"},
        {"type": "file", "file": {"file_id": name}}]}]


def named(origin):
    return [name.decode() for _, body in origin.calls
            for name in file_lab.NAMED.findall(body)]


def test_life_of_a_file(setting):
    client = setting.client()
    raw = client.files.with_raw_response.create(
        file=("a.pdf", io.BytesIO(PDF)), purpose="user_data",
        extra_headers=NEAR)
    put = raw.parse()
    row, there = setting.near.files[list(setting.near.files)[-1]]
    assert there == PDF and row["purpose"] == "user_data"
    assert put.purpose == "user_data" and put.id.startswith("file-")
    assert put.id != row["id"] and row["id"] not in raw.text
    assert raw.headers["weir-request-id"].startswith("req_")
    answer = client.responses.create(model="both", input=part(put.id))
    assert answer.output_text == "a file"
    path, body = setting.near.calls[-1]
    said = json.loads(body)
    assert path == "/v1/responses" and said["model"] == "large-near-9"
    assert said["input"] == part(row["id"])
    assert client.files.retrieve(put.id).id == put.id
    assert client.files.delete(put.id).deleted
    assert row["id"] not in str(client.files.retrieve(put.id))


@pytest.mark.parametrize("is_streamed", [False, True])
def test_every_way_to_name_it(setting, is_streamed):
    client = setting.client()
    name, own = near(setting)
    picture, seen = near(setting, data=b"\x89PNG\r\n\x1a\n", purpose="vision")
    for made in (
            client.responses.create(model="both", input=part(name),
                                    stream=is_streamed),
            client.responses.create(model="both", stream=is_streamed,
                                    input=part(picture, "input_image")),
            client.responses.create(model="both", stream=is_streamed, input=[
                {"type": "function_call_output", "call_id": "c",
                 "output": [{"type": "input_file", "file_id": name}]}]),
            client.chat.completions.create(model="both", stream=is_streamed,
                                           messages=chat_part(name))):
        if is_streamed:
            assert len(list(made)) > 0
    assert named(setting.near) == [own, seen, own, own]
    assert not setting.far.calls


def test_only_its_origin_is_asked(setting):
    """Another model there may use it; an origin that has it not is no
    fallback, and a model that is served elsewhere alone is told so."""
    client = setting.client()
    name, own = near(setting)
    for model in ("both", "backwards", "large", "plain"):
        client.responses.create(model=model, input=part(name))
    assert named(setting.near) == [own] * 4 and not setting.far.calls
    setting.near.failing = 3
    with pytest.raises(openai.APIStatusError) as fault:
        client.responses.create(model="backwards", input=part(name))
    assert fault.value.status_code >= 500
    assert not setting.far.calls
    setting.near.failing = 0
    with pytest.raises(openai.BadRequestError) as fault:
        client.responses.create(model="only", input=part(name))
    assert fault.value.param == "file_id"
    assert "another" in str(fault.value) or "origin" in str(fault.value)
    other = upload(client, extra_body={"model": "only"}).id
    assert list(setting.far.files)[-1].startswith("file-far")
    with pytest.raises(openai.BadRequestError) as fault:
        client.responses.create(model="both", input=part(name) + part(other))
    assert fault.value.param == "file_id"
    assert "another origin" in str(fault.value)


def test_two_tenants(setting):
    """What a tenant was not given is nothing; nor is an origin's own id, a
    batch's lines or a name that was changed."""
    name, own = near(setting)
    client = setting.client()
    line = file_lab.lines("hello", model="large")
    batch = client.files.create(file=("in.jsonl", io.BytesIO(line)),
                                purpose="batch").id
    for tenant, wrong in (("insider", name), ("good", own), ("good", batch),
                          ("good", name[:-1] + ("A" if name[-1] != "A"
                                                else "B")),
                          ("good", "file-abc"), ("good", "x" * 400)):
        mine = setting.client(tenant)
        for make in (lambda: mine.responses.create(model="both",
                                                   input=part(wrong)),
                     lambda: mine.chat.completions.create(
                         model="both", messages=chat_part(wrong))):
            with pytest.raises(openai.BadRequestError) as fault:
                make()
            assert fault.value.param == "file_id"
            assert "names no file" in str(fault.value)
    for tenant, wrong in (("insider", name), ("good", own)):
        for make in (setting.client(tenant).files.retrieve,
                     setting.client(tenant).files.delete,
                     setting.client(tenant).files.content):
            with pytest.raises(openai.NotFoundError):
                make(wrong)
    # a file for calls is no file of lines
    with pytest.raises(openai.NotFoundError):
        client.batches.create(input_file_id=name, completion_window="24h",
                              endpoint="/v1/chat/completions")
    assert not setting.near.calls and not setting.far.calls


def test_an_error_tells_the_name_that_the_client_knows(setting):
    name, own = near(setting)
    setting.near.files.pop(own)
    with pytest.raises(openai.BadRequestError) as fault:
        setting.client().responses.create(model="both", input=part(name))
    assert own not in str(fault.value) and name in str(fault.value)


def test_where_a_file_goes_that_names_no_model(setting):
    """The key may use two origins that keep files: one has to be named."""
    client = setting.client()
    with pytest.raises(openai.BadRequestError) as fault:
        upload(client)
    assert fault.value.param == "model" and "several" in str(fault.value)
    upload(client, extra_body={"model": "only"})
    form = setting.far.seen[-1][3]
    assert b'name="model"' not in form and PDF in form
    with pytest.raises(openai.BadRequestError) as fault:
        upload(client, extra_body={"model": "only"}, extra_headers=NEAR)
    assert fault.value.param == "model"
    for model in ("plain", "nobody"):
        with pytest.raises(openai.APIStatusError) as fault:
            upload(client, extra_headers={"x-weir-model": model})
        assert fault.value.status_code in (400, 404)
    # this tenant may use one of them alone
    before = len(setting.far.files)
    upload(setting.client("limited"))
    assert len(setting.far.files) == before + 1


def test_rules_hold_for_files(setting):
    seen = len(setting.near.seen)
    with pytest.raises(openai.PermissionDeniedError) as fault:
        upload(setting.client("busy"), extra_headers=NEAR)
    assert "no-files" in json.dumps(fault.value.body)
    for purpose in ("fine-tune", "assistants", "evals"):
        with pytest.raises(openai.BadRequestError) as fault:
            upload(setting.client(), purpose=purpose, extra_headers=NEAR)
        assert fault.value.param == "purpose"
    assert len(setting.near.seen) == seen


def test_a_text_is_filtered(setting):
    client = setting.client("thrifty")
    for rows in (80000, 500):   # more than is kept in memory, and less
        text = "name,mail\n" + "Jo,jo@example.org\n" * rows
        name, own = near(setting, "thrifty", text.encode(), name="people.csv")
        there = setting.near.files[own][1]
        assert b"jo@example.org" not in there
        assert there.count(b"\nJo,") == rows
        assert there.startswith(b"name,mail\nJo,[")
    client.responses.create(model="both", input=part(name))
    assert named(setting.near) == [own]
    with pytest.raises(openai.PermissionDeniedError) as fault:
        upload(client, b"# Notes\nproject Nightjar\n", extra_headers=NEAR)
    assert "Nightjar" not in str(fault.value)
    # as in calls: bytes that are no text pass
    near(setting, "thrifty", PDF)


def test_a_text_is_held_for_by_its_size(setting):
    """100,000 tokens a day: a text of 800 KB is more than that."""
    name, _ = near(setting, "thrifty", b"word " * 160000)
    with pytest.raises(openai.RateLimitError):
        setting.client("thrifty").responses.create(model="both",
                                                   input=part(name))
    assert not setting.near.calls


def test_lines_of_a_batch_name_files(setting):
    name, own = near(setting)
    client = setting.client()

    def put(*names):
        made = "".join(json.dumps(
            {"custom_id": str(i), "method": "POST", "url": "/v1/responses",
             "body": {"model": "backwards", "input": part(one)}}) + "\n"
            for i, one in enumerate(names))
        return client.files.create(
            file=("in.jsonl", io.BytesIO(made.encode())), purpose="batch")

    assert put(name, name).id.startswith("file-")
    sent = setting.near.seen[-1][3]
    assert sent.count(own.encode()) == 2 and name.encode() not in sent
    for wrong in ("file-abc", own):
        with pytest.raises(openai.BadRequestError) as fault:
            put(name, wrong)
        assert fault.value.param == "file_id"


def test_the_operator_names_a_model(tmp_path):
    def change(config):
        config["files"] = {"model": "only"}

    made = file_lab.Setting(tmp_path, change)
    try:
        name = upload(made.client()).id
        assert list(made.far.files) and not made.near.files
        made.client().responses.create(model="only", input=part(name))
        for wrong, said in (("nobody", "nobody"), ("plain", "keep")):
            made.weir.config["files"]["model"] = wrong
            made.weir.write()
            done = made.weir.cli("check", check=False)
            assert done.returncode != 0 and said in done.stdout + done.stderr
    finally:
        made.stop()


def test_a_large_file_is_not_held_in_memory():
    for row in files.run(24, ("document", "text")):
        assert row["status"] == 200 and row["memory_kib"] < 12 * 1024, row
        assert row["arrived"] > 22 << 20


def test_what_is_told_again_names_it_for_the_client(setting):
    """Items of a stored response: their files may be named as they stand."""
    client = setting.client()
    name, own = near(setting)
    answer = client.responses.create(model="both", input=part(name))
    raw = client.responses.input_items.with_raw_response.list(answer.id)
    assert own not in raw.text
    again = raw.parse().data[0].content[1].file_id
    client.responses.create(model="both", input=part(again))
    assert named(setting.near) == [own, own]
    with pytest.raises(openai.BadRequestError):
        setting.client("insider").responses.create(model="both",
                                                   input=part(again))


def test_lists_have_them(setting):
    client = setting.client()
    name, own = near(setting)
    lab.wait_for(lambda: name in [row.id for row in client.files.list()], 60,
                 "the registry")
    assert own not in str(client.files.list())
    assert name in [row.id for row in client.files.list(purpose="user_data")]
    assert name not in [row.id for row in client.files.list(purpose="vision")]
    assert name not in [row.id for row in
                        setting.client("insider").files.list()]


def test_node(setting):
    said = node_clients.said("files.mjs", setting.weir.base,
                             KEY_GOOD=setting.keys["good"],
                             KEY_OTHER=setting.keys["insider"])
    assert said["upload"] == ["user_data", True]
    assert said["responses"] == "a file"
    assert said["stream"] == 2
    assert said["chat"] == "a file"
    assert said["foreign"] == ["BadRequestError", 400, "file_id"]
    assert said["foreign file"] == ["NotFoundError", 404]
    assert said["deleted"] is True
    own = list(setting.near.files)
    assert all(name in own for name in named(setting.near))
    assert not any(name in json.dumps(said) for name in own)


def test_the_record_has_the_upload(setting):
    raw = setting.client().files.with_raw_response.create(
        file=("a.pdf", io.BytesIO(PDF)), purpose="user_data",
        extra_headers=NEAR)
    request = raw.headers["weir-request-id"]

    def outcome():
        done = setting.weir.cli("explain", request, "--json", check=False)
        return done.returncode < 2 and \
            json.loads(done.stdout).get("outcome")
    said = lab.wait_for(outcome, 60)
    assert said["deployment"] == "large-near"
