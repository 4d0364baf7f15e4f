"""Target weights at a simulated venue over HTTP: bought without a stop, sold in part beside one."""

import asyncio
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import select

import portfolio.app
import recommender.app
import risk.app
from portfolio.settings import PortfolioSettings
from recommender.settings import RecommenderSettings
from risk.settings import RiskSettings
from risk.tables import risk_quotes
from shared.bus.consumer import Consumer
from shared.domain.enums import Interval, OrderStatus, OrderType
from shared.domain.events import CandlesClosed
from tests.builders import CANDLE
from tests.venue_world import Trading, exchange, symbol_at
from venues.port import VenueName

D = Decimal
KEY = {"X-TRADING-API-KEY": "a1b2c3d4e5" * 4}
ENDED = (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED)


@pytest.fixture
def sim():
    with exchange(VenueName.BINANCE_US) as running:
        yield running


class Beside:
    """Portfolio, recommender and risk as they run beside an executor, at the test's word."""

    def __init__(self, trading, monkeypatch):
        monkeypatch.setenv("EXECUTOR__VENUE", trading.venue)
        self.trading, self.asked = trading, 0
        runtime = trading.runtime
        most = {"max_position_ratio": 0.3, "max_symbol_ratio": 0.3}
        self.services = {
            "portfolio": portfolio.app.build(PortfolioSettings(), runtime),
            "risk": risk.app.build(RiskSettings(**most), runtime),
            "recommender": recommender.app.build(RecommenderSettings(), runtime),
        }
        self.consumers = [
            Consumer(name, runtime.transactions(name), one.handlers, 0.1)
            for name, one in self.services.items()
        ]
        for consumer in self.consumers:
            consumer.subscribe()

    def turn(self):
        return sum(consumer.handle_waiting() for consumer in self.consumers)

    def publish(self, *symbols):
        """Say that everything closed at 100 just now; wait for the mark and the best prices."""
        closed_at = self.trading.clock.now()
        candles = tuple(
            replace(
                CANDLE, symbol=one, closed_at=closed_at, open=D(100), high=D(100), low=D(100),
                close=D(100),
            )
            for one in symbols
        )  # fmt: skip
        fact = CandlesClosed(
            venue=self.trading.venue, interval=Interval.M1, closed_at=closed_at, shard=0,
            candles=candles, references=(),
        )  # fmt: skip
        with self.trading.runtime.transactions("market_data").begin() as uow:
            uow.emit(fact)

        def is_marked():
            self.turn()
            marked = self.ask("portfolio", "GET", "/status").json()["as_of"]
            if marked is None or datetime.fromisoformat(marked) < closed_at:
                return False
            with self.trading.engine.connect() as connection:
                told = connection.execute(select(risk_quotes.c.symbol)).scalars().all()
            return set(symbols) <= set(told)

        self.trading.wait(is_marked)

    def ask(self, service, method, path, body=None):
        return asyncio.run(self._ask(service, method, path, body))

    async def _ask(self, service, method, path, body):
        self.asked += 1
        headers = KEY | {"Idempotency-Key": f"asked-for-{self.asked}"}
        transport = httpx.ASGITransport(app=self.services[service].api)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.request(method, path, json=body, headers=headers)

    def rebalance(self, symbol, share):
        body = {"targets": {symbol: share}, "dry_run": False}
        answer = self.ask("portfolio", "POST", "/rebalance", body)
        assert answer.status_code == 200, answer.text
        return answer.json()["rebalance_id"]

    def ended(self, identity):
        """Wait until the one trade of a rebalancing has come to its end, and return it."""

        def step():
            self.turn()
            answer = self.ask("recommender", "GET", f"/rebalances/{identity}")
            found = answer.json()["steps"][0] if answer.status_code == 200 else None
            is_over = found and found["status"] in ("filled", "denied", "canceled", "expired")
            return found if is_over else None

        return self.trading.wait(step, seconds=30)


def held(trading, of, key="recommendation_id"):
    """Return what is left of an entry, by its recommendation or by the stop that protects it."""
    named = {"recommendation_id": "recommendation_id", "parent": "client_order_id"}[key]
    return next(row["open_quantity"] for row in trading.rows() if row[named] == of[key])


def floored(quantity):
    return quantity.quantize(D("0.00001"), rounding="ROUND_FLOOR")


def stops(trading):
    """Return the stops that rest at the venue."""
    return [
        one for one in trading.rows()
        if one["order_type"] == OrderType.STOP_LIMIT and one["status"] == OrderStatus.OPEN
    ]  # fmt: skip


def test_target_weights_at_a_venue(sqlite_engine, sim, monkeypatch):
    symbol = symbol_at(sim.venue)
    with Trading(sqlite_engine, sim, quotes_seconds=1.0) as trading:
        beside = Beside(trading, monkeypatch)
        trading.ready()
        beside.publish(symbol, symbol_at(sim.venue, "ETH"))
        equity = D(beside.ask("portfolio", "GET", "/status").json()["equity"])

        bought = beside.ended(beside.rebalance(symbol, "0.001"))
        assert (bought["side"], bought["status"]) == ("buy", "filled"), bought
        quantity = D(bought["quantity"])
        assert quantity == pytest.approx(equity / 100_000, rel=D("0.01"))
        assert stops(trading) == []  # what has no bracket gets no stop

        beside.publish(symbol)
        entry = trading.approve(quantity=quantity)
        trading.wait_status(entry, *ENDED)
        (stop,) = trading.wait(lambda: stops(trading))
        kept, bracketed = held(trading, bought), held(trading, stop, "parent")
        assert stop["quantity"] == bracketed == kept  # the fee was taken out of what was bought

        beside.publish(symbol)
        sold = beside.ended(beside.rebalance(symbol, "0.0015"))
        assert (sold["side"], sold["status"]) == ("sell", "filled"), sold
        left = bracketed - D(sold["quantity"])
        trading.wait(lambda: [one["quantity"] for one in stops(trading)] == [floored(left)])
        assert (held(trading, bought), held(trading, stop, "parent")) == (kept, left)
        beside.publish(symbol)
        (position,) = beside.ask("portfolio", "GET", "/positions").json()
        assert D(position["quantity"]) == kept + left
