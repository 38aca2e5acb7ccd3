# SPDX-License-Identifier: Apache-2.0
"""Keys with tags, and many keys at once."""
import json

import lab


def created(place, *words):
    return json.loads(place.weir.cli(
        "keys", "create", "--project", "good/app", "--purpose", "test",
        "--staff", "DE", *words, "--json").stdout)


def test_a_keys_word_counts_before_the_calls(place):
    made = created(place, "--tag", "crew=keys", "--tag", "account=42")
    row = next(key for key in place.weir.json("keys", "list")["keys"]
               if key["id"] == made["id"])
    assert row["tags"] == "account=42,crew=keys"
    status, headers, _ = lab.exchange(
        place.weir.port, "POST", "/v1/chat/completions",
        json.dumps({"model": "m", "messages": []}).encode(),
        {"Authorization": "Bearer " + made["key"],
         "Content-Type": "application/json",
         "weir-tags": "crew=other, step=s1"})
    assert status == 200
    place.ledgered(headers["weir-request-id"])
    rows = {row["tag"]: row for row in
            place.weir.json("usage", "--by", "tag")["rows"]}
    assert rows["crew=keys"]["calls"] == 1, rows
    assert rows["account=42"]["calls"] == 1
    assert rows["step=s1"]["calls"] == 1, rows
    assert "crew=other" not in rows
    bill = place.weir.json("usage", "--by", "tag.crew")["rows"]
    assert sum(row["calls"] for row in bill if row["tag"] == "keys") == 1


def test_what_is_no_tag_is_refused(place):
    done = place.weir.cli("keys", "create", "--project", "good/app",
                          "--purpose", "test", "--staff", "DE", "--tag",
                          "two words=x", check=False)
    assert done.returncode != 0 and "NAME=VALUE" in done.stderr


def test_many_keys_are_one_image_and_all_serve(place, tmp_path):
    generation = place.weir.admin("GET", "/v1/image")["generation"]
    path = tmp_path / "keys.jsonl"
    path.write_text("".join(json.dumps(
        {"project": "good/app", "purpose": "test", "staff": "DE",
         "tags": f"unit=u{n}"}) + "\n" for n in range(200)))
    keys = json.loads(place.weir.cli(
        "keys", "create", "--from", str(path), "--json").stdout)["keys"]
    assert len(keys) == 200 and len({row["key"] for row in keys}) == 200
    assert place.weir.admin("GET", "/v1/image")["generation"] == generation + 1
    for row in (keys[0], keys[-1]):
        place.good(key=row["key"])
    listed = {row["id"]: row for row in
              place.weir.json("keys", "list")["keys"]}
    assert all(listed[row["id"]]["tags"] == f"unit=u{n}"
               for n, row in enumerate(keys))


def test_one_bad_wish_makes_no_key(place, tmp_path):
    before = len(place.weir.json("keys", "list")["keys"])
    path = tmp_path / "keys.jsonl"
    good = {"project": "good/app", "purpose": "test", "staff": "DE"}
    path.write_text(json.dumps(good) + "\n" +
                    json.dumps(dict(good, project="good/nobody")) + "\n")
    done = place.weir.cli("keys", "create", "--from", str(path), check=False)
    assert done.returncode != 0 and "key 2" in done.stderr
    assert len(place.weir.json("keys", "list")["keys"]) == before
    path.write_text("{\n")
    done = place.weir.cli("keys", "create", "--from", str(path), check=False)
    assert done.returncode == 2 and "keys.jsonl:1" in done.stderr
