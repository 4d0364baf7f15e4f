"""Every route of every service: keys, scopes, wrong types and sizes give a typed error, never a 5xx."""

import pytest
from fastapi.testclient import TestClient

from shared.http.auth import HEADER
from shared.http.paging import encode_cursor
from tests.acceptance.all_services import KEYS, OPEN, SERVICES, all_services

CHANGES_NOTHING = {"/evaluate", "/predict"}
ODD = ("nonsense", "%00", "-1", "9" * 400, "'; DROP TABLE orders; --")
ODD_INSTANTS = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2024-01-01T00:00:00",
    "20240101",
    "",
)
ODD_CURSORS = [
    encode_cursor(values)
    for at in (*ODD_INSTANTS, None, 1, {}, [[]], "x" * 300)
    for values in ([at], [at, "x"], [at, 5], ["2024-01-01T00:00:00Z", None], [])
]


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    with all_services(tmp_path_factory.mktemp("routes")) as (_, apis):
        yield {name: TestClient(api, raise_server_exceptions=False) for name, api in apis.items()}


def routes(client):
    for path, methods in client.app.openapi()["paths"].items():
        if path not in OPEN:
            for method, operation in methods.items():
                yield method.upper(), path, operation


def call(client, method, path, key=None, value="x", **arguments):
    filled = "/".join(value if part.startswith("{") else part for part in path.split("/"))
    return client.request(method, filled, headers={HEADER: key} if key else {}, **arguments)


def assert_problem(answer, *statuses):
    assert answer.status_code in statuses, (
        answer.request.url,
        answer.status_code,
        answer.text[:300],
    )
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "reason"} <= answer.json().keys()


@pytest.mark.parametrize("service", SERVICES)
def test_no_key_and_a_wrong_key_open_nothing(clients, service):
    for method, path, _ in routes(clients[service]):
        assert_problem(call(clients[service], method, path), 401)
        assert_problem(call(clients[service], method, path, "w" * 40), 401)


@pytest.mark.parametrize("service", SERVICES)
def test_a_reading_key_changes_nothing(clients, service):
    for method, path, _ in routes(clients[service]):
        if method != "GET" and path not in CHANGES_NOTHING:
            assert_problem(call(clients[service], method, path, KEYS["read"], json={}), 403)


@pytest.mark.parametrize("service", SERVICES)
def test_odd_values_and_bodies_are_refused_in_words(clients, service):
    client = clients[service]
    for method, path, operation in routes(client):
        for value in ODD:
            if "{" in path:
                answer = call(client, method, path, KEYS["admin"], value, json={})
                assert answer.status_code < 500, (method, path, value, answer.text[:300])
            query = {
                one["name"]: value
                for one in operation.get("parameters", ())
                if one["in"] == "query"
            }
            if query:
                assert_problem(
                    call(client, method, path, KEYS["admin"], params=query, json={}), 404, 422
                )
        if "requestBody" in operation:
            for body in ([], "x", {"unknown": 1}, {"symbol": 5, "reason": []}):
                answer = call(client, method, path, KEYS["admin"], json=body)
                assert_problem(answer, 404, 409, 422)
            headers = {HEADER: KEYS["admin"], "content-type": "application/json"}
            answer = client.request(
                method, path.replace("{", "").replace("}", ""), content=b"{", headers=headers
            )
            assert_problem(answer, 422, 404)
            answer = client.request(
                method,
                path.replace("{", "").replace("}", ""),
                content=b" " * 70_000,
                headers=headers,
            )
            assert_problem(answer, 413)


@pytest.mark.parametrize("service", SERVICES)
def test_impossible_instants_and_cursors_are_refused_in_words(clients, service):
    client = clients[service]
    for method, path, operation in routes(client):
        named = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        usual = {"symbol": "BTC-USDT"} if "symbol" in named else {}
        for name in named & {"from", "to", "cursor"}:
            for value in ODD_CURSORS if name == "cursor" else ODD_INSTANTS:
                later = {"to": "2025-01-01T00:00:00Z"} if "to" in named - {name} else {}
                query = {**usual, **later, name: value}
                assert_problem(call(client, method, path, KEYS["admin"], params=query), 422)


@pytest.mark.parametrize("service", SERVICES)
def test_an_instrument_that_is_not_traded_is_not_answered_with_an_empty_list(clients, service):
    client = clients[service]
    for method, path, operation in routes(client):
        named = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        if "symbol" in named:
            answer = call(client, method, path, KEYS["admin"], params={"symbol": "NOPE-USDT"})
            assert_problem(answer, 404, 422)


@pytest.mark.parametrize("service", SERVICES)
def test_every_body_has_an_example_and_every_operation_a_summary(clients, service):
    document = clients[service].app.openapi()
    for method, path, operation in routes(clients[service]):
        assert operation.get("summary"), (method, path)
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]
            name = schema["schema"].get("$ref", "").rpartition("/")[2]
            known = document["components"]["schemas"].get(name, {})
            has_example = (
                "example" in schema
                or "examples" in schema
                or "examples" in schema["schema"]
                or "examples" in known
                or "example" in known
            )
            fields = known.get("properties", {}).values()
            assert has_example or any("examples" in field for field in fields), (method, path)
