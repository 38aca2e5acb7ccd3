#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Worlds to decide in: policies, schema, entities and requests as files.

    world.py SHAPE FOLDER [--size N] [--requests N] [--seed N]
    world.py policies [--count N] [--seed N] > FILE.cedar

SHAPE is gdrive, github or tinytodo (the published benchmark applications;
policies and schema from $WEIR_DATA, entities made here: SIZE of each type,
every possible edge with the probability 0.05) or weir (SIZE policies over
weir's own schema). `policies` writes only those, for proofs: all validate
strictly, one in five permits, and one of them, `flagship`, is the forbid
that makes the flagship claim true.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data"))
CHANCE = 0.05  # of each possible edge, as published
SAMPLES = {
    "gdrive": ("gdrive/policies.cedar", "gdrive/gdrive.cedarschema.json"),
    "github": ("github/policies.cedar", "github/github.cedarschema.json"),
    "tinytodo": ("tinytodo/tinytodo.cedar",
                 "tinytodo/tinytodo.cedarschema.json"),
}


def ref(kind, name):
    return {"type": kind, "id": str(name)}


def entity(kind, name, attrs=None, parents=()):
    return {"uid": ref(kind, name), "attrs": attrs or {},
            "parents": list(parents)}


def value(kind, name):
    return {"__entity": ref(kind, name)}


def some(dice, kind, count, prefix=""):
    """References to each of `count`, with the chance of an edge."""
    return [ref(kind, f"{prefix}{i}") for i in range(count)
            if dice.random() < CHANCE]


# ------------------------------------------------- the published shapes

def gdrive(dice, size):
    members = {group: [] for group in range(size)}
    rows = []
    for user in range(size):
        groups = [g for g in range(size) if dice.random() < CHANCE]
        for group in groups:
            members[group].append(user)
        rows.append(entity("User", user, {
            "documentsAndFoldersWithViewAccess": value("View", f"u{user}"),
            "ownedDocuments": [{"__entity": r}
                               for r in some(dice, "Document", size)],
            "ownedFolders": [{"__entity": r}
                             for r in some(dice, "Folder", size)],
        }, [ref("Group", g) for g in groups]))
        rows.append(entity("View", f"u{user}"))
    for group in range(size):
        rows.append(entity("Group", group))
        rows.append(entity("View", f"g{group}", parents=[
            ref("View", f"u{user}") for user in members[group]]))
    for kind in ("Document", "Folder"):
        for number in range(size):
            above = size if kind == "Document" else number  # no cycle
            parents = (some(dice, "Folder", above) +
                       some(dice, "View", size, "u") +
                       some(dice, "View", size, "g"))
            attrs = {"isPublic": dice.random() < 0.5} \
                if kind == "Document" else {}
            rows.append(entity(kind, number, attrs, parents))
    actions = [("read", "Document"), ("write", "Document"),
               ("share", "Document"), ("changeOwner", "Document"),
               ("createDocument", "Folder")]
    return rows, lambda: (ref("User", dice.randrange(size)),
                          *pick(dice, actions, size), {})


def pick(dice, actions, size):
    action, kind = dice.choice(actions)
    return ref("Action", action), ref(kind, dice.randrange(size))


def github(dice, size):
    rows = []
    org_roles = ("readers", "writers", "admins")
    repo_roles = ("readers", "triagers", "writers", "maintainers", "admins")

    def permissions(kind, prefix, roles):
        return [ref(kind, f"{prefix}{i}-{dice.choice(roles)}")
                for i in range(size) if dice.random() < CHANCE]

    for org in range(size):
        rows.append(entity("Organization", org, {
            role: value("OrgPermission", f"o{org}-{role}")
            for role in org_roles}, permissions("OrgPermission", "o",
                                                org_roles)))
        rows += [entity("OrgPermission", f"o{org}-{role}")
                 for role in org_roles]
    for repo in range(size):
        attrs = {role: value("RepoPermission", f"r{repo}-{role}")
                 for role in repo_roles}
        attrs["owner"] = value("Organization", dice.randrange(size))
        rows.append(entity("Repository", repo, attrs))
        rows += [entity("RepoPermission", f"r{repo}-{role}")
                 for role in repo_roles]
    for team in range(size):
        rows.append(entity("Team", team, parents=some(dice, "Team", team) +
                           permissions("RepoPermission", "r", repo_roles)))
    for user in range(size):
        rows.append(entity("User", user, parents=(
            permissions("RepoPermission", "r", repo_roles) +
            some(dice, "Team", size) + some(dice, "Organization", size) +
            permissions("OrgPermission", "o", org_roles))))
    actions = [(name, "Repository")
               for name in ("read", "triage", "write", "maintain", "admin")]
    return rows, lambda: (ref("User", dice.randrange(size)),
                          *pick(dice, actions, size), {})


def tinytodo(dice, size):
    app = ref("Application", "TinyTodo")
    rows = [entity("Application", "TinyTodo")]
    rows += [entity("User", user, parents=some(dice, "Team", size) + [app])
             for user in range(size)]
    rows += [entity("Team", team, parents=some(dice, "Team", team) + [app])
             for team in range(size)]
    for number in range(size):
        rows.append(entity("List", number, {
            "name": f"list {number}",
            "owner": value("User", dice.randrange(size)),
            "readers": value("Team", dice.randrange(size)),
            "editors": value("Team", dice.randrange(size)),
            "tasks": [{"name": f"task {dice.randrange(10 ** 6)}",
                       "id": dice.randrange(10 ** 6),
                       "state": dice.choice(["Checked", "Unchecked"])}
                      for _ in range(dice.randrange(51))],
        }, [app]))
    actions = [(name, "List") for name in
               ("GetList", "UpdateList", "DeleteList", "CreateTask",
                "UpdateTask", "DeleteTask", "EditShares")]

    def request():
        who = ref("User", dice.randrange(size))
        if dice.randrange(9) < 2:
            return who, ref("Action", dice.choice(["CreateList",
                                                   "GetLists"])), app, {}
        return (who, *pick(dice, actions, size), {})
    return rows, request


# ------------------------------------------------------------ weir's own

RULES, LISTS, BLOCS, PROVIDERS, FAMILIES = 60, 20, 12, 20, 60
MODELS, REGIONS, DEPLOYMENTS, PLACES = 200, 40, 400, 200
TENANTS = 500


def code(number):
    """A place; the schema does not ask that it exists."""
    return chr(65 + number // 26) + chr(65 + number % 26)


def weir_policy(dice, number):
    """One policy of a seller's layers, by its number."""
    rule, family = dice.randrange(RULES), dice.randrange(FAMILIES)
    bloc, place = dice.randrange(BLOCS), code(dice.randrange(PLACES))
    head = f'@id("p{number}")\n'
    layer = number % 20
    if number == 0:
        return head + ('permit (principal, action in Action::"infer", '
                       'resource);\n')
    if layer < 2:  # law
        return head + (
            f'forbid (principal in OwnershipRule::"r{rule}", action in '
            f'Action::"infer", resource in '
            f'Provider::"p{dice.randrange(PROVIDERS)}")\nwhen {{ '
            f'resource.stored_in in Bloc::"b{bloc}" || principal.staff in '
            f'Bloc::"b{dice.randrange(BLOCS)}" }};\n')
    if layer < 8:  # providers
        group = (f'OwnershipRule::"r{rule}"' if dice.random() < 0.5 else
                 f'ScreeningList::"l{dice.randrange(LISTS)}"')
        return head + (
            f'forbid (principal in {group}, action in [Action::"chat", '
            f'Action::"embed"], resource in Family::"f{family}")\nunless {{ '
            f'(context has client_country && principal.end_users.contains('
            f'context.client_country)) || context.client.isInRange('
            f'ip("10.{dice.randrange(256)}.0.0/16")) }};\n')
    if layer < 12:  # seller
        return head + (
            f'permit (principal, action in Action::"infer", resource in '
            f'Model::"m{dice.randrange(MODELS)}")\nwhen {{ '
            f'principal.purpose like "{dice.choice("abc")}*" && context.now > '
            f'datetime("2026-01-01") && resource.model.tier == "'
            f'{dice.choice(["frontier", "standard"])}" }};\n')
    return head + (  # tenants
        f'forbid (principal in Tenant::"t{dice.randrange(TENANTS)}", action '
        f'in Action::"infer", resource in Family::"f{family}")\nwhen {{ '
        f'principal.staff in Jurisdiction::"{place}" }};\n')


FLAGSHIP = '''@id("flagship")
forbid (principal in OwnershipRule::"flagship", action in Action::"infer",
        resource in Family::"flagship");
'''


def weir_policies(dice, count):
    return "".join(weir_policy(dice, number) for number in range(count))


def weir(dice, size):
    organisations, keys = 10000, 1000
    rows = [entity("Bloc", f"b{i}") for i in range(BLOCS)]
    rows += [entity("Jurisdiction", code(i), parents=[
        ref("Bloc", f"b{i % BLOCS}")]) for i in range(PLACES)]
    rows += [entity("OwnershipRule", f"r{i}") for i in range(RULES)]
    rows += [entity("ScreeningList", f"l{i}") for i in range(LISTS)]

    def place():
        return value("Jurisdiction", code(dice.randrange(PLACES)))

    for i in range(organisations):
        rows.append(entity("Organization", f"o{i}", {
            "category": dice.choice(["local", "multinational", "public"]),
            "established": dice.random() < 0.5,
            "headquarters": place(), "incorporated": place(),
            "verified_until": {"__extn": {"fn": "datetime",
                                          "arg": "2027-01-01"}},
            "unknown": [], "conflicting": [],
        }, [ref("OwnershipRule", f"r{dice.randrange(RULES)}")
            for _ in range(dice.randrange(5))] +
            [ref("ScreeningList", f"l{dice.randrange(LISTS)}")
             for _ in range(dice.randrange(2))]))
    for i in range(keys):
        owner = ref("Organization", f"o{dice.randrange(organisations)}")
        if i % 2 == 0:
            rows.append(entity("Tenant", f"t{i // 2}", parents=[owner]))
        rows.append(entity("Project", f"j{i}",
                           parents=[ref("Tenant", f"t{i // 2}")]))
        rows.append(entity("Key", f"k{i}", {
            "organization": {"__entity": owner},
            "purpose": dice.choice(["assistant", "batch", "claims"]),
            "staff": place(), "end_users": [place(), place()],
            "scope": dice.choice(["", "hosting"]),
        }, [ref("Project", f"j{i}")]))
    for i in range(PROVIDERS):
        rows.append(entity("Provider", f"p{i}", {"origin": place()}))
    for i in range(FAMILIES):
        rows.append(entity("Family", f"f{i}",
                           parents=[ref("Provider", f"p{i % PROVIDERS}")]))
    for i in range(MODELS):
        rows.append(entity("Model", f"m{i}", {
            "origin": place(),
            "tier": "frontier" if i % 3 == 0 else "standard",
            "weights": "open" if i % 2 else "closed",
        }, [ref("Family", f"f{i % FAMILIES}")]))
    for i in range(REGIONS):
        rows.append(entity("Region", f"g{i}",
                           parents=[ref("Jurisdiction", code(i))]))
    for i in range(DEPLOYMENTS):
        region = dice.randrange(REGIONS)
        rows.append(entity("Deployment", f"d{i}", {
            "cloud": "own", "model": value("Model", f"m{i % MODELS}"),
            "operator": value("Organization", "o0"),
            "place": value("Jurisdiction", code(region)),
            "stored_in": place(),
        }, [ref("Model", f"m{i % MODELS}"), ref("Region", f"g{region}")]))

    def request():
        context = {"client": {"__extn": {
            "fn": "ip", "arg": f"10.{dice.randrange(256)}.1.2"}},
            "is_streamed": dice.random() < 0.5, "signals": {},
            "now": {"__extn": {"fn": "datetime", "arg": "2026-11-10"}}}
        if dice.random() < 0.8:
            context["client_country"] = place()
        return (ref("Key", f"k{dice.randrange(keys)}"),
                ref("Action", dice.choice(["chat", "embed"])),
                ref("Deployment", f"d{dice.randrange(DEPLOYMENTS)}"), context)
    return rows, request


# --------------------------------------------------------------- writing

def write(folder, shape, size, requests, seed):
    """The four files of a world in `folder`; for the cedar verbs too."""
    dice = random.Random(f"{shape} {size} {seed}")
    folder.mkdir(parents=True, exist_ok=True)
    if shape == "weir":
        (folder / "policies.cedar").write_text(weir_policies(dice, size))
        shutil.copy(ROOT / "policies/weir.cedarschema",
                    folder / "schema.cedarschema")
        rows, request = weir(dice, size)
    else:
        policies, schema = SAMPLES[shape]
        shutil.copy(DATA / "cedar-sample/bench-policies" / policies,
                    folder / "policies.cedar")
        shutil.copy(DATA / "cedar-sample/bench-policies" / schema,
                    folder / "schema.cedarschema.json")
        rows, request = {"gdrive": gdrive, "github": github,
                         "tinytodo": tinytodo}[shape](dice, size)
    with open(folder / "entities.json", "w") as out:
        json.dump(rows, out)
    with open(folder / "requests.jsonl", "w") as out:
        for _ in range(requests):
            who, action, what, context = request()
            out.write(json.dumps({"principal": who, "action": action,
                                  "resource": what, "context": context}))
            out.write("\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=[*SAMPLES, "weir", "policies"])
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=50)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.shape == "policies":
        dice = random.Random(options.seed)
        sys.stdout.write(weir_policies(dice, options.count) + FLAGSHIP)
    elif options.folder is None:
        parser.error("a world needs a folder")
    else:
        write(options.folder, options.shape, options.size, options.requests,
              options.seed)


if __name__ == "__main__":
    main()
