# SPDX-License-Identifier: Apache-2.0
"""The small world of the end-to-end tests: who, what, where, which rules."""

# Cents and tokens that make sums easy to follow: micro-units per token.
PRICES = {"large": {"input": 3, "cached": 1, "output": 15, "reasoning": 15},
          "small": {"input": 1, "cached": 1, "output": 2, "reasoning": 2},
          "embed": {"input": 1, "cached": 1, "output": 0, "reasoning": 0}}

POLICIES = {
    "seller/permit.cedar": """
@id("seller-permit")
@title("Customers may use what runs in the hosting places")
@authority("The seller, service description 1")
@appeal("appeal@seller.example")
@tier("durable")
permit (principal, action in Action::"infer", resource in Bloc::"hosting");

@id("seller-outside")
@title("What runs outside is for the insider only")
@authority("The seller, service description 1")
@appeal("appeal@seller.example")
permit (
    principal in Tenant::"insider",
    action in Action::"infer",
    resource in Jurisdiction::"AQ"
);

@id("seller-shadow")
@title("Would refuse the small model")
@authority("The seller, draft")
@appeal("appeal@seller.example")
@mode("shadow")
forbid (principal, action in Action::"infer", resource in Model::"small");
""",
    "providers/maker/terms.cedar": """
@id("maker-excluded")
@title("The maker's models are not served to organisations from excluded places")
@authority("The maker, terms, section 4")
@appeal("sales@maker.example")
forbid (principal, action in Action::"infer", resource in Provider::"maker")
when { principal.organization.headquarters in Bloc::"excluded" };

@id("maker-established")
@title("The maker's models wait until the organisation is established")
@authority("The maker, terms, section 5")
@appeal("sales@maker.example")
@effect("hold")
forbid (principal, action in Action::"infer", resource in Provider::"maker")
unless { principal.organization.established };
""",
}


def model(name, provider, operations=None):
    price = {field: str(value) for field, value in PRICES[name].items()}
    price["cached_input"] = price.pop("cached")
    row = {"name": name, "provider": provider,
           "origin": "NO" if provider == "maker" else "SG",
           "tier": "routine", "weights": "open", "licence": "Apache-2.0",
           "price": price, "output_tokens_max": 4096}
    if operations:
        row["operations"] = operations
    return row


def deployment(name, of, origin, region="here", stored_in="DE"):
    return {"name": name, "model": of, "origin": origin, "region": region,
            "stored_in": stored_in, "operator": "seller", "cloud": "own"}


def organisation(name, place, established=True):
    return {"name": name, "title": name.title() + " GmbH",
            "headquarters": place, "incorporated": place,
            "category": "local", "established": established}


def tenant(name, of=None, budgets=None, **more):
    row = {"name": name, "organisation": of or name,
           "projects": [{"name": "app"}], **more}
    if budgets:
        row["budgets"] = budgets
    return row


def config(urls, dead_port, certificates, tls_port, tls_origin=None):
    """`urls`: of the origins near, far and slow."""
    origins = [
        {"name": name, "dialect": "openai", "url": urls[name],
         "timeouts": {"connect": "1 s", "first_byte": "20 s", "idle": "20 s"}}
        for name in ("near", "far")]
    origins += [
        {"name": "slow", "dialect": "openai", "url": urls["slow"],
         "timeouts": {"connect": "1 s", "first_byte": "700 ms",
                      "idle": "900 ms"}},
        {"name": "dead", "dialect": "openai",
         "url": f"http://127.0.0.1:{dead_port}/v1",
         "timeouts": {"connect": "1 s", "first_byte": "1 s", "idle": "1 s"}}]
    if tls_origin:
        origins.append({"name": "sealed", "dialect": "openai",
                        "url": tls_origin, "tls": {"ca": certificates["ca"]}})
        origins.append({"name": "stranger", "dialect": "openai",
                        "url": tls_origin})
    deployments = [
        deployment("large-near", "large", "near"),
        deployment("large-far", "large", "far", "away", "SG"),
        deployment("large-dead", "large", "dead"),
        deployment("large-slow", "large", "slow"),
        deployment("small-near", "small", "near"),
        deployment("small-outside", "small", "far", "outside", "AQ"),
        deployment("embed-near", "embed", "near")]
    routes = [
        {"name": "resilient", "mode": "order", "attempts": 4, "candidates":
         ["large-dead", "large-near", "large-far"]},
        {"name": "first-near", "mode": "order", "attempts": 3, "candidates":
         ["large-near", "large-far"]},
        {"name": "only-near", "mode": "order", "attempts": 3, "candidates":
         ["large-near"]},
        {"name": "only-dead", "mode": "order", "attempts": 2, "candidates":
         ["large-dead"]},
        {"name": "slow-then-near", "mode": "order", "candidates":
         ["large-slow", "large-near"]},
        {"name": "only-slow", "mode": "order", "candidates": ["large-slow"]},
        {"name": "weighted", "mode": "weight", "candidates":
         [{"deployment": "large-near", "weight": 3},
          {"deployment": "large-far", "weight": 1}]}]
    if tls_origin:
        deployments += [deployment("large-sealed", "large", "sealed"),
                        deployment("large-stranger", "large", "stranger")]
        routes += [{"name": "sealed", "mode": "order", "candidates":
                    ["large-sealed"]},
                   {"name": "stranger", "mode": "order", "candidates":
                    ["large-stranger"]}]
    # the model's own name means its deployments in declared order: the
    # broken ones come last in that list, and are in it on purpose
    return {
        "workers": 2,
        "limits": {"body": "24 MiB", "event": "4 MiB", "connections": 4096,
                   "deadline": "30 s", "drain": "5 s", "attempts": 4},
        "journal": {"segment": "16 MiB", "free": "16 MiB"},
        "log": {"level": "info"},
        "seller": {"title": "The seller", "appeal": "appeal@seller.example",
                   "currency": "USD"},
        "blocs": [
            {"name": "hosting", "title": "Where models run",
             "members": ["DE", "SG"]},
            {"name": "excluded", "title": "Places the maker excludes",
             "members": ["AQ"]}],
        "providers": [{"name": "maker", "title": "Maker", "origin": "NO"},
                      {"name": "other", "title": "Other", "origin": "SG"}],
        "models": [model("large", "maker"), model("small", "other"),
                   model("embed", "other", ["embed"])],
        "regions": [{"name": "here", "jurisdiction": "DE"},
                    {"name": "away", "jurisdiction": "SG"},
                    {"name": "outside", "jurisdiction": "AQ"}],
        "origins": origins, "deployments": deployments, "routes": routes,
        "organisations": [organisation("seller", "DE"),
                          organisation("good", "DE"),
                          organisation("outcast", "AQ"),
                          organisation("doubtful", "DE", False)],
        "tenants": [
            tenant("good"), tenant("insider", "good"), tenant("outcast"), tenant("doubtful"),
            tenant("limited", "good", {"requests_per_minute": 3}),
            tenant("scarce", "good", {"requests_per_minute": 3}),
            tenant("poor", "good", {"money_per_day": "0.000040"}),
            tenant("thrifty", "good", {"tokens_per_day": 100000}),
            tenant("busy", "good", {"requests_per_minute": 100000,
                                    "tokens_per_day": 1000000000,
                                    "money_per_month": "100000"})],
        "listen": [],  # filled by the fixture: plain, then TLS
        "tls": {"port": tls_port, **certificates},
    }
