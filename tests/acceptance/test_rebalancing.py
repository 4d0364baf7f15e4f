"""Target weights through the real services: wish, two waves, verdicts, orders, fills, positions."""

from decimal import Decimal

import pytest

from executor.tables import orders
from portfolio.tables import balances, positions
from risk.tables import risk_decisions
from tests.acceptance.rebalancing_world import QUIET, world

D = Decimal


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)


def test_from_a_wish_to_positions_and_from_those_to_others(database_address, tmp_path):
    desk = world(database_address, tmp_path)
    desk.pass_candles(3)
    said = desk.rebalance("first-of-all", BTC="0.2", ETH="0.1")
    assert [one["status"] for one in desk.shown(said)] == ["submitted", "submitted"]
    desk.pass_candles()
    steps = desk.shown(said)
    assert [(one["symbol"], one["status"]) for one in steps] == [
        ("BTC-USDT", "filled"), ("ETH-USDT", "filled"),
    ]  # fmt: skip
    assert {one["verdict"]["sizing"]["kind"] for one in steps} == {"target"}
    assert {one["recommendation_id"] for one in steps} == {
        one["recommendation_id"] for one in said["trades"]
    }
    weights = desk.weights()
    assert float(weights["BTC-USDT"]) == pytest.approx(0.2, abs=0.01)
    assert float(weights["ETH-USDT"]) == pytest.approx(0.1, abs=0.01)

    said = desk.rebalance("second-wish", band="0.01", BTC="0.05", SOL="0.25")
    assert [(one["side"], one["status"]) for one in desk.shown(said)] == [
        ("sell", "submitted"), ("buy", "waiting"),
    ]  # fmt: skip
    desk.pass_candles()  # the sale fills in it, and once it is marked the purchase goes out
    assert [one["status"] for one in desk.shown(said)] == ["filled", "submitted"]
    desk.pass_candles()
    assert [one["status"] for one in desk.shown(said)] == ["filled", "filled"]
    weights = desk.weights()
    assert float(weights["BTC-USDT"]) == pytest.approx(0.05, abs=0.01)
    assert float(weights["SOL-USDT"]) == pytest.approx(0.25, abs=0.01)
    assert float(weights["ETH-USDT"]) == pytest.approx(0.1, abs=0.02)

    before = len(desk.rows(orders))
    desk.pass_candles(12)  # no bracket, no horizon: it stays
    assert len(desk.rows(orders)) == before
    assert desk.weights().keys() == weights.keys()
    waves = [one.origin.split(":")[2:] for one in desk.issued()]
    assert waves == [[], [], ["SOL-USDT"]]
    sources = {one.source for fact in desk.issued() for one in fact.recommendations}
    assert sources == {"rebalance"}
    assert desk.balance_sums_to_zero()
    assert min(row.free for row in desk.rows(balances)) >= 0
    assert min(row.quantity for row in desk.rows(positions)) >= 0
    desk.close()


def test_everything_is_sold_where_nothing_is_wanted_and_risk_cuts_what_is_too_much(
    sqlite_address, tmp_path, monkeypatch
):
    monkeypatch.setenv("RISK__MAX_POSITION_RATIO", "0.05")
    desk = world(sqlite_address, tmp_path)
    desk.pass_candles(3)
    said = desk.rebalance("more-than-the-cap", BTC="0.2")
    (step,) = desk.shown(said)
    sizing = step["verdict"]["sizing"]
    assert sizing["raw_ratio"] == pytest.approx(0.2, abs=0.001)
    assert sizing["capped_ratio"] == 0.05
    assert D(step["verdict"]["quantity"]) < D(step["quantity"]) / 3
    desk.pass_candles()
    assert D("0.04") < desk.weights()["BTC-USDT"] < D("0.06")
    desk.rebalance("all-of-it-away", BTC="0")
    desk.pass_candles()
    assert desk.weights() == {}
    desk.close()


def test_a_halted_account_trades_nothing_and_says_why(sqlite_address, tmp_path):
    desk = world(sqlite_address, tmp_path)
    desk.pass_candles(3)
    assert desk.ask("risk", "POST", "/halt", {"reason": "a look"}).status_code == 200
    desk.settle()
    said = desk.rebalance("while-halted", BTC="0.2")
    (step,) = desk.shown(said)
    assert step["status"] == "denied"
    assert step["verdict"]["breaches"][0]["check"] == "trading_state"
    desk.pass_candles(2)
    assert desk.rows(orders) == []
    assert len(desk.rows(risk_decisions)) == 1
    desk.close()


def test_an_unknown_rebalancing_is_not_found(sqlite_address, tmp_path):
    desk = world(sqlite_address, tmp_path)
    assert desk.ask("recommender", "GET", "/rebalances/none").status_code == 404
    desk.close()


def test_idle_cash_is_swept_at_midnight_through_risk_and_stays(
    sqlite_address, tmp_path, monkeypatch
):
    monkeypatch.setenv("PORTFOLIO__CASH_SWEEP", "USDC-USD")
    monkeypatch.setenv("PORTFOLIO__CASH_RESERVE_RATIO", "0.9")
    desk = world(sqlite_address, tmp_path, instruments=("BTC-USD", "USDC-USD"))
    desk.pass_candles(23)
    assert desk.issued() == []
    desk.pass_candles(2)
    (fact,) = desk.issued()
    (one,) = fact.recommendations
    assert (one.symbol, one.source, one.is_rebalance) == ("USDC-USD", "rebalance", True)
    desk.pass_candles(4)
    assert float(desk.weights()["USDC-USD"]) == pytest.approx(0.1, abs=0.01)
    assert len(desk.rows(risk_decisions)) == 1
    desk.close()


def test_two_quotes_are_rebalanced_from_their_own_cash(sqlite_address, tmp_path, monkeypatch):
    monkeypatch.setenv("PORTFOLIO__OPENING_BALANCE", "9000")
    monkeypatch.setenv("PORTFOLIO__OPENING_BALANCES", '{"USDT": 1000}')
    instruments = ("BTC-USD", "ETH-USDT")
    desk = world(sqlite_address, tmp_path, instruments=instruments, reporting_currency="USD")
    desk.pass_candles(3)
    body = {"targets": {"BTC-USD": "0.2", "ETH-USDT": "0.2"}, "dry_run": False}
    said = desk.ask("portfolio", "POST", "/rebalance", body, "of-two-quotes").json()
    desk.settle()
    assert (said["quote"], said["equity"]) == ("USD", "10000")
    cut = {one["symbol"]: one["cut"] for one in said["trades"]}
    assert cut["BTC-USD"] == ""
    assert "USDT would be needed, there is 1000" in cut["ETH-USDT"]
    desk.pass_candles()
    owned = {row.asset: row.free for row in desk.rows(balances)}
    assert D(0) <= owned["USDT"] < D(30)
    assert D(6900) < owned["USD"] < D(7100)
    weights = desk.weights()
    assert float(weights["BTC-USD"]) == pytest.approx(0.2, abs=0.01)
    assert float(weights["ETH-USDT"]) == pytest.approx(0.1, abs=0.01)
    desk.close()
