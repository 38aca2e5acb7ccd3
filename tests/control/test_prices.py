# SPDX-License-Identifier: Apache-2.0
"""Random price lists: what the gate settles, the ledger keeps, the counter
counts and the invoice bills is what others compute from the same text."""
import csv
import datetime
import http.server
import io
import json
import random
import subprocess
import threading

import pytest

import lab
import recompute
from small import POLICIES, config

SEED = 20261122
MODELS = 8
CALLS = 240
RATES = [name for name in list(recompute.KINDS) + ["audio_cached"]
         if name not in ("input", "output")]


class Counting(http.server.BaseHTTPRequestHandler):
    """Says the usage that the request's text asks for."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told = json.loads(body["messages"][0]["content"])
        reply = {"id": "c", "object": "chat.completion", "model": "m",
                 "created": 1, "choices": [{
                     "index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": "x"}}],
                 "usage": told["usage"]}
        if "service" in told:
            reply["service_tier"] = told["service"]
        text = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def amount(draw, most):
    return f"{draw.randrange(1, most * 1000000) / 1000000:.6f}"


def some_rates(draw, share):
    told = {name: amount(draw, 2 if name in recompute.EACH else 90)
            for name in RATES if draw.random() < share}
    return told


def condition(draw, now):
    kind = draw.choice(("above", "service", "hours", "from", "until", "all"))
    told = {}
    if kind in ("above", "all"):
        told["above"] = draw.choice((10, 400, 2000))
    if kind in ("service", "all"):
        told["service"] = draw.choice(
            ("batch", "flex", ["flex", "priority"], "standard"))
    if kind == "hours":
        start, length = draw.randrange(24), draw.randrange(1, 24)
        told["hours"] = f"{start:02}:07-{(start + length) % 24:02}:07"
    day = (now + datetime.timedelta(days=draw.choice((-3, 3)))).date()
    if kind in ("from", "until"):
        told[kind] = day.isoformat()
    return told


def price_list(draw, name, now):
    price = {"input": amount(draw, 20), "output": amount(draw, 80),
             "version": name, **some_rates(draw, 0.4), "changes": []}
    for number in range(draw.randrange(6)):
        change = {**condition(draw, now), **some_rates(draw, 0.2),
                  "input": amount(draw, 20)}
        if draw.random() < 0.5:
            change["version"] = f"{name}.{number}"
        price["changes"].append(change)
    return price


def usage(draw):
    """As the OpenAI family writes it."""
    prompt, answer = draw.randrange(1, 5000), draw.randrange(3000)
    parts = sorted(draw.randrange(prompt + 1) for _ in range(4))
    made = sorted(draw.randrange(answer + 1) for _ in range(3))
    sound = draw.randrange(parts[1] - parts[0] + 1)
    return {
        "prompt_tokens": prompt, "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {
            "cache_write_tokens": parts[0],
            "cached_tokens": parts[1] - parts[0],
            "audio_tokens": parts[2] - parts[1] + sound,
            "image_tokens": parts[3] - parts[2],
            "cached_tokens_details": {"audio_tokens": sound}},
        "completion_tokens_details": {
            "reasoning_tokens": made[0], "audio_tokens": made[1] - made[0],
            "image_tokens": made[2] - made[1]}}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    where = tmp_path_factory.mktemp("prices")
    draw, now = random.Random(SEED), datetime.datetime.now(
        datetime.timezone.utc)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    world = config(f"http://127.0.0.1:{server.server_port}/v1")
    model, deployment = world["models"][0], world["deployments"][0]
    world["models"] = [dict(model, name=f"m{n}",
                            price=price_list(draw, f"list-{n}", now))
                       for n in range(MODELS)]
    world["deployments"] = [dict(deployment, name=f"d{n}", model=f"m{n}")
                            for n in range(MODELS)]
    for n in (0, 1):
        world["deployments"][n]["price"] = price_list(draw, f"own-{n}", now)
    world["contracts"] = [
        {"name": "agreed", "tenant": "good", "from": "2020-01-01",
         "discount": "7.5%", "prices": [
             {"model": f"m{n}", "price": price_list(draw, f"agreed-{n}", now)}
             for n in range(0, MODELS, 2)]}]
    world["tenants"][0]["projects"][0]["tags"] = "team=search,cost_center=42"
    weir = lab.Weir(where / "weir", world, POLICIES)
    weir.start()
    key = weir.key("good/app")
    for number in range(CALLS):
        told = {"usage": usage(draw)}
        if draw.random() < 0.5:
            told["service"] = draw.choice(
                ("default", "batch", "flex", "priority"))
        body = {"model": f"m{number % MODELS}", "messages": [
            {"role": "user", "content": json.dumps(told)}],
            "metadata": {"step": f"s{number % 3}", "free text": "not a tag",
                         "team": "another"}}
        status, _, reply = lab.exchange(
            weir.port, "POST", "/v1/chat/completions",
            json.dumps(body).encode(),
            {"Authorization": "Bearer " + key, "weir-tags":
             f"task=T-{number % 5}", "Content-Type": "application/json"}, 30)
        assert status == 200, reply
    lab.wait_for(lambda: weir.usage() and
                 sum(row["open"] for row in weir.usage()) == 0, 20,
                 "no open call")
    yield weir
    weir.end()
    server.shutdown()


def days(place):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (f"{(now - datetime.timedelta(days=1)):%Y-%m-%d}.."
            f"{(now + datetime.timedelta(days=1)):%Y-%m-%d}")


def calls_of(place):
    return place.admin("GET", "/v1/calls?limit=1000")["calls"]


def test_gate_ledger_counter_and_invoice_agree_on_random_prices(place):
    calls = calls_of(place)
    assert len(calls) == CALLS
    invoice = place.json("invoice", "good", days(place))
    assert recompute.differences(place.config, calls, invoice) == []
    spent = sum(call["cost_micros"] for call in calls)
    assert place.budgets("good")["money", "month"]["used"] == spent
    assert {call["service"] for call in calls if "service" in call} == {
        "batch", "flex", "priority"}
    # changes were met, and named by their version
    assert len({call["price_version"] for call in calls}) > MODELS
    assert any(line["priced_by"] == "contract" and "." in
               line["contract_price_version"] for line in invoice["lines"])


def found(told, name):
    """The member of that name, wherever it stands."""
    if isinstance(told, dict):
        if name in told:
            return told[name]
        told = list(told.values())
    for value in told if isinstance(told, list) else ():
        inside = found(value, name)
        if inside is not None:
            return inside
    return None


def test_no_call_was_held_for_less_than_its_answer_could_cost(place):
    """The hold is of the estimate; priced alike it is never below it."""
    calls = calls_of(place)
    models = {row["name"]: row["price"] for row in place.config["models"]}
    own = {row["name"]: row["price"] for row in place.config["deployments"]
           if "price" in row}
    for call in calls[:16]:
        told = place.json("explain", call["request"])
        prompt = found(told, "held_tokens") - 4096
        price = own.get(call["deployment"], models[call["model"]])
        standard = dict(call, service="standard", input_tokens=prompt)
        rates, _ = recompute.rates_of(price, recompute.fitting(price, standard))
        least = {"input_tokens": prompt, "output_tokens": 4096}
        assert found(told, "held_micros") >= recompute.cost(least, rates)


def test_tags_are_kept_and_the_projects_word_counts(place):
    for call in calls_of(place):
        tags = dict(pair.split("=") for pair in call["tags"].split(","))
        assert tags["team"] == "search" and tags["cost_center"] == "42"
        assert set(tags) == {"team", "cost_center", "task", "step"}


def test_usage_by_tag_is_the_ledger(place):
    calls = calls_of(place)
    spent = sum(call["cost_micros"] for call in calls)
    by_step = place.json("usage", "--by", "tag.step")
    assert {row["tag"] for row in by_step["rows"]} == {"s0", "s1", "s2"}
    assert sum(row["cost_micros"] for row in by_step["rows"]) == spent
    every = place.json("usage", "--by", "tag")
    rows = {row["tag"]: row for row in every["rows"]}
    assert rows["team=search"]["calls"] == CALLS
    assert sum(row["cost_micros"] for row in every["total"]) == spent
    tasks = place.json("usage", "--by", "task")
    assert tasks["per_task"]["tasks"] == 5
    assert tasks["per_task"]["cost_micros"] == spent
    costs = sorted(row["cost_micros"] for row in tasks["rows"])
    assert tasks["per_task"]["middle_micros"] == costs[2]
    grown = place.json("revenue", days(place), "--by", "task")["rows"]
    assert sum(row["cost_micros"] for row in grown) == spent
    sheet = place.cli("export", "focus", days(place)).stdout
    row = next(csv.DictReader(io.StringIO(sheet)))
    assert json.loads(row["Tags"])["team"] == "search"


def test_a_tag_that_is_none_is_refused_and_named(place):
    key = place.key("good/app")
    status, _, reply = lab.exchange(
        place.port, "POST", "/v1/chat/completions",
        json.dumps({"model": "m1", "messages": []}).encode(),
        {"Authorization": "Bearer " + key, "weir-tags": "a b=c",
         "Content-Type": "application/json"}, 30)
    assert status == 400 and b"NAME=VALUE" in reply


def test_an_invoice_is_a_paper_too(place, tmp_path):
    paper = subprocess.run(
        [lab.program("weir"), "invoice", "good", days(place), "--format",
         "pdf", "-c", str(place.file)], stdout=subprocess.PIPE, check=True,
        env=place.environment).stdout
    assert paper.startswith(b"%PDF-")
    (tmp_path / "invoice.pdf").write_bytes(paper)
    text = subprocess.run(["pdftotext", "-layout", tmp_path / "invoice.pdf",
                           "-"], stdout=subprocess.PIPE, check=True,
                          text=True).stdout
    invoice = place.json("invoice", "good", days(place))
    payable = invoice["totals"]["payable_micros"]
    assert f"{payable // 1000000}.{payable // 10000 % 100:02} USD" in text
    assert "DRAFT" in text and "agreed-0" in text


def test_a_forecast_is_made_of_the_ledger_or_of_a_file(place, tmp_path):
    told = place.json("forecast", "--by", "model", "--days", "7")
    assert told["days"] == 7      # today is not over: nothing is behind it
    assert all(row["total_micros"] == 0 for row in told["rows"])
    path = tmp_path / "days.csv"
    path.write_text("day,group,amount\n" + "".join(
        f"{datetime.date(2026, 1, 1) + datetime.timedelta(days=n)},g,"
        f"{3 if n % 7 < 5 else 1}.5\n" for n in range(182)))
    done = subprocess.run([lab.program("weir"), "forecast", "--series", path,
                           "--days", "28", "--json"], check=True,
                          stdout=subprocess.PIPE)
    row = json.loads(done.stdout)["rows"][0]
    assert row["group"] == "g" and len(row["daily_micros"]) == 28
    assert abs(row["total_micros"] - 4 * (5 * 3500000 + 2 * 1500000)) < 200
    assert row["low_micros"] <= row["total_micros"] <= row["high_micros"]
    done = subprocess.run([lab.program("weir"), "forecast", "--series", path,
                           "--backtest", "--json"], check=True,
                          stdout=subprocess.PIPE)
    assert json.loads(done.stdout)["rows"][0]["error_ppm"] < 1000
    path.write_text("day,amount\nnonsense,1\n")
    done = subprocess.run([lab.program("weir"), "forecast", "--series", path],
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode > 2 and ":2:" in done.stderr
