# SPDX-License-Identifier: Apache-2.0
"""Who harvests by files of lines is named as who harvests by calls."""
import io
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] /
                       "control"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import watching  # noqa: E402
from small import POLICIES, config  # noqa: E402
from test_batches import Store  # noqa: E402

openai = pytest.importorskip("openai")


def file_of(texts, model="m"):
    return "".join(json.dumps(
        {"custom_id": str(i), "method": "POST", "url": "/v1/chat/completions",
         "body": {"model": model, "messages": [
             {"role": "user", "content": text}]}}) + "\n"
        for i, text in enumerate(texts)).encode()


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    data = lab.data_dir()
    if data is None:
        pytest.skip("WEIR_DATA is absent: no labelled prompts")
    origin = Store()
    made = config(origin.url.removesuffix("/v1"))
    for row in made["models"]:
        row["operations"] = ["chat", "batch"]
    for row in made["origins"]:
        row["url"] = origin.url
    accounts = [watching.Account(name, [], 0)
                for name in ("caller", "filer", "turned", "helpdesk", "long")]
    organisations, tenants = watching.tenants_of(accounts)
    made["organisations"] += organisations
    made["tenants"] += tenants
    made["watch"] = {"reference_calls": 300, "calibration": "test"}
    weir = lab.Weir(tmp_path_factory.mktemp("watched") / "weir", made,
                    POLICIES)
    try:
        weir.start()
        keys = {a.name: weir.key(f"{a.name}/app") for a in accounts}
        pools = {kind: watching.prompts(data, kind)
                 for kind in ("support", "harvest")}
        send(weir, keys, pools)
        yield weir, origin
    finally:
        weir.end()
        origin.server.shutdown()
        origin.server.server_close()


LONG = 3000
ALL = 200 + 200 + 700 + 600 + 1024


def send(weir, keys, pools):
    """`caller` calls what `filer` sends by files; `turned` sends support for
    a reference, then harvests; `long` sends more lines than are looked at."""
    def put(name, texts, width=100):
        client = openai.OpenAI(api_key=keys[name], base_url=weir.base,
                               max_retries=0)
        for i in range(0, len(texts), width):
            data = file_of(texts[i:i + width])
            client.files.create(file=("in.jsonl", io.BytesIO(data)),
                                purpose="batch")

    harvest, support = pools["harvest"], pools["support"]
    for text in harvest[:200]:
        lab.exchange(weir.port, "POST", "/v1/chat/completions", json.dumps(
            {"model": "m", "messages": [{"role": "user", "content": text}]}),
            {"Authorization": "Bearer " + keys["caller"]})
    put("filer", harvest[:200])
    put("turned", support[:400] + [
        text for pair in zip(support[400:500], harvest[200:300],
                             support[500:600]) for text in pair])
    put("helpdesk", support[600:1200])
    put("long", [support[i % len(support)] for i in range(LONG)], LONG)
    lab.wait_for(lambda: counted(weir) >= ALL, 60, "every line")


def counted(weir):
    return weir.json("watch", "status")["figures"]["calls"]


def verdicts(weir):
    rows = weir.json("watch", "status", "--kind", "tenant", "--limit",
                     1000)["verdicts"]
    return {row["name"]: row for row in rows}


def test_lines_are_counted_once_each(watched):
    weir, _ = watched
    figures = weir.json("watch", "status")["figures"]
    assert figures["again"] == 0
    assert figures["calls"] == ALL


def test_who_harvests_by_files_is_named(watched):
    weir, _ = watched
    said = verdicts(weir)
    for name in ("caller", "filer", "turned"):
        assert said[name]["score"] >= 1 and \
            said[name]["action"] != "none", said[name]
    assert said["turned"]["has_reference"]
    assert not said["filer"]["has_reference"]
    # as by calls: the same prompts have the same score
    assert said["filer"]["score"] == pytest.approx(said["caller"]["score"],
                                                   rel=0.2)
    for name in ("helpdesk", "long"):
        assert name not in said or (
            said[name]["score"] < 1 and
            said[name]["action"] in ("none", "observe")), said[name]


def test_counting_again_says_the_same(watched):
    """The pools from the journal alone: lines have their places in it."""
    weir, _ = watched
    before = verdicts(weir)
    weir.stop()
    for file in pathlib.Path(weir.state).rglob("watch.db*"):
        file.unlink()
    weir.start()
    lab.wait_for(lambda: counted(weir) == ALL, 60,
                 "every line, again")
    after = verdicts(weir)
    assert {name: row["score"] for name, row in after.items()} == \
        {name: row["score"] for name, row in before.items()}
