"""Target weights through the real services: wish, two waves, verdicts, orders, fills, positions."""

import asyncio
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import select

from executor.tables import orders
from portfolio.tables import balances, ledger_entries, positions
from risk.tables import risk_decisions
from shared.bus.codec import decode
from shared.bus.tables import event_log
from shared.domain.events import RecommendationsIssued
from tests.acceptance.drive import Drive, OneRound
from tests.acceptance.worlds import settings_on
from tests.database import empty_database

D = Decimal
KEYS = {scope: scope[0] * 40 for scope in ("read", "trade", "admin")}
MOST = {"RISK__MAX_POSITION_RATIO": "0.3", "RISK__MAX_SYMBOL_RATIO": "0.3"}


class World(Drive):
    """A market of the synthetic feed that moves one candle at a time; no signals are given."""

    def begin(self):
        self.subscribe()
        for service in self.services:
            for task in service.tasks:
                if task is not self.feed:
                    task.run(OneRound())
        self.settle()
        self.coming = iter(self.publisher.feed.instants(self.publisher._reached()))
        return self

    def pass_candles(self, count=1):
        for _ in range(count):
            self.publisher.publish(next(self.coming))
            self.settle()

    def ask(self, service, method, path, body=None, key=None, scope="admin"):
        return asyncio.run(self._ask(service, method, path, body, key, scope))

    async def _ask(self, service, method, path, body, key, scope):
        api = next(one.api for one in self.services if one.name == service)
        headers = {"X-TRADING-API-KEY": KEYS[scope]}
        headers |= {} if key is None else {"Idempotency-Key": key}
        transport = httpx.ASGITransport(app=api)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.request(method, path, json=body, headers=headers)

    def rebalance(self, key, band="0", **shares):
        targets = {f"{base}-USDT": share for base, share in shares.items()}
        body = {"targets": targets, "tolerance_ratio": band, "dry_run": False}
        answer = self.ask("portfolio", "POST", "/rebalance", body, key)
        assert answer.status_code == 200, answer.text
        self.settle()
        return answer.json()

    def shown(self, said):
        answer = self.ask("recommender", "GET", f"/rebalances/{said['rebalance_id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()["steps"]

    def weights(self):
        status = self.ask("portfolio", "GET", "/status").json()
        held = self.ask("portfolio", "GET", "/positions").json()
        return {
            one["symbol"]: D(one["notional"]) / D(status["equity"])
            for one in held
            if D(one["quantity"])
        }

    def rows(self, table):
        with self.engine.connect() as connection:
            return connection.execute(select(table)).all()

    def issued(self):
        topic = RecommendationsIssued.topic
        statement = select(event_log.c.payload).where(event_log.c.topic == topic)
        with self.engine.connect() as connection:
            return [decode(topic, one) for one in connection.execute(statement).scalars()]

    def balance_sums_to_zero(self):
        totals = {}
        for entry in self.rows(ledger_entries):
            totals[entry.asset] = totals.get(entry.asset, D(0)) + entry.amount
        return set(totals.values()) == {D(0)}


@pytest.fixture(autouse=True)
def _no_opinions(monkeypatch):
    monkeypatch.setenv("SIGNALS__ML_WEIGHT", "0")
    monkeypatch.setenv("SIGNALS__EMA_RSI_WEIGHT", "1")
    monkeypatch.setenv("SIGNALS__THRESHOLD", "0.99")
    monkeypatch.setenv(
        "TRADING_API_KEYS", ",".join(f"{scope}:{key}" for scope, key in KEYS.items())
    )
    for name, value in MOST.items():
        monkeypatch.setenv(name, value)


def world(address, folder, **market):
    settings = settings_on(address, folder, **market)
    return World(settings=settings, overrides={"market_data": {"limit": 60}}).begin()


def test_from_a_wish_to_positions_and_from_those_to_others(database_address, tmp_path):
    empty_database(database_address)
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
    empty_database(sqlite_address)
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
    empty_database(sqlite_address)
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
    empty_database(sqlite_address)
    desk = world(sqlite_address, tmp_path)
    assert desk.ask("recommender", "GET", "/rebalances/none").status_code == 404
    desk.close()


def test_idle_cash_is_swept_at_midnight_through_risk_and_stays(
    sqlite_address, tmp_path, monkeypatch
):
    monkeypatch.setenv("PORTFOLIO__CASH_SWEEP", "USDC-USD")
    monkeypatch.setenv("PORTFOLIO__CASH_RESERVE_RATIO", "0.9")
    empty_database(sqlite_address)
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
    empty_database(sqlite_address)
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
