"""Every route of every service against every kind of key; and the table that says which opens it."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from shared.db.audit import audit
from shared.domain.clock import SystemClock
from shared.http import key_desk
from shared.http.auth import HEADER
from shared.http.key_desk import Making
from shared.http.keys import SCOPES, Principal, api_keys
from shared.runtime.pepper import ensure_pepper
from tests.acceptance.all_services import AT_A_VENUE, KEYS, SERVICES, all_services, guarded
from tests.contract.scopes import PAGE, table

WALL = SystemClock()
NEVER_KNOWN = ("w" * 40, "tk_mock_01234567_" + "A" * 43, "tk_mock_\u0661", "x" * 5000, "ключ")


def make(uow, making, name, scope="admin", services=(), life=None):
    wanted = Principal(name=name, scope=scope, services=services)
    return key_desk.create(uow, wanted, life, making).text


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The clients by service, and a key of every kind."""
    with all_services(tmp_path_factory.mktemp("keys")) as (runtime, apis):
        making = Making(
            actor="test", now=WALL.now(), mode="mock", pepper=ensure_pepper(runtime.settings)
        )
        with runtime.transactions(key_desk.CHAIN).begin() as uow:
            keys = {scope: make(uow, making, scope, scope) for scope in SCOPES}
            keys["expired"] = make(uow, making, "expired", life=timedelta(days=1))
            keys["revoked"] = make(uow, making, "revoked")
            keys["elsewhere"] = make(uow, making, "elsewhere", services=("dashboard",))
            for name, column in (("expired", "expires_at"), ("revoked", "revoked_at")):
                past = {column: making.now - timedelta(minutes=1)}
                uow.connection.execute(
                    update(api_keys).where(api_keys.c.name == name).values(**past)
                )
        keys["configured"] = KEYS["admin"]
        clients = {
            name: TestClient(api, raise_server_exceptions=False) for name, api in apis.items()
        }
        yield clients, keys, runtime


def ask(client, method, path, key=None):
    filled = "/".join("x" if part.startswith("{") else part for part in path.split("/"))
    headers = {} if key is None else {HEADER: key.encode()}
    return client.request(method, filled, headers=headers, json={})


def test_the_table_of_routes_says_what_the_services_ask_for(world):
    """Run `python -m tests.contract.scopes` and read the diff: it is who may do what."""
    clients, _, _ = world
    assert PAGE.read_text() == table({name: one.app for name, one in clients.items()})


@pytest.mark.parametrize("service", SERVICES)
def test_no_route_but_the_probes_is_open(world, service):
    clients, _, _ = world
    for method, path, scope in guarded(clients[service].app):
        assert scope in SCOPES, (method, path)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", ["none", "unknown", "expired", "revoked"])
def test_a_key_that_is_missing_unknown_or_over_is_401_everywhere(world, service, kind):
    clients, keys, _ = world
    key = {"none": None, "unknown": NEVER_KNOWN[1], **keys}[kind]
    for method, path, _ in guarded(clients[service].app):
        answer = ask(clients[service], method, path, key)
        assert (answer.status_code, answer.json()["reason"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == HEADER
        if kind in ("expired", "revoked"):
            assert kind in answer.json()["detail"]


@pytest.mark.parametrize("key", NEVER_KNOWN)
def test_whatever_stands_where_a_key_should_is_401(world, key):
    answer = ask(world[0]["risk"], "GET", "/limits", key)
    assert (answer.status_code, answer.json()["reason"]) == (401, "unauthenticated")


@pytest.mark.parametrize("service", SERVICES)
def test_a_key_for_other_services_is_403_everywhere(world, service):
    clients, keys, _ = world
    for method, path, _ in guarded(clients[service].app):
        answer = ask(clients[service], method, path, keys["elsewhere"])
        assert (answer.status_code, answer.json()["reason"]) == (403, "forbidden"), (method, path)
        assert "dashboard" in answer.json()["detail"]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", [*SCOPES, "configured"])
def test_a_scope_opens_its_routes_and_those_below_and_no_other(world, service, kind):
    clients, keys, _ = world
    mine = "admin" if kind == "configured" else kind
    for method, path, needed in guarded(clients[service].app):
        answer = ask(clients[service], method, path, keys[kind])
        if SCOPES.index(mine) < SCOPES.index(needed):
            assert answer.status_code == 403, (method, path)
            assert f"'{needed}'" in answer.json()["detail"]
        else:
            assert answer.status_code < 500 or _venue_is_away(service, answer), answer.text[:300]
            assert answer.status_code != 401, (method, path)
            reason = answer.json().get("reason") if answer.status_code == 403 else None
            assert reason != "forbidden", (method, path)


def _venue_is_away(service, answer):
    return service == AT_A_VENUE and answer.status_code == 503


def test_the_audit_tells_of_calls_that_may_have_changed_something(world):
    """It was written before they were answered: nothing had to be flushed for it."""
    clients, keys, runtime = world
    ask(clients["risk"], "POST", "/halt", keys["admin"])
    ask(clients["risk"], "POST", "/evaluate", keys["admin"])
    with runtime.transactions("risk").read() as connection:
        rows = connection.execute(select(audit).where(audit.c.actor == "admin")).all()
    told = {row.subject: row.detail for row in rows if row.chain == "risk"}
    assert "POST /evaluate" not in told
    key_id = keys["admin"].split("_")[2]
    assert (told["POST /halt"]["status"], told["POST /halt"]["key_id"]) == (422, key_id)


def test_refused_uses_and_the_first_of_a_day_are_told_and_last_use_is_kept(world):
    clients, keys, runtime = world
    for method, path in (("POST", "/halt"), ("GET", "/limits"), ("GET", "/limits")):
        ask(clients["risk"], method, path, keys["read"])
    clients["risk"].app.state.uses.flush()
    with runtime.transactions("risk").read() as connection:
        rows = connection.execute(select(audit).where(audit.c.actor == "read")).all()
        last = connection.execute(select(api_keys.c.name, api_keys.c.last_used_at)).all()
    refused = [one.detail["status"] for one in rows if one.subject == "POST /halt"]
    assert refused
    assert set(refused) == {403}
    assert len([one for one in rows if one.detail["status"] == 200 and one.chain == "risk"]) <= 1
    used = dict(tuple(one) for one in last)
    assert used["read"].second == used["read"].microsecond == 0
    assert used["revoked"] is None


def test_whoever_asks_too_often_can_still_halt_reduce_and_lock_but_not_resume(tmp_path):
    with all_services(tmp_path, trading_deeds_per_second=0.001, trading_deeds_burst=3) as (_, apis):
        client, key = TestClient(apis["risk"]), {HEADER: KEYS["admin"]}

        def ask_for(path, **body):
            return client.post(path, json={"reason": "now", **body}, headers=key).status_code

        assert [ask_for("/resume") for _ in range(4)][-1] == 429
        assert [ask_for("/halt"), ask_for("/reduce")] == [200, 200]
        assert ask_for("/locks", symbol="BTC-USDT") == 201
        assert [ask_for("/resume"), ask_for("/halt")] == [429, 429]
