"""What a venue shows over HTTP on its way through the executor into risk's verdict."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import select

from risk.app import build
from risk.settings import RiskSettings
from risk.tables import risk_quotes
from shared.bus.consumer import Consumer
from shared.domain.enums import Interval, OrderStatus
from shared.domain.events import CandlesClosed
from tests.builders import CANDLE
from tests.venue_world import FUNDS, Trading, exchange, symbol_at
from venues.port import VenueName

D = Decimal
OF_MARKET = {"market_age", "price_collar", "quote_age", "spread", "volatility"}


@pytest.fixture
def sim():
    with exchange(VenueName.KUCOIN) as running:
        yield running


class RiskBeside:
    """Risk as it runs beside an executor, its queue handled at the test's word."""

    def __init__(self, trading, monkeypatch):
        monkeypatch.setenv("EXECUTOR__VENUE", trading.venue)
        self.service = build(RiskSettings(), trading.runtime)
        transactions = trading.runtime.transactions("risk")
        self.consumer = Consumer("risk", transactions, self.service.handlers, 0.1)
        self.consumer.subscribe()

    def seen(self, trading):
        self.consumer.handle_waiting()
        with trading.engine.connect() as connection:
            return {row.symbol: row for row in connection.execute(select(risk_quotes))}

    def publish(self, trading, symbols):
        """Say the candles that market_data would: everything closed at 100 just now."""
        closed_at = trading.clock.now().replace(second=0, microsecond=0)
        candles = tuple(
            replace(CANDLE, symbol=one, closed_at=closed_at, close=D(100)) for one in symbols
        )
        fact = CandlesClosed(
            venue=trading.venue, interval=Interval.M1, closed_at=closed_at, shard=0,
            candles=candles, references=(),
        )  # fmt: skip
        with trading.runtime.transactions("market_data").begin() as uow:
            uow.emit(fact)
        self.consumer.handle_waiting()

    def evaluate(self, symbol):
        async def ask():
            transport = httpx.ASGITransport(app=self.service.api)
            headers = {"X-TRADING-API-KEY": "a1b2c3d4e5" * 4}
            bracket = {"stop_ratio": 0.03, "target_ratio": 0.03, "horizon_candles": 24}
            wish = {"symbol": symbol, "purpose": "entry", "price": "100", "bracket": bracket}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://r", headers=headers
            ) as client:
                return (await client.request("POST", "/evaluate", json=wish)).json()

        return {breach["check"] for breach in asyncio.run(ask())["breaches"]}


def test_the_best_prices_of_what_is_not_held_reach_risk_within_seconds(
    sqlite_engine, sim, monkeypatch
):
    symbols = {symbol_at(sim.venue), symbol_at(sim.venue, "ETH")}
    with Trading(sqlite_engine, sim, quotes_seconds=1.0) as trading:
        risk = RiskBeside(trading, monkeypatch)
        trading.ready()
        rows = trading.wait(
            lambda: seen if (seen := risk.seen(trading)).keys() == symbols else None
        )
        assert all(D(90) < row.bid <= row.ask < D(110) for row in rows.values())
        assert {row.venue for row in rows.values()} == {sim.venue}
        ages = [(trading.clock.now() - row.seen_at).total_seconds() for row in rows.values()]
        assert max(ages) < 60
        assert {"market_age", "quote_age"} <= risk.evaluate(symbol_at(sim.venue))
        risk.publish(trading, symbols)
        assert not OF_MARKET & risk.evaluate(symbol_at(sim.venue))
        told_at = max(row.seen_at for row in rows.values())
        again = lambda: all(row.seen_at > told_at for row in risk.seen(trading).values())  # noqa: E731
        trading.wait(again)


def test_before_the_executor_has_told_any_entries_are_refused(sqlite_engine, sim, monkeypatch):
    with Trading(sqlite_engine, sim) as trading:
        trading.stop()
        found = RiskBeside(trading, monkeypatch).evaluate(symbol_at(sim.venue))
    assert "quote_age" in found


def test_a_venue_that_refuses_order_after_order_stops_entries(sqlite_engine, sim, monkeypatch):
    monkeypatch.setenv("RISK__MIN_FAILURE_ORDERS", "3")
    with Trading(sqlite_engine, sim) as trading:
        risk = RiskBeside(trading, monkeypatch)
        trading.ready()
        taken = trading.approve()
        trading.wait_status(taken, OrderStatus.FILLED)
        sim.exchange.deposit("main", "USDT", -(FUNDS - 100))  # too little for another
        for count in (1, 2):
            refused = trading.approve(symbol=symbol_at(sim.venue, "ETH"), quantity=D(2))
            trading.wait_status(refused, OrderStatus.REJECTED)
            risk.consumer.handle_waiting()
            found = risk.evaluate(symbol_at(sim.venue))
            assert ("failure_ratio" in found) == (count == 2)  # 1 of 2, then 2 of 3
