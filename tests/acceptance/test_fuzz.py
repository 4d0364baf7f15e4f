"""Whatever is asked of any service: no 5xx, no way round the keys, and answers as documented.

schemathesis makes requests of what each OpenAPI allows and forbids; beside it every leaf of every
example body, and every query parameter, takes the values that break programs.
"""

import json

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from shared.http.auth import HEADER
from tests.acceptance.all_services import AT_A_VENUE, KEYS, OPEN, SERVICES, all_services

CONFORMS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
MAY_BE_AWAY = {"unavailable", "venue_away"}  # no model, no lease, no venue: said with a remedy
ODD = (
    *("-1", "-0.0", "0", "5e-324", "1e308", "1e400", "-1e400", "NaN", "Infinity", "9" * 400),
    *('""', '" "', '"\\u0000"', '"\\ud800"', '"\U0001d518\xf1\u202e"', '"NaN"', '"1e400"', '"-1"'),
    *('"5e-324"', '"' + "9" * 60 + '"', '"' + "A" * 5000 + '"', '"0001-01-01T00:00:00+14:00"'),
    *("null", "true", "[]", "{}", "[" * 200 + "]" * 200, '{"a":' * 200 + "1" + "}" * 200),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with all_services(tmp_path_factory.mktemp("fuzz")) as (_, apis):
        yield apis


def assert_well_answered(answer, label):
    """No 5xx, but for what is away and says so; a refusal says what is wrong, and what to do."""
    if answer.status_code < 400:
        return
    said = answer.json()
    if answer.status_code >= 500:
        assert (answer.status_code, said["reason"] in MAY_BE_AWAY) == (503, True), (label, said)
    wrong, is_parted, to_do = said["detail"].partition("; ")
    assert "" not in (wrong, is_parted, to_do), (label, said)
    for field in said.get("fields", ()):
        assert "" not in (field["field"], field["problem"], field["remedy"]), (label, said)
        assert "Input should" not in field["problem"], (label, said)


def operations(api):
    schema = schemathesis.openapi.from_asgi("/openapi.json", api)
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path not in OPEN:
            yield operation


def fuzz(api, examples, seed=None):
    for operation in operations(api):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            told = settings(
                max_examples=examples,
                deadline=None,
                database=None,
                derandomize=seed is None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            told(given(operation.as_strategy(generation_mode=mode))(check))()


def check(case):
    stranger = case.call(headers={HEADER: "w" * 40})
    assert stranger.status_code == 401, (case.operation.label, stranger.status_code)
    answer = case.call(headers={HEADER: KEYS["admin"]})
    assert_well_answered(answer, case.operation.label)
    case.validate_response(answer, checks=CONFORMS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("service", SERVICES)
def test_what_the_openapi_allows_and_forbids_is_answered_as_documented(world, service):
    fuzz(world[service], 2)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("service", SERVICES)
def test_much_of_what_the_openapi_allows_and_forbids(world, service):
    fuzz(world[service], 300, seed="random")


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))
    else:
        yield path


def with_odd(body, path, odd):
    """Return the body as JSON text with `odd`, which need be no JSON, in the place of one leaf."""
    mark = "the-place-of-the-odd-one"
    copy = json.loads(json.dumps(body))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = mark
    return json.dumps(copy).replace(f'"{mark}"', odd)


def bodies(api):
    """Give (method, path, example body) of every operation that takes one."""
    document = api.openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                for one in examples(content, document):
                    yield method, path, one


def examples(content, document):
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    known = document["components"]["schemas"].get(name, content["schema"])
    listed = [one["value"] for one in content.get("examples", {}).values()]
    return [one for one in (*listed, *known.get("examples", ())) if isinstance(one, dict) and one]


def send_odd(api, step):
    client = TestClient(api, raise_server_exceptions=False)
    sent = 0
    for method, path, body in bodies(api):
        for leaf in leaves(body):
            for odd in ODD:
                sent += 1
                if sent % step:
                    continue
                answer = client.request(
                    method,
                    path.replace("{", "").replace("}", ""),
                    content=with_odd(body, leaf, odd),
                    headers={
                        HEADER: KEYS["admin"],
                        "content-type": "application/json",
                        "Idempotency-Key": f"odd-{sent:08d}",
                    },
                )
                assert_well_answered(answer, (method, path, leaf, odd[:40]))
    return sent


def ask_odd(api, step):
    client = TestClient(api, raise_server_exceptions=False)
    sent = 0
    for path, methods in api.openapi()["paths"].items():
        for method, operation in methods.items():
            places = [(one["in"], one["name"]) for one in operation.get("parameters", ())]
            for place, name in places:
                for odd in ODD:
                    sent += 1
                    if sent % step or (place == "header" and not odd.isascii()):
                        continue
                    value = odd.strip('"')[:3000]
                    filled = path.replace("{" + name + "}", "%2F") if place == "path" else path
                    answer = client.request(
                        method,
                        filled.replace("{", "").replace("}", ""),
                        params={name: value} if place == "query" else None,
                        headers={HEADER: KEYS["admin"]}
                        | ({name: value.encode()} if place == "header" else {}),
                    )
                    assert_well_answered(answer, (method, path, name, odd[:40]))


@pytest.mark.parametrize("service", SERVICES)
def test_values_that_break_programs_are_refused_in_words(world, service):
    send_odd(world[service], 7)
    ask_odd(world[service], 11)


@pytest.mark.long
@pytest.mark.parametrize("service", SERVICES)
def test_every_value_that_breaks_programs_in_every_place(world, service):
    send_odd(world[service], 1)
    ask_odd(world[service], 1)


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_no_route_and_whoever_has_no_key_is_told_what_to_do(world, service):
    client = TestClient(world[service], raise_server_exceptions=False)
    for method, path, key in (
        ("GET", "/nowhere", KEYS["admin"]),
        ("PATCH", "/metrics", KEYS["admin"]),
        ("GET", "/orders/%2F%2F", KEYS["admin"]),
        *(("GET", one.path, "") for one in operations(world[service])),
        *(("DELETE", one.path, KEYS["read"]) for one in operations(world[service])),
    ):
        answer = client.request(method, path, headers={HEADER: key} if key else {})
        assert_well_answered(answer, (method, path))


def test_the_odd_values_reach_every_service_that_takes_a_body(world):
    taken = {name for name in SERVICES if list(bodies(world[name]))}
    assert taken >= {"executor", "portfolio", "risk", "signals", "recommender", AT_A_VENUE}
