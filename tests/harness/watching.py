# SPDX-License-Identifier: Apache-2.0
"""Traffic that the watch shall see through, from the labelled prompts.

A `Crowd` is a list of accounts with a plan each: which prompts, and from
which of its calls on it harvests, at which share. `send` plays it through the
gateway in one order, interleaved by chance, and notes the request ids of the
harvesting calls.
"""
import http.client
import json
import random
import subprocess

KINDS = {
    "support": "benign-bitext-customer-support",
    "sql": "benign-text2sql",
    "labels": "benign-sms-classification",
    "people": "benign-human-instructionwild-user2",
    "harvest": "attack-codealpaca-new",
}


def prompts(data, kind, seed=1):
    """The prompts of one kind, shuffled."""
    file = data / "prompts" / f"{KINDS[kind]}.jsonl.zst"
    done = subprocess.run(["zstd", "-dc", str(file)], check=True,
                          capture_output=True)
    rows = [json.loads(line)["prompt"] for line in done.stdout.splitlines()]
    random.Random(seed).shuffle(rows)
    return rows


class Account:
    """One tenant: what it sends, and when it begins to harvest."""

    def __init__(self, name, kinds, calls, begins=None, share=0.0,
                 payment=None):
        self.name = name
        self.kinds = kinds
        self.calls = calls
        self.begins = calls if begins is None else begins
        self.share = share
        self.payment = payment
        self.harvested = []     # request ids
        self.sent = 0


def tenants_of(accounts):
    """Organisations and tenants for a configuration."""
    organisations, tenants = [], []
    for account in accounts:
        organisations.append({
            "name": account.name, "headquarters": "DE", "incorporated": "DE",
            "category": "local", "established": True})
        row = {"name": account.name, "organisation": account.name,
               "projects": [{"name": "app"}]}
        if account.payment:
            row["payment"] = account.payment
        tenants.append(row)
    return organisations, tenants


def send(port, keys, accounts, data, model="m", seed=7):
    """Every call of every account; how many were answered."""
    chance = random.Random(seed)
    pools = {kind: prompts(data, kind) for kind in KINDS}
    at = {kind: 0 for kind in KINDS}
    turns = [account for account in accounts for _ in range(account.calls)]
    chance.shuffle(turns)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    answered = 0
    for account in turns:
        harvests = (account.sent >= account.begins and
                    chance.random() < account.share)
        kind = "harvest" if harvests else chance.choice(account.kinds)
        text = pools[kind][at[kind] % len(pools[kind])]
        at[kind] += 1
        account.sent += 1
        body = json.dumps({"model": model, "messages": [
            {"role": "user", "content": text}]})
        connection.request("POST", "/v1/chat/completions", body, {
            "Authorization": "Bearer " + keys[account.name],
            "Content-Type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        answered += reply.status == 200
        if harvests:
            account.harvested.append(reply.getheader("weir-request-id"))
    connection.close()
    return answered
