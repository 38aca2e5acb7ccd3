# SPDX-License-Identifier: Apache-2.0
"""The list of models, by three official clients: the same names, each key
its own, and what is not offered is not there."""
import json

import pytest

import lab

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")
genai = pytest.importorskip("google.genai")


@pytest.fixture(scope="module")
def clients(house):
    key, url = house.key(), f"http://127.0.0.1:{house.weir.port}"
    return (openai.OpenAI(api_key=key, base_url=url + "/v1"),
            anthropic.Anthropic(api_key=key, base_url=url, max_retries=0),
            genai.Client(api_key=key, http_options={"base_url": url}))


def test_three_clients_read_one_list(clients):
    first, second, third = clients
    names = {row.id for row in first.models.list()}
    assert {"large", "small", "embed"} <= names
    listed = list(second.models.list())
    assert {row.id for row in listed} == names
    assert all(row.type == "model" and row.lifecycle == "active" and
               row.created_at.year >= 1970 for row in listed)
    rows = {row.name.removeprefix("models/"): row
            for row in third.models.list()}
    assert set(rows) == names
    assert rows["large"].supported_actions == ["generateContent",
                                               "countTokens"]
    assert "embedContent" in rows["embed"].supported_actions
    assert rows["large"].output_token_limit == 4096


def test_one_of_it(clients):
    first, second, third = clients
    assert first.models.retrieve("large").id == "large"
    assert second.models.retrieve("large").id == "large"
    assert third.models.get(model="large").name == "models/large"
    with pytest.raises(openai.NotFoundError):
        first.models.retrieve("nobody")
    with pytest.raises(anthropic.NotFoundError) as fault:
        second.models.retrieve("nobody")
    assert fault.value.body["error"]["type"] == "not_found_error"
    with pytest.raises(genai.errors.ClientError) as fault:
        third.models.get(model="nobody")
    assert fault.value.code == 404 and fault.value.status == "NOT_FOUND"


def test_a_list_is_of_the_key_that_asks(house):
    """An excluded organisation has fewer, in each shape; `all=1` says why."""
    for path, shape, word, field in (
            ("/v1/models", {}, "data", "id"),
            ("/v1/models", {"anthropic-version": "2023-06-01"}, "data", "id"),
            ("/v1beta/models", {}, "models", "name"),
            ("/v1/models", {"x-goog-api-key": "-"}, "models", "name")):
        def ask(more, tenant):
            status, _, body = house.call(None, tenant, path + more,
                                         headers=shape, method="GET")
            assert status == 200
            return {row[field].removeprefix("models/"): row
                    for row in json.loads(body)[word]}
        assert "large" in ask("", "good")
        assert "large" not in ask("", "outcast") and "small" in ask("",
                                                                    "outcast")
        row = ask("?all=1", "outcast")["large"]
        assert row["weir"]["allowed"] is False
        assert row["weir"]["reason"] == "policy_forbids"


def test_nobody_is_told_a_list_without_a_key(house):
    for path, headers, word in (
            ("/v1/models", {}, b"error"),
            ("/v1/models", {"anthropic-version": "1"},
             b"authentication_error"),
            ("/v1beta/models", {}, b"UNAUTHENTICATED")):
        status, _, body = lab.exchange(house.weir.port, "GET", path,
                                       headers=headers)
        assert status == 401 and word in body, body
