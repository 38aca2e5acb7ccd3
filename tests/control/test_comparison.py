# SPDX-License-Identifier: Apache-2.0
"""Governed and bare access, side by side: comparison.py says how."""
import comparison


def test_weir_reveals_what_a_bare_proxy_hides(tmp_path):
    told = comparison.measure(tmp_path)
    bare, weir = told["bare"], told["weir"]
    # both saw every call, so the comparison is of the same traffic
    assert bare["calls counted"] == str(told["calls"])
    assert weir["calls counted"] == \
        f"{told['calls'] - 3}, strangers not among them"
    for name in ("caller (key, project, purpose)", "model that answered",
                 "where it ran, where data rests", "tokens and cost",
                 "stolen key told apart from its owner",
                 "stolen key stopped, owner goes on",
                 "record that a call was refused, and why",
                 "a line changed afterwards is noticed"):
        assert weir[name] == "yes", name
        assert bare[name] != "yes", name
    assert weir["strangers kept out"] == "3 of 3"
    assert bare["strangers kept out"] == "0 of 3"
    assert weir["place that may not be served, refused"] == "3 of 3"
    assert bare["place that may not be served, refused"] == "0 of 3"
    assert weir["personal data that reached the origin"] == "0 of 2"
    assert bare["personal data that reached the origin"] == "2 of 2"
