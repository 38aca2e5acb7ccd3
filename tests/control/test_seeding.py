# SPDX-License-Identifier: Apache-2.0
"""A budget that is made in the middle of its period counts what was spent
in it before, whoever's it is."""
import lab


def test_a_budget_that_is_new_counts_what_was_spent(own_place):
    weir = own_place.weir
    requests = [own_place.good() for _ in range(7)]
    for request in requests:
        own_place.ledgered(request)
    spent = sum(row["input_tokens"] + row["output_tokens"]
                for row in weir.usage())
    assert spent > 0
    good = next(row for row in weir.config["tenants"]
                if row["name"] == "good")
    good["budgets"] = {**good.get("budgets", {}),
                       "tokens_per_year": 1000000, "requests_per_month": 500}
    good["projects"] = [
        {**(row if isinstance(row, dict) else {"name": row}),
         "budgets": {"requests_per_year": 400}}
        for row in good["projects"]]
    weir.config["budgets"] = [
        {"name": "late", "limits": {"requests_per_year": 1000}}]
    generation = weir.admin("GET", "/v1/image")["generation"]
    weir.write()
    weir.reload()
    lab.wait_for(lambda: weir.admin("GET", "/v1/image")["generation"] >
                 generation, 30, "the reload")
    rows = {(row["of"], row["metric"], row["window"]): row["used"]
            for row in weir.admin("GET", "/v1/budgets")["budgets"]}
    assert rows["tenant", "tokens", "year"] == spent
    assert rows["tenant", "requests", "month"] == 7
    app = next(row for row in weir.admin("GET", "/v1/budgets")["budgets"]
               if row["name"] == "good/app" and row["window"] == "year")
    assert app["used"] == 7
    assert rows["budget", "requests", "year"] == 7
    own_place.ledgered(own_place.good())
    checked = weir.admin("GET", "/v1/budgets?check=1")["budgets"]
    late = next(row for row in checked if row["name"] == "late")
    assert late["used"] == 8
