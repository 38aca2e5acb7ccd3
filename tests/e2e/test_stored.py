# SPDX-License-Identifier: Apache-2.0
"""Answers that an origin keeps, by names of the tenant's: the official
clients go on from them, read them again and erase them; nobody else can."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import node_clients  # noqa: E402
import world  # noqa: E402
from stored_origin import Keeper  # noqa: E402

openai = pytest.importorskip("openai")

EXTRA = """
@id("masked")
@title("Rules over what limited hears")
@authority("test")
@appeal("test")
@filter("answers")
permit (principal in Tenant::"limited", action, resource in Bloc::"hosting");

@id("no-reasoning")
@title("The scarce hear no reasoning")
@authority("test")
@appeal("test")
@strip("logprobs,reasoning")
permit (principal in Tenant::"scarce", action, resource in Bloc::"hosting");

@id("not-far")
@title("The poor are not served far away")
@authority("test")
@appeal("test")
forbid (principal in Tenant::"poor", action, resource in Region::"away");
"""


class Setting:
    def __init__(self, where):
        self.near, self.far = Keeper("near"), Keeper("far")
        self.weir = None
        config = world.config({"near": self.near.url, "far": self.far.url,
                               "slow": self.near.url}, lab.free_port(), {}, 0)
        config.pop("tls")
        config.pop("listen")
        config["filters"] = [{"name": "answers", "rules": [
            {"name": "mail-out", "detector": "mail", "action": "mask",
             "in": "replies"}]}]
        config["origins"].append({"name": "other", "dialect": "compatible",
                                  "url": self.near.url})
        config["deployments"].append(
            world.deployment("large-other", "large", "other"))
        config["routes"] += [
            {"name": "far-first", "mode": "order", "candidates":
             ["large-far", "large-near"]},
            {"name": "only-other", "mode": "order", "candidates":
             ["large-other"]},
            {"name": "any", "mode": "order", "candidates":
             ["large-other", "large-near", "large-far"]}]
        for row in config["tenants"]:
            if row["name"] in ("limited", "scarce", "poor"):
                row.pop("budgets")
        policies = {**world.POLICIES, "seller/extra.cedar": EXTRA}
        try:
            self.weir = lab.Weir(where / "weir", config, policies)
            self.weir.start()
            self.keys = {name: self.weir.key(name + "/app") for name in
                         ("good", "thrifty", "limited", "scarce", "poor")}
            self.keys["second"] = self.weir.key("good/app")
        except BaseException:
            self.stop()
            raise

    def client(self, who="good"):
        return openai.OpenAI(api_key=self.keys[who], max_retries=0,
                             base_url=self.weir.base)

    def call(self, method, path, who="good", body=None):
        return lab.exchange(
            self.weir.port, method, path,
            None if body is None else json.dumps(body),
            {"Authorization": "Bearer " + self.keys[who],
             "Content-Type": "application/json"})

    def stop(self):
        if self.weir is not None:
            self.weir.end()
        self.near.stop()
        self.far.stop()


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    made = Setting(tmp_path_factory.mktemp("stored"))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def calm(setting):
    for keeper in (setting.near, setting.far):
        keeper.text, keeper.status = "river", None
    yield


def streamed(client, **asked):
    """The final response of a stream whose events agree about ids."""
    items, final = set(), None
    for event in client.responses.create(stream=True, **asked):
        if event.type == "response.created":
            created = event.response.id
        items |= {getattr(event, "item_id", None)} - {None}
        if event.type == "response.output_item.added":
            items.add(event.item.id)
        if event.type == "response.completed":
            final = event.response
    assert final.id == created
    assert items == {item.id for item in final.output}
    return final


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_chain_goes_on_at_the_origin_that_keeps_it(setting, is_streamed):
    client = setting.client()

    def create(**asked):
        return streamed(client, **asked) if is_streamed else \
            client.responses.create(**asked)

    first = create(model="far-first", input="How high?")
    assert first.id.startswith("resp_") and first.id.endswith(
        list(setting.far.responses)[-1].removeprefix("resp_"))
    assert first.id not in setting.far.responses
    assert [item.id.split("_")[0] for item in first.output] == \
        ["rs", "msg", "fc"]
    assert first.metadata == {"id": "resp_of_mine"}
    seen = len(setting.near.seen)
    # Another route would go near first; this one cannot.
    second = create(model="first-near", input="And now?",
                    previous_response_id=first.id)
    assert len(setting.near.seen) == seen
    sent = setting.far.seen[-1][3]
    assert sent["previous_response_id"] in setting.far.responses
    assert sent["input"] == "And now?"
    assert second.previous_response_id == first.id
    third = create(model="first-near", previous_response_id=second.id, input=[
        {"type": "item_reference", "id": first.output[1].id},
        {"type": "function_call_output", "call_id": "call_1", "output": "9"}])
    assert third.previous_response_id == second.id
    sent = setting.far.seen[-1][3]
    assert sent["input"][0]["id"] in setting.far.items()
    # Another key of the tenant goes on from it too.
    assert setting.client("second").responses.create(
        model="large", input="x", previous_response_id=third.id).id


def test_history_says_ids_at_its_own_origin_alone(setting):
    client = setting.client()
    first = client.responses.create(model="first-near", input="How high?")
    history = [item.model_dump(exclude_none=True) for item in first.output
               if item.type != "reasoning"]
    ask = [*history, {"role": "user", "content": "more"}]
    client.responses.create(model="first-near", input=ask)
    sent = setting.near.seen[-1][3]["input"]
    assert [item["id"] for item in sent[:2]] == \
        list(setting.near.items())[-5:-3]
    assert sent[2] == {"role": "user", "content": "more"}
    client.responses.create(model="far-first", input=ask)
    sent = setting.far.seen[-1][3]["input"]
    assert all("id" not in item for item in sent)
    assert sent[1]["call_id"] == "call_1"
    # Where its own fails, the next one is asked without.
    setting.near.status = 503
    client.responses.create(model="first-near", input=ask)
    assert all("id" not in item for item in setting.far.seen[-1][3]["input"])
    setting.near.status = None
    # From before this gateway: ids that open nothing are left out.
    client.responses.create(model="first-near", input=[
        {"type": "message", "role": "assistant", "id": "msg_foreign",
         "content": [{"type": "output_text", "text": "a"}]}])
    assert "id" not in setting.near.seen[-1][3]["input"][0]


def test_sealed_reasoning_goes_where_it_can_be_read(setting):
    client = setting.client()
    first = client.responses.create(
        model="far-first", input="How high?", store=False,
        include=["reasoning.encrypted_content"])
    assert not setting.far.seen[-1][3]["store"]
    history = [item.model_dump(exclude_none=True) for item in first.output]
    setting.far.responses["kept"] = {"output": [
        {"id": word} for word in ids_of(setting.far.seen, first)]}
    client.responses.create(model="first-near", input=history, store=False)
    assert setting.far.seen[-1][3]["input"][0]["encrypted_content"] == \
        "sealed-far"
    assert setting.far.seen[-1][3]["input"][0]["id"].startswith("rs_far")
    del setting.far.responses["kept"]


def ids_of(seen, response):
    """The origin's words: a name is its start, 32 letters and the rest."""
    return [item.id[:item.id.index("_") + 1] +
            item.id[item.id.index("_") + 33:] for item in response.output]


def test_read_again_and_erased(setting):
    client = setting.client("thrifty")

    def used():
        return setting.weir.budgets("thrifty")[("tokens", "day")]["used"]

    before = used()
    made = client.responses.create(model="far-first", input="How high?")
    again = client.responses.retrieve(made.id)
    assert again.model_dump() == made.model_dump()
    raw = client.responses.with_raw_response.retrieve(
        made.id, include=["message.output_text.logprobs"])
    assert raw.headers["weir-deployment"] == "large-far"
    assert raw.headers["weir-cost"].startswith("0.000000 ")
    assert raw.headers["weir-request-id"]
    assert setting.far.seen[-1][2] in (
        "include[]=message.output_text.logprobs",
        "include%5B%5D=message.output_text.logprobs",
        "include=message.output_text.logprobs")
    events = list(client.responses.retrieve(made.id, stream=True))
    assert events[0].response.id == events[-1].response.id == made.id
    rest = list(client.responses.retrieve(made.id, stream=True,
                                          starting_after=3))
    assert [event.sequence_number for event in rest] == \
        [event.sequence_number for event in events][4:]
    page = client.responses.input_items.list(made.id, limit=10)
    assert page.data[0].content[0].text == "How high?"
    assert page.data[0].id not in json.dumps(setting.far.inputs)
    after = client.responses.input_items.list(made.id, after=page.data[0].id)
    assert after.data == []
    assert client.responses.cancel(made.id).status == "cancelled"
    client.responses.delete(made.id)
    assert not any(name in made.id for name in setting.far.responses)
    # What the origin says of it is told by the client's name for it.
    with pytest.raises(openai.NotFoundError) as caught:
        client.responses.retrieve(made.id)
    assert f"Response with id '{made.id}' not found." in str(caught.value)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="large", input="x",
                                previous_response_id=made.id)
    assert f"response with id '{made.id}' not found." in str(caught.value)
    # All of it was on record, and none of it was billed: the answer's own 12
    # tokens are all that was used.
    lab.wait_for(lambda: used() == before + 12, 60, "the counters")
    request = raw.headers["weir-request-id"]
    said = lab.wait_for(lambda: explained(setting, request).get("outcome") and
                        explained(setting, request), 60)
    assert said["what"]["method"] == "responses.retrieve", said["what"]
    assert said["outcome"]["cost_micros"] == 0
    assert said["outcome"]["deployment"] == "large-far" and said["is_same"]


def explained(setting, request):
    done = setting.weir.cli("explain", request, "--json", check=False)
    return json.loads(done.stdout) if done.returncode < 2 else {}


def test_azure_paths_read_the_same(setting):
    made = setting.client().responses.create(model="large", input="How high?")
    for path in (f"/openai/v1/responses/{made.id}?api-version=preview",
                 f"/v1/responses/{made.id}"):
        status, _, body = setting.call("GET", path)
        assert status == 200 and json.loads(body)["id"] == made.id


def test_nobody_else_goes_on_from_it_or_reads_it(setting):
    made = setting.client().responses.create(model="large", input="secret")
    raw = list(setting.near.responses)[-1]
    item = made.output[1].id
    before = len(setting.near.seen), len(setting.far.seen)
    bent = made.id[:-1] + ("0" if made.id[-1] != "0" else "1")
    for who, name, thing in (("thrifty", made.id, item),
                             ("good", raw, ids_of(None, made)[1]),
                             ("good", bent, item[:9] + "x" + item[10:])):
        client = setting.client(who)
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(model="large", input="x",
                                    previous_response_id=name)
        assert caught.value.code == "previous_response_not_found"
        assert caught.value.param == "previous_response_id"
        assert caught.value.type == "invalid_request_error"
        with pytest.raises(openai.NotFoundError) as caught:
            client.responses.create(model="large", input=[
                {"role": "user", "content": "x"},
                {"type": "item_reference", "id": thing}])
        assert caught.value.param == "input[1].id"
        for verb in (client.responses.retrieve, client.responses.delete,
                     client.responses.cancel,
                     client.responses.input_items.list):
            with pytest.raises(openai.NotFoundError) as caught:
                verb(name)
            assert caught.value.code == "response_not_found"
    with pytest.raises(openai.NotFoundError) as caught:
        setting.client().responses.create(model="large", input="x",
                                          conversation="conv_1")
    assert caught.value.code == "conversation_not_found"
    assert before == (len(setting.near.seen), len(setting.far.seen))


def test_what_policy_takes_away_is_out_of_reach(setting):
    """The name says where; policy says whether, now."""
    status, _, body = setting.call("POST", "/v1/responses", "poor",
                                   {"model": "far-first", "input": "x"})
    assert status == 200 and "near" in json.loads(body)["id"]
    made = setting.client("poor").responses.create(model="large", input="x")
    # A name for the poor at a deployment that they may not have.
    config = setting.weir.file
    near = json.loads(config.read_text())
    policy = setting.weir.where / "policies/seller/extra.cedar"
    text = policy.read_text()
    policy.write_text(text.replace('Region::"away"', 'Region::"here"'))
    try:
        setting.weir.reload()
        lab.wait_for(lambda: setting.call(
            "GET", f"/v1/responses/{made.id}", "poor")[0] == 403, 60,
            "the policy")
        status, _, body = setting.call("POST", "/v1/responses", "poor", {
            "model": "large", "input": "x",
            "previous_response_id": made.id})
        assert status == 403 and b"not-far" in body
    finally:
        policy.write_text(text)
        setting.weir.reload()
        lab.wait_for(lambda: setting.call(
            "GET", f"/v1/responses/{made.id}", "poor")[0] == 200, 60,
            "the policy")
    assert near == json.loads(config.read_text())


def test_rules_over_answers_act_when_they_are_read_again(setting):
    setting.near.text = "write to ada@mail.example"
    for who, hears in (("good", True), ("limited", False)):
        client = setting.client(who)
        made = client.responses.create(model="first-near", input="whom?")
        assert ("ada@mail.example" in made.output_text) == hears
        again = client.responses.retrieve(made.id)
        assert again.output_text == made.output_text
        assert again.id == made.id
        final = None
        for event in client.responses.retrieve(made.id, stream=True):
            final = event
        assert final.response.output_text == made.output_text
    made = setting.client("scarce").responses.create(
        model="first-near", input="x", include=["message.output_text.logprobs"])
    setting.near.responses[list(setting.near.responses)[-1]]["output"][0][
        "summary"] = [{"type": "summary_text", "text": "because"}]
    again = setting.client("scarce").responses.retrieve(
        made.id, include=["message.output_text.logprobs"])
    assert again.output[0].summary[0].text == ""
    assert setting.near.seen[-1][2] == ""


def test_translated_answers_are_kept_nowhere(setting):
    client = setting.client()
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="only-other", input="x",
                                previous_response_id="resp_1")
    assert caught.value.param == "previous_response_id"
    made = client.responses.create(model="large", input="How high?")
    # A route whose first candidate cannot: the one that can is asked.
    again = client.responses.create(model="any", input="x",
                                    previous_response_id=made.id)
    assert "near" in again.id
    # And where none of the route's has it, or none that is allowed.
    away = client.responses.create(model="far-first", input="x").id
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="only-near", input="x",
                                previous_response_id=away)
    assert "lies at an origin" in str(caught.value)
    assert caught.value.param == "model"
    with pytest.raises(openai.PermissionDeniedError):
        client.responses.create(model="small", input="x",
                                previous_response_id=away)


def test_sound_of_an_answer_is_named(setting):
    client = setting.client()
    audio = {"voice": "alloy", "format": "wav"}
    made = client.chat.completions.create(
        model="far-first", modalities=["text", "audio"], audio=audio,
        messages=[{"role": "user", "content": "say it"}])
    name = made.choices[0].message.audio.id
    assert name.startswith("audio_") and name not in setting.far.sounds
    chunks = list(client.chat.completions.create(
        model="first-near", modalities=["text", "audio"], audio=audio,
        stream=True, messages=[
            {"role": "user", "content": "say it"},
            {"role": "assistant", "audio": {"id": name}},
            {"role": "user", "content": "again"}]))
    assert chunks[0].choices[0].delta.audio.id.startswith("audio_")
    assert setting.far.seen[-1][3]["messages"][1]["audio"]["id"] in \
        setting.far.sounds
    for who, said in (("thrifty", name), ("good", list(setting.far.sounds)[0])):
        with pytest.raises(openai.NotFoundError) as caught:
            setting.client(who).chat.completions.create(
                model="first-near", messages=[
                    {"role": "assistant", "audio": {"id": said}}])
        assert caught.value.param == "messages[0].audio.id"


def test_tokens_are_counted_without_an_origin(setting):
    before = len(setting.near.seen)
    counted = setting.client().responses.input_tokens.count(
        model="large", input="How high is the water today?")
    assert counted.object == "response.input_tokens"
    assert 5 <= counted.input_tokens <= 20
    with pytest.raises(openai.BadRequestError) as caught:
        setting.client().responses.input_tokens.count(
            model="large", input="x", previous_response_id="resp_1")
    assert caught.value.param == "previous_response_id"
    assert len(setting.near.seen) == before


@pytest.mark.parametrize("path, status", [
    ("?stream=yes", 200), ("?nonsense=1", 400), ("?after=msg_1", 400),
    ("/input_items?after=msg_1", 400), ("/input_items?order=a%2Fb", 400),
    ("/output_items", 404), ("/cancel", 405), ("/", 404),
])
def test_what_is_not_served_is_refused(setting, path, status):
    made = setting.client().responses.create(model="large", input="x")
    seen = len(setting.near.seen)
    got, _, body = setting.call("GET", f"/v1/responses/{made.id}{path}")
    assert got == status, body
    if status != 200:
        assert len(setting.near.seen) == seen
        assert "error" in json.loads(body)


def test_large_answers_pass_with_their_names(setting):
    setting.near.text = "a \"quoted\" \\ river, " * 20000
    client = setting.client()
    made = client.responses.create(model="first-near", input="x")
    assert made.output_text == setting.near.text
    assert client.responses.retrieve(made.id).output_text == \
        setting.near.text
    assert made.output[2].id.startswith("fc_")


def test_node(setting):
    said = node_clients.said("stored.mjs", setting.weir.base,
                             KEY_GOOD=setting.keys["good"],
                             KEY_OTHER=setting.keys["thrifty"])
    assert said["chain"] is True
    assert said["streamed chain"] is True
    assert said["retrieved"] == ["river", True]
    assert said["items"] == ["How high?", True]
    assert said["stranger"] == [
        ["BadRequestError", 400, "previous_response_not_found"],
        ["NotFoundError", 404, "response_not_found"]]
    assert said["deleted"] == ["NotFoundError", 404, None]
