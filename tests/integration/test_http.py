"""Keys, scopes, limits, probes and errors of every service, on a running application."""

import threading
import time
from datetime import timedelta

import pytest
from fastapi import APIRouter, Depends
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from shared.db.control import control
from shared.domain.clock import EPOCH, SystemClock
from shared.domain.errors import Conflict, NotFound
from shared.http.auth import HEADER, KeyRing, require
from shared.http.errors import DatabaseAway, Unauthenticated
from shared.http.keys import (
    Principal,
    StoredKey,
    api_keys,
    generate,
    peppered,
    store,
    stored_keys,
)
from shared.http.probes import Check
from shared.http.values import MoneyText
from shared.runtime.first_start import ensure_key
from shared.runtime.service import build_runtime, create_api, new_metrics
from shared.runtime.settings import ConfigurationError, PlatformSettings, load
from tests.database import empty_database

READ, TRADE = "r" * 40, "t" * 40
PEPPER = b"p" * 64
KEY_ID, KEY = generate("mock")


def stored_key(**changes):
    who = Principal(name="someone", scope="trade", key_id=KEY_ID)
    values = {"principal": who, "digest": peppered(PEPPER, KEY), "created_at": EPOCH}
    return StoredKey(**(values | changes))


def ring_of(read, known=()):
    return KeyRing(known, read, lambda: PEPPER)


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")
    quantity: MoneyText


def settings_at(tmp_path, **more):
    return load(PlatformSettings, trading_state_dir=tmp_path, **more)


@pytest.fixture
def problems():
    return []


def failing_routes(transactions):
    routes = APIRouter()

    @routes.get("/named/{account}")
    def named(account: str) -> None:
        with transactions.read() as connection:
            connection.execute(select(control).where(control.c.account == account))

    @routes.post("/twice")
    def twice() -> None:
        with transactions.begin() as uow:
            for _ in range(2):
                who = Principal(name="secret-name", scope="read", key_id=KEY_ID)
                store(uow.connection, stored_key(principal=who))

    @routes.get("/no-table")
    def no_table() -> None:
        with transactions.read() as connection:
            connection.exec_driver_sql("SELECT secret_column FROM nowhere")

    return routes


@pytest.fixture
def client(tmp_path, problems):
    settings = settings_at(tmp_path, trading_api_keys=f"read:{READ}, trade:{TRADE}")
    empty_database(settings.database())
    runtime = build_runtime(settings)
    routes = APIRouter()

    @routes.get("/thing", dependencies=[Depends(require("read"))])
    def thing() -> dict[str, str]:
        return {"is": "here"}

    @routes.post("/order", dependencies=[Depends(require("trade"))])
    def order(body: Order) -> Order:
        return body

    @routes.get("/missing")
    def missing() -> None:
        raise NotFound("no such thing")

    @routes.get("/conflict")
    def conflict() -> None:
        raise Conflict("already done")

    checks = [Check(name="mood", problem=lambda: problems[0] if problems else None)]
    api = create_api(
        name="risk", title="Risk", runtime=runtime, metrics=new_metrics(), checks=checks
    )
    api.include_router(routes)
    api.include_router(failing_routes(runtime.transactions("risk")))
    with TestClient(api, raise_server_exceptions=False) as client:
        yield client


def test_no_key_and_a_wrong_key_are_401_and_a_key_without_the_scope_is_403(client):
    assert client.get("/thing").status_code == 401
    assert client.get("/thing", headers={HEADER: READ[:-1]}).status_code == 401
    assert client.get("/thing", headers={HEADER: READ}).json() == {"is": "here"}
    refused = client.post("/order", json={"quantity": "1"}, headers={HEADER: READ})
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["reason"] == "forbidden"
    assert "'trade'" in refused.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [{"quantity": 1.5}, {"quantity": "x"}, {"quantity": "1", "extra": 1}, {}, {"quantity": "1e99"}],
)
def test_bad_input_names_the_field(client, body):
    answer = client.post("/order", json=body, headers={HEADER: TRADE})
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] in ("quantity", "extra")


def test_money_goes_in_and_out_as_text(client):
    answer = client.post("/order", json={"quantity": "0.10"}, headers={HEADER: TRADE})
    assert answer.json() == {"quantity": "0.1"}


def test_a_body_that_is_too_large_is_413_announced_or_chunked(client):
    big = b'{"quantity": "' + b"1" * 70_000 + b'"}'
    for content in (big, iter([big[:40_000], big[40_000:]])):
        answer = client.post(
            "/order", content=content, headers={HEADER: TRADE, "content-type": "application/json"}
        )
        assert answer.status_code == 413
        assert answer.json()["reason"] == "too_large"


def test_expected_errors_have_their_own_status_and_reason(client):
    assert (client.get("/missing").status_code, client.get("/missing").json()["reason"]) == (
        404,
        "not_found",
    )
    assert (client.get("/conflict").status_code, client.get("/conflict").json()["reason"]) == (
        409,
        "conflict",
    )
    assert client.get("/nowhere").json()["reason"] == "not_found"


def test_readiness_turns_red_with_the_reason_and_liveness_does_not(client, problems):
    assert client.get("/health/ready").status_code == 200
    problems.append("the moon is full")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["checks"]["mood"]) == (503, "the moon is full")
    assert client.get("/health/live").status_code == 200


def test_metrics_need_no_key_and_count_requests_by_route(client):
    client.get("/thing", headers={HEADER: READ})
    text = client.get("/metrics").text
    assert 'http_request_seconds_count{method="GET",route="/thing",status="200"} 1.0' in text
    assert 'trading_mode_info{mode="mock"} 1.0' in text


def test_methods_that_nobody_knows_share_one_label(client):
    for method in ("FOOBAR", "BAZ", "get"):
        client.request(method, "/thing", headers={HEADER: READ})
    text = client.get("/metrics").text
    assert 'method="other"' in text
    for method in ("FOOBAR", "BAZ", "get"):
        assert f'method="{method}"' not in text


def test_answers_carry_security_headers(client):
    assert client.get("/health").headers["x-content-type-options"] == "nosniff"


def test_the_first_mock_start_makes_one_key_and_shows_it_once(tmp_path, capsys):
    settings = settings_at(tmp_path)
    empty_database(settings.database())
    runtime = build_runtime(settings)
    key = ensure_key(runtime)
    assert key is not None
    assert capsys.readouterr().err.count(key) == 1
    assert ensure_key(runtime) is None
    assert (tmp_path / "api-key").read_text().strip() == key
    assert (tmp_path / "api-key").stat().st_mode & 0o077 == 0
    with runtime.transactions("keys").read() as connection:
        created_at = connection.execute(select(api_keys.c.created_at)).scalar_one()
    assert abs(SystemClock().now() - created_at) < timedelta(minutes=1)
    api = create_api(name="risk", title="Risk", runtime=runtime, metrics=new_metrics())

    @api.get("/thing", dependencies=[Depends(require("admin"))])
    def thing() -> dict[str, str]:
        return {"is": "here"}

    with TestClient(api) as client:
        assert client.get("/thing", headers={HEADER: key}).status_code == 200


def test_paper_without_a_key_does_not_start(tmp_path):
    settings = settings_at(tmp_path, trading_mode="paper")
    empty_database(settings.database())
    with pytest.raises(ConfigurationError, match="TRADING_API_KEYS"):
        ensure_key(build_runtime(settings))


def test_a_value_no_column_can_hold_is_bad_input_not_an_outage(client):
    answer = client.get("/named/%20BTC")
    assert (answer.status_code, answer.json()["reason"]) == (422, "bad_input")
    assert "no word" in answer.json()["detail"]


def test_a_mistake_of_ours_is_500_an_absent_database_503_and_neither_shows_the_statement(client):
    mistake, away = client.post("/twice"), client.get("/no-table")
    assert (mistake.status_code, mistake.json()["reason"]) == (500, "internal")
    assert (away.status_code, away.json()["reason"]) == (503, "database_unavailable")
    for said in (mistake.text, away.text):
        assert "secret" not in said


def test_a_method_that_is_not_possible_says_which_are(client):
    answer = client.post("/thing")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_a_configured_key_is_known_while_the_database_is_away(tmp_path):
    def away():
        raise RuntimeError("no database")

    settings = settings_at(tmp_path, trading_api_keys=f"read:{READ}")
    ring = ring_of(away, settings.keys())
    assert ring.identify(READ).scope == "read"
    with pytest.raises(RuntimeError):
        ring.identify(TRADE)


def test_while_the_database_is_away_one_request_waits_and_no_other(monkeypatch):
    asked, go_on = threading.Semaphore(0), threading.Event()

    def away():
        asked.release()
        go_on.wait(10)
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    ring = ring_of(away)
    go_on.set()
    with pytest.raises(OperationalError):
        ring.identify(TRADE)
    assert asked.acquire(timeout=10)
    with pytest.raises(DatabaseAway):
        ring.identify(TRADE)
    assert not asked.acquire(blocking=False)

    monkeypatch.setattr("shared.http.auth._AWAY_SECONDS", 0.0)
    go_on.clear()

    def asks():
        with pytest.raises(OperationalError):
            ring.identify(TRADE)

    first = threading.Thread(target=asks)
    first.start()
    assert asked.acquire(timeout=10)
    started_at = time.monotonic()
    with pytest.raises(DatabaseAway):
        ring.identify(TRADE)
    assert time.monotonic() - started_at < 1
    go_on.set()
    first.join()


def test_keys_of_the_database_are_known_again_once_it_is_back(monkeypatch):
    answers = [OperationalError("SELECT 1", {}, Exception("gone")), {KEY_ID: stored_key()}]

    def read():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    ring = ring_of(read)
    with pytest.raises(OperationalError):
        ring.identify(KEY)
    monkeypatch.setattr("shared.http.auth._AWAY_SECONDS", 0.0)
    assert ring.identify(KEY).scope == "trade"


def test_a_revoked_key_is_refused_as_soon_as_the_keys_are_read_again(tmp_path, monkeypatch):
    settings = settings_at(tmp_path)
    empty_database(settings.database())
    transactions = build_runtime(settings).transactions("keys")

    def read():
        with transactions.read() as connection:
            return stored_keys(connection)

    with transactions.begin() as uow:
        store(uow.connection, stored_key())
    ring = ring_of(read)
    assert ring.identify(KEY).scope == "trade"
    with transactions.begin() as uow:
        uow.connection.execute(update(api_keys).values(revoked_at=uow.now))
    assert ring.identify(KEY) is not None
    monkeypatch.setattr("shared.http.auth._CACHE_SECONDS", 0.0)
    with pytest.raises(Unauthenticated, match="revoked"):
        ring.identify(KEY)


def test_liveness_answers_while_every_worker_waits(client):
    """Forty requests wait in the thread pool; a probe that joined the queue would be a restart."""
    entered, go_on = threading.Semaphore(0), threading.Event()

    def slow():
        entered.release()
        go_on.wait(10)

    client.app.state.checks.append(Check(name="slow", problem=slow))
    threads = [threading.Thread(target=client.get, args=("/health/ready",)) for _ in range(40)]
    for thread in threads:
        thread.start()
    assert all(entered.acquire(timeout=10) for _ in threads)
    assert client.get("/health/live").status_code == 200
    assert not go_on.is_set()
    go_on.set()
    for thread in threads:
        thread.join()
