"""The REST face of risk."""

from decimal import Decimal

import pytest

from risk.core.limits import RiskLimits, limit_facts
from risk.settings import RiskSettings
from risk.tables import risk_decisions
from shared.runtime.settings import ConfigurationError, load

D = Decimal
EDGE = {
    "probability": 0.62, "neighbours": 400, "gross_win": 0.03, "gross_loss": 0.02,
    "barrier_ratio": 0.03, "reference_kelly": 6, "factors": {"drift": 0.8},
}  # fmt: skip
BRACKET = {"stop_ratio": 0.03, "target_ratio": 0.03, "horizon_candles": 24}
WISH = {
    "symbol": "BTC-USDT",
    "purpose": "entry",
    "price": "100",
    "bracket": BRACKET,
    "edge": EDGE,
}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/limits", None),
        ("GET", "/exposure", None),
        ("GET", "/decisions", None),
        ("GET", "/decisions/x", None),
        ("GET", "/trading-state", None),
        ("GET", "/locks", None),
        ("POST", "/evaluate", WISH),
        ("PUT", "/limits", {}),
        ("POST", "/halt", {"reason": "drill"}),
        ("POST", "/reduce", {"reason": "drill"}),
        ("POST", "/resume", {"reason": "drill"}),
        ("POST", "/locks", {"symbol": "BTC-USDT", "reason": "fork"}),
        ("DELETE", "/locks/BTC-USDT", None),
    ],
)
def test_each_route_asks_for_its_key(embedded, method, path, body):
    assert embedded.ask(method, path, scope=None, body=body).status_code == 401
    if method != "GET" and path != "/evaluate":
        for scope in ("read", "trade"):
            answer = embedded.ask(method, path, scope=scope, body=body)
            assert answer.status_code == 403, answer.text


def test_a_rehearsal_shows_the_whole_sizing_and_keeps_nothing(risk, facts):
    risk.say(facts.marked(1), now=1)
    before = risk.counter()
    found = risk.ask("POST", "/evaluate", scope="read", body=WISH).json()
    assert found["verdict"] == "approved"
    assert found["breaches"] == []
    sizing = found["sizing"]
    assert sizing["kind"] == "kelly"
    assert 0 < sizing["probability_used"] < sizing["probability"] == 0.62
    assert sizing["kelly_full"] > 0
    assert (sizing["confidence"], sizing["factors"]["drift"]) == (0.8, 0.8)
    assert D(sizing["quantity"]) == D(found["quantity"]) > 0
    assert risk.counter() == before
    assert risk.rows(risk_decisions) == []
    assert risk.approved() == []
    assert risk.ask("POST", "/evaluate", body=WISH).json() == found


def test_a_rehearsal_is_denied_as_the_pipeline_would(risk):
    found = risk.ask("POST", "/evaluate", body={**WISH, "edge": {**EDGE, "probability": 0.4}})
    checks = {breach["check"] for breach in found.json()["breaches"]}
    assert {"edge", "book_age"} <= checks
    assert found.json()["quantity"] is None
    leaving = {"symbol": "BTC-USDT", "purpose": "exit", "price": "100"}
    found = risk.ask("POST", "/evaluate", body=leaving).json()
    assert [breach["check"] for breach in found["breaches"]] == ["nothing_to_leave"]


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "DOGE-USDT"},
        {"symbol": 5},
        {"price": 100},
        {"price": "-1"},
        {"price": "1e400"},
        {"price": "1000000000000"},
        {"price": "NaN"},
        {"purpose": "hold"},
        {"quantity": "1"},
        {"edge": {**EDGE, "probability": 1.5}},
        {"edge": {**EDGE, "gross_loss": 0}},
        {"edge": {**EDGE, "more": 1}},
        {"edge": {**EDGE, "factors": {"drift": 1.1}}},
        {"edge": {**EDGE, "factors": {"more": 1}}},
        {"bracket": {**BRACKET, "horizon_candles": 0}},
        {"purpose": "exit"},
        {"more": 1},
    ],
)
def test_a_wish_that_makes_no_sense_is_named(embedded, change):
    answer = embedded.ask("POST", "/evaluate", body={**WISH, **change})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["fields"]


def test_limits_change_once_per_version(risk, facts):
    found = risk.ask("GET", "/limits", scope="read").json()
    assert (found["version"], found["actor"]) == (1, "configuration")
    body = {"version": 1, "limits": {**found["limits"], "max_position_ratio": 0.02}}
    risk.say(facts.marked(1), facts.issued(1, facts.entry(1)), now=1)
    assert risk.ask("PUT", "/limits", body=body).json()["version"] == 2
    assert risk.counter("asset", "BTC").cap == 200
    assert risk.counter("symbol", "BTC-USDT").cap == 500
    assert risk.ask("PUT", "/limits", body=body).status_code == 409
    risk.say(facts.marked(2), facts.issued(2, facts.entry(2, "ETH-USDT")), now=2)
    approved = risk.approved()[-1]
    assert approved.limits_version == 2
    assert approved.quantity * approved.limit_price <= 200


@pytest.mark.parametrize("name", sorted(limit_facts()))
def test_a_limit_out_of_its_bounds_is_refused_and_named(embedded, name):
    least, most = limit_facts()[name].least, limit_facts()[name].most
    known = embedded.ask("GET", "/limits").json()["limits"]
    for wrong in (least - 1, most + 1, "a lot", None):
        body = {"version": 1, "limits": {**known, name: wrong}}
        answer = embedded.ask("PUT", "/limits", body=body)
        assert answer.status_code == 422
        assert name in answer.json()["detail"]
    assert embedded.ask("GET", "/limits").json()["version"] == 1


@pytest.mark.parametrize("name", sorted(limit_facts()))
def test_a_configured_limit_out_of_its_bounds_stops_the_start(monkeypatch, name):
    monkeypatch.setenv(f"RISK__{name.upper()}", str(limit_facts()[name].most + 1))
    with pytest.raises(ConfigurationError, match=name.upper()):
        load(RiskSettings)


def test_the_settings_say_every_limit_and_the_same_defaults():
    assert RiskSettings().limits() == RiskLimits()
    others = {"state_file", "needs_quotes"}
    assert set(RiskSettings.model_fields) - others == set(limit_facts())
    assert {f for f in RiskLimits.__dataclass_fields__ if f != "version"} == set(limit_facts())


def test_the_state_changes_once_however_often_it_is_asked_for(risk):
    assert risk.ask("GET", "/trading-state", scope="read").json()["state"] == "run"
    first = risk.ask("POST", "/halt", body={"reason": "venue maintenance"}).json()
    assert (first["state"], first["version"], first["reason"]) == ("halt", 2, "venue maintenance")
    assert risk.ask("POST", "/halt", body={"reason": "again"}).json() == first
    assert risk.ask("POST", "/reduce", body={"reason": "leave it"}).json()["version"] == 3
    assert risk.ask("POST", "/resume", body={"reason": "all well"}).json()["state"] == "run"
    assert risk.states() == ["halt", "reduce", "run"]


@pytest.mark.parametrize("reason", ["", "  ", "ab", "x" * 201, "Ünïcode", "a\nb", 5, None])
def test_a_halt_needs_a_reason_for_the_audit(embedded, reason):
    assert embedded.ask("POST", "/halt", body={"reason": reason}).status_code == 422
    assert embedded.states() == []


def test_a_lock_closes_one_instrument_until_it_ends(risk, facts):
    body = {"symbol": "BTC-USDT", "reason": "fork ahead", "expires_at": facts.at(2).isoformat()}
    assert risk.ask("POST", "/locks", body=body).status_code == 201
    assert [one["symbol"] for one in risk.ask("GET", "/locks").json()["items"]] == ["BTC-USDT"]
    group = facts.issued(1, facts.entry(1), facts.entry(1, "ETH-USDT"))
    risk.say(facts.marked(1), group, now=1)
    assert [one.symbol for one in risk.approved()] == ["ETH-USDT"]
    risk.say(facts.marked(2), facts.issued(2, facts.entry(2)), now=2)
    assert [one.symbol for one in risk.approved()] == ["ETH-USDT", "BTC-USDT"]
    assert risk.ask("GET", "/locks").json()["items"] == []


def test_a_lock_is_removed_once(risk):
    risk.ask("POST", "/locks", body={"symbol": "BTC-USDT", "reason": "fork"})
    assert risk.ask("DELETE", "/locks/BTC-USDT").status_code == 204
    assert risk.ask("DELETE", "/locks/BTC-USDT").status_code == 404
    assert risk.ask("DELETE", "/locks/DOGE-USDT").status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"symbol": "DOGE-USDT", "reason": "fork"},
        {"symbol": "BTC-USDT"},
        {"symbol": "BTC-USDT", "reason": "fork", "expires_at": "2024-05-05T00:00:00"},
        {"symbol": "BTC-USDT", "reason": "fork", "expires_at": "2020-05-05T00:00:00Z"},
    ],
)
def test_a_lock_that_makes_no_sense_is_refused(embedded, body):
    assert embedded.ask("POST", "/locks", body=body).status_code == 422


def test_exposure_shows_every_cap_with_its_headroom(risk, facts):
    risk.say(facts.marked(1), facts.issued(1, facts.entry(1)), now=1)
    found = risk.ask("GET", "/exposure", scope="read").json()
    assert found["equity"] == "10000"
    by_scope = {(one["scope"], one["key"]): one for one in found["counters"]}
    total = by_scope["total", ""]
    assert D(total["cap"]) - D(total["reserved"]) - D(total["position"]) == D(total["headroom"])
    assert by_scope["trades_per_day", "2024-01-01"]["position"] == "1"
    assert by_scope["symbol", "BTC-USDT"]["cap"] == by_scope["asset", "BTC"]["cap"] == "500"
    assert by_scope["source", "combined"]["reserved"] == total["reserved"]
    assert by_scope["venue", "synthetic"]["reserved"] == total["reserved"]
    assert by_scope["orders_per_minute", "2024-01-01T01:00"]["position"] == "1"
    assert D(0) < D(by_scope["day_loss", ""]["reserved"]) < D(total["reserved"]) / 20


def test_decisions_are_listed_newest_first_page_by_page(risk, facts):
    for number in (1, 2, 3):
        group = [facts.entry(number, symbol) for symbol in ("BTC-USDT", "ETH-USDT")]
        risk.say(facts.marked(number), facts.issued(number, *group), now=number)
    seen, cursor = [], ""
    while True:
        page = risk.ask("GET", f"/decisions?limit=2{cursor}").json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len({one["decision_id"] for one in seen}) == len(seen) == 6
    assert [one["decided_at"] for one in seen] == sorted(
        (one["decided_at"] for one in seen), reverse=True
    )
    approved = risk.ask("GET", "/decisions?verdict=approved&symbol=BTC-USDT").json()["items"]
    assert len(approved) == 1
    one = risk.ask("GET", f"/decisions/{approved[0]['decision_id']}").json()
    assert one == approved[0]
    assert risk.ask("GET", "/decisions?cursor=nonsense").status_code == 422
    assert risk.ask("GET", "/decisions?symbol=DOGE-USDT").status_code == 422
    assert risk.ask("GET", "/decisions/unknown").status_code == 404


def test_readiness_waits_for_the_limits(embedded):
    assert embedded.ask("GET", "/health/ready", scope=None).json()["checks"]["account"] == "ok"


def test_every_body_has_an_example(embedded):
    schemas = embedded.ask("GET", "/openapi.json", scope=None).json()["components"]["schemas"]
    for name in ("WishBody", "LimitsBody", "ReasonBody", "LockBody"):
        assert schemas[name]["examples"], name
