"""Who comes in, how often, from where, and what every answer carries: on a running application."""

import pytest
from fastapi import APIRouter, Depends
from fastapi.testclient import TestClient
from sqlalchemy import update

from shared.domain.clock import SystemClock
from shared.domain.errors import BadInput
from shared.http import key_desk
from shared.http.auth import HEADER, require
from shared.http.buckets import SAFETY
from shared.http.key_desk import CHAIN, Making
from shared.http.keys import Principal, api_keys
from shared.runtime.configuration import ConfigurationError
from shared.runtime.first_start import ensure_key
from shared.runtime.pepper import PEPPER_FILE, ensure_pepper, pepper_of
from shared.runtime.service import build_runtime, create_api, new_metrics
from shared.runtime.settings import PlatformSettings, load
from tests.database import empty_database

READ, TRADE = "r" * 40, "t" * 40
BODY_LIMIT = 64 * 1024


def client_of(tmp_path, **settings):
    platform = load(
        PlatformSettings,
        trading_state_dir=tmp_path,
        trading_api_keys=f"read:{READ},trade:{TRADE}",
        **settings,
    )
    empty_database(platform.database())
    runtime = build_runtime(platform)
    api = create_api(name="risk", title="Risk", runtime=runtime, metrics=new_metrics())
    routes = APIRouter()

    @routes.get("/thing", dependencies=[Depends(require("read"))])
    def thing() -> dict[str, str]:
        return {"is": "here"}

    @routes.post("/deed", dependencies=[Depends(require("trade"))])
    def deed(body: dict[str, int | list[int]]) -> dict[str, int]:
        for name in body:
            if name != "a":
                raise BadInput(name, f"'{name}' is no field", "name it a")
        return {"fields": len(body)}

    @routes.post("/echo", dependencies=[Depends(require("trade"))])
    def echo(body: dict[str, int]) -> dict[str, int]:
        return body

    @routes.post("/stop", dependencies=[Depends(require("trade", SAFETY))], status_code=204)
    def stop() -> None:
        pass

    @routes.get("/broken", dependencies=[Depends(require("read"))])
    def broken() -> None:
        raise RuntimeError("nobody foresaw this")

    api.include_router(routes)
    return TestClient(api, raise_server_exceptions=False), runtime


@pytest.fixture
def client(tmp_path):
    return client_of(tmp_path)[0]


def get(client, key=READ, path="/thing", **headers):
    return client.get(path, headers={HEADER: key, **headers})


def test_a_key_that_asks_too_often_waits_and_others_do_not(tmp_path):
    client, _ = client_of(tmp_path, trading_reads_per_second=0.01, trading_reads_burst=3)
    assert [get(client).status_code for _ in range(4)] == [200, 200, 200, 429]
    slow = get(client)
    assert (slow.json()["reason"], slow.json()["status"]) == ("rate_limited", 429)
    assert 1 <= int(slow.headers["retry-after"]) <= 100
    assert get(client, TRADE).status_code == 200
    assert client.post("/deed", json={}, headers={HEADER: TRADE}).status_code == 200


def test_deeds_are_counted_apart_and_allowed_less_often(tmp_path):
    client, _ = client_of(tmp_path, trading_deeds_per_second=0.01, trading_deeds_burst=2)
    answers = [client.post("/deed", json={}, headers={HEADER: TRADE}) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert get(client, TRADE).status_code == 200


def test_a_key_that_has_used_up_its_rate_can_still_stop_and_cancel(tmp_path):
    client, _ = client_of(tmp_path, trading_deeds_per_second=0.01, trading_deeds_burst=2)
    hurry = {HEADER: TRADE}
    deeds = [client.post("/deed", json={}, headers=hurry).status_code for _ in range(3)]
    stops = [client.post("/stop", headers=hurry).status_code for _ in range(3)]
    assert (deeds, stops) == ([200, 200, 429], [204, 204, 429])
    assert "'safety'" in client.post("/stop", headers=hurry).json()["detail"]


def test_calls_that_are_refused_for_their_scope_are_counted_too(tmp_path):
    client, _ = client_of(tmp_path, trading_deeds_per_second=0.01, trading_deeds_burst=2)
    answers = [client.post("/deed", json={}, headers={HEADER: READ}) for _ in range(3)]
    assert [one.status_code for one in answers] == [403, 403, 429]


def test_probes_and_metrics_are_never_limited(tmp_path):
    client, _ = client_of(tmp_path, trading_reads_burst=1, trading_reads_per_second=0.01)
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert {client.get(path).status_code for _ in range(20)} == {200}


def test_ten_unknown_keys_lock_an_address_out_but_never_a_valid_key(client):
    answers = [get(client, f"{number:040d}") for number in range(12)]
    assert [one.status_code for one in answers] == [401] * 10 + [429] * 2
    assert answers[-1].json()["reason"] == "locked_out"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 38
    assert get(client).status_code == 200
    assert client.get("/thing").status_code == 401  # no key at all is no guess


def test_a_missing_key_is_asked_for_by_its_name(client):
    answer = client.get("/thing")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, HEADER)


EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize("path", ["/thing", "/broken", "/nowhere", "/health", "/metrics"])
def test_every_answer_carries_the_security_headers_failures_too(client, path):
    answer = get(client, path=path)
    for name, value in EVERYWHERE.items():
        assert answer.headers.get_list(name) == [value], (path, name)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "strict-transport-security" not in answer.headers


def test_a_failure_nobody_foresaw_is_a_problem_document_that_tells_nothing(client):
    answer = get(client, path="/broken")
    assert (answer.status_code, answer.json()["reason"]) == (500, "internal")
    assert "foresaw" not in answer.text


def test_transport_security_is_promised_over_tls_only(tmp_path):
    client, _ = client_of(tmp_path)
    client.base_url = "https://testserver"
    assert "max-age=31536000" in get(client).headers["strict-transport-security"]


def test_the_page_of_docs_may_load_its_code_and_nothing_else_may(client):
    policy = client.get("/docs").headers["content-security-policy"]
    assert "script-src 'unsafe-inline' https://cdn.jsdelivr.net" in policy
    assert "script-src" not in get(client).headers["content-security-policy"]


def test_no_page_may_read_answers_unless_its_origin_is_named(client, tmp_path):
    asked = {"Origin": "https://desk.example", "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in get(client, **asked).headers
    assert client.options("/thing", headers=asked).status_code == 405
    named, _ = client_of(tmp_path, trading_cors_origins="https://desk.example")
    allowed = named.options("/thing", headers=asked)
    assert allowed.headers["access-control-allow-origin"] == "https://desk.example"
    assert "access-control-allow-credentials" not in allowed.headers
    assert get(named, **asked).headers["access-control-allow-origin"] == "https://desk.example"
    stranger = get(named, Origin="https://evil.example").headers
    assert "access-control-allow-origin" not in stranger


@pytest.mark.parametrize(
    "origin", ["*", "https://*.example", "desk.example", "https://a/b", "null"]
)
def test_an_origin_that_is_none_stops_the_start(origin):
    with pytest.raises(ConfigurationError, match="TRADING_CORS_ORIGINS"):
        load(PlatformSettings, trading_cors_origins=origin)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"a": 1e400}',
        b'{"a": NaN}',
        b'{"a": ' + b"9" * 60_000 + b"}",
        b'{"\\ud800": 1}',
        b"\xff\xfe{",
    ],
    ids=["brackets", "objects", "lists", "1e400", "nan", "digits", "surrogate", "bytes"],
)
def test_bodies_made_to_break_are_bad_input(client, body):
    assert len(body) < BODY_LIMIT
    headers = {HEADER: TRADE, "content-type": "application/json"}
    answer = client.post("/deed", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text[:200]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"{", b"\xc0", b"[" * 60_000])
def test_a_stranger_is_asked_for_a_key_before_a_body_is_judged(client, body):
    headers = {"content-type": "application/json"}
    for key in ({}, {HEADER: "w" * 40}):
        assert client.post("/deed", content=body, headers=headers | key).status_code == 401
    known = client.post("/deed", content=body, headers=headers | {HEADER: READ})
    assert known.status_code in (400, 422)


def test_half_a_surrogate_pair_that_is_answered_breaks_nothing(client):
    headers = {HEADER: TRADE, "content-type": "application/json"}
    answer = client.post("/echo", content=b'{"\\ud800": 1}', headers=headers)
    assert answer.status_code == 200
    assert list(answer.json().values()) == [1]


def stored_key(runtime, **rights):
    making = Making(
        actor="test",
        now=SystemClock().now(),
        mode="mock",
        pepper=ensure_pepper(runtime.settings),
    )
    wanted = Principal(name="someone", scope="trade", **rights)
    with runtime.transactions(CHAIN).begin() as uow:
        return key_desk.create(uow, wanted, None, making)


def test_a_key_made_or_revoked_while_a_service_runs_counts_within_seconds(tmp_path, monkeypatch):
    client, runtime = client_of(tmp_path)
    assert get(client, "x" * 40).status_code == 401  # has read the keys: there are none
    made = stored_key(runtime)
    monkeypatch.setattr("shared.http.auth._CACHE_SECONDS", 0.0)
    assert get(client, made.text).status_code == 200
    with runtime.transactions(CHAIN).begin() as uow:
        key_desk.revoke(uow, made.key.principal.key_id, "ada", SystemClock().now())
    refused = get(client, made.text)
    assert (refused.status_code, "revoked" in refused.json()["detail"]) == (401, True)


def test_a_key_that_has_ended_hears_so_however_often_it_asks_and_locks_nobody_out(tmp_path):
    client, runtime = client_of(tmp_path)
    made = stored_key(runtime)
    with runtime.transactions(CHAIN).begin() as uow:
        uow.connection.execute(update(api_keys).values(expires_at=made.key.created_at))
    for _ in range(15):
        refused = get(client, made.text)
        assert refused.status_code == 401
        assert refused.json()["detail"] == "this key is expired; ask for its successor"
    assert get(client, "x" * 40).status_code == 401


def test_services_read_keys_again_within_the_five_seconds_that_are_promised():
    from shared.http.auth import _CACHE_SECONDS

    assert _CACHE_SECONDS < 5


def test_paper_does_not_start_on_keys_it_cannot_check(tmp_path):
    client_of(tmp_path)
    _, runtime = client_of(tmp_path)
    stored_key(runtime)
    told = {"trading_state_dir": tmp_path, "trading_mode": "paper"}
    paper = load(PlatformSettings, trading_api_keys=f"read:{READ}", **told)
    with pytest.raises(ConfigurationError, match="TRADING_KEY_PEPPER"):
        ensure_key(build_runtime(paper))
    pepper = (tmp_path / PEPPER_FILE).read_text().strip()
    other = load(PlatformSettings, trading_key_pepper="q" * 40, **told)
    with pytest.raises(ConfigurationError, match="made with another pepper") as refused:
        ensure_key(build_runtime(other))
    assert "trading keys revoke" in refused.value.detail
    assert "q" * 40 not in refused.value.detail
    assert (
        ensure_key(build_runtime(load(PlatformSettings, trading_key_pepper=pepper, **told))) is None
    )


def test_one_key_of_another_pepper_is_named_and_stops_nobody(tmp_path, capsys):
    _, runtime = client_of(tmp_path)
    good = stored_key(runtime)
    with runtime.transactions(CHAIN).begin() as uow:
        making = Making(
            actor="ada", now=SystemClock().now(), mode="mock", pepper=b"of another folder" * 3
        )
        stray = key_desk.create(uow, Principal(name="stray", scope="read"), None, making)
    pepper = (tmp_path / PEPPER_FILE).read_text().strip()
    told = {"trading_state_dir": tmp_path, "trading_mode": "paper", "trading_key_pepper": pepper}
    assert ensure_key(build_runtime(load(PlatformSettings, **told))) is None
    said = capsys.readouterr().err
    assert stray.key.principal.key_id in said
    assert good.key.principal.key_id not in said


def test_an_empty_pepper_file_is_said_to_be_empty(tmp_path):
    settings = load(PlatformSettings, trading_state_dir=tmp_path)
    assert pepper_of(settings) is None
    (tmp_path / PEPPER_FILE).write_text("\n")
    with pytest.raises(ConfigurationError, match="is empty"):
        pepper_of(settings)


def test_a_lost_pepper_is_told_with_what_to_do(tmp_path, capsys):
    platform = load(PlatformSettings, trading_state_dir=tmp_path)
    empty_database(platform.database())
    runtime = build_runtime(platform)
    assert ensure_key(runtime) is not None
    assert ensure_key(runtime) is None
    (tmp_path / PEPPER_FILE).unlink()
    capsys.readouterr()
    assert ensure_key(runtime) is None
    assert "trading keys create" in capsys.readouterr().err
    assert (tmp_path / PEPPER_FILE).stat().st_mode & 0o077 == 0
