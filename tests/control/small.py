# SPDX-License-Identifier: Apache-2.0
"""The least world that allows, denies and holds."""

POLICIES = {
    "seller/permit.cedar": """
@id("seller-permit")
@title("Everybody may use what runs in DE")
@authority("The seller")
@appeal("appeal@seller.example")
permit (principal, action in Action::"infer", resource in Bloc::"hosting");
""",
    "providers/maker/terms.cedar": """
@id("maker-places")
@title("The maker does not serve organisations from AQ")
@authority("The maker, terms")
@appeal("sales@maker.example")
forbid (principal, action in Action::"infer", resource in Provider::"maker")
when { principal.organization.headquarters == Jurisdiction::"AQ" };

@id("maker-established")
@title("New organisations wait")
@authority("The maker, terms")
@appeal("sales@maker.example")
@effect("hold")
forbid (principal, action in Action::"infer", resource in Provider::"maker")
unless { principal.organization.established };
""",
}


def organisation(name, place, established=True):
    return {"name": name, "headquarters": place, "incorporated": place,
            "category": "local", "established": established}


def config(url):
    return {
        "workers": 2,
        "limits": {"drain": "3 s"},
        "journal": {"segment": "16 MiB", "free": "16 MiB"},
        "seller": {"title": "The seller", "appeal": "appeal@seller.example",
                   "currency": "USD"},
        "blocs": [{"name": "hosting", "members": ["DE"]}],
        "providers": [{"name": "maker", "origin": "DE"}],
        "models": [{"name": "m", "provider": "maker", "origin": "DE",
                    "tier": "routine", "weights": "open",
                    "licence": "Apache-2.0",
                    "price": {"input": "3", "output": "15",
                              "version": "list-1"}}],
        "regions": [{"name": "here", "jurisdiction": "DE"}],
        "origins": [{"name": "one", "dialect": "openai", "url": url}],
        "deployments": [{"name": "m-one", "model": "m", "origin": "one",
                         "region": "here", "stored_in": "DE",
                         "operator": "seller", "cloud": "own"}],
        "organisations": [organisation("seller", "DE"),
                          organisation("good", "DE"),
                          organisation("south", "AQ"),
                          organisation("young", "DE", established=False)],
        "tenants": [
            {"name": "good", "organisation": "good",
             "budgets": {"requests_per_day": 1000000,
                         "tokens_per_month": 1000000000,
                         "money_per_month": "5000"},
             "projects": [{"name": "app"}, {"name": "shared"}]},
            {"name": "south", "organisation": "south",
             "projects": [{"name": "polar"}, {"name": "shared"}]},
            {"name": "young", "organisation": "young",
             "projects": [{"name": "start"}]}],
    }
