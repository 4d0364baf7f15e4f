"""A running risk service whose facts a test says by hand."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import Engine, select

from risk.app import build
from risk.settings import RiskSettings
from risk.tables import exposure_counters, reservations, risk_decisions
from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.history import last_events
from shared.bus.unit_of_work import Transactions
from shared.domain.bracket import BracketPlan
from shared.domain.clock import FollowingClock
from shared.domain.enums import ExitReason, Interval, OrderStatus, Purpose, Side
from shared.domain.events import (
    CandlesClosed,
    EquityMarked,
    OrderFilled,
    PositionMark,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationsIssued,
    TradingStateChanged,
)
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.verdict import Approved
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings
from tests.builders import CANDLE, FILL, ORDER

D = Decimal
START = datetime(2024, 1, 1, tzinfo=UTC)
ACCOUNT = "mock-main"
KEYS = {scope: scope[0] * 40 for scope in ("read", "trade", "admin")}
SYMBOLS = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT")
PLAN = BracketPlan(stop_ratio=0.03, target_ratio=0.03, horizon_candles=24)


def at(number: float) -> datetime:
    return START + number * timedelta(hours=1)


def marked(number, equity="10000", cash="10000", peak=None, **held):
    """`held`: base=quantity, all at a price of 100."""
    equity, peak = D(equity), D(peak or max(D(equity), D(10_000)))
    positions = tuple(
        PositionMark(
            symbol=f"{base}-USDT", quantity=D(quantity), price=D(100), notional=100 * D(quantity)
        )
        for base, quantity in sorted(held.items())
    )
    return EquityMarked(
        account=ACCOUNT, as_of=at(number), equity=equity, cash=D(cash), peak_equity=peak,
        day_start_equity=D(10_000), drawdown_ratio=(peak - equity) / peak, realized_pnl=D(0),
        unrealized_pnl=D(0), fees=D(0), positions=positions,
    )  # fmt: skip


def candles(closed_at, **closes):
    """`closes`: base=price, all in the first shard."""
    return CandlesClosed(
        venue="synthetic", interval=Interval.H1, closed_at=closed_at, shard=0, references=(),
        candles=tuple(
            replace(
                CANDLE, symbol=f"{base}-USDT", open_at=closed_at - timedelta(hours=1),
                closed_at=closed_at, close=D(price),
            )
            for base, price in sorted(closes.items())
        ),
    )  # fmt: skip


def entry(number, symbol="BTC-USDT", origin="pipeline"):
    return Recommendation(
        recommendation_id=recommendation_id(ACCOUNT, symbol, at(number), Side.BUY, origin),
        account=ACCOUNT, symbol=symbol, interval=Interval.H1, side=Side.BUY, purpose=Purpose.ENTRY,
        decided_at=at(number), expires_at=at(number + 1), price=D(100), source="combined",
        bracket=PLAN,
    )  # fmt: skip


def leaving(number, symbol="BTC-USDT", quantity="1"):
    return replace(
        entry(number, symbol), side=Side.SELL, purpose=Purpose.EXIT, bracket=None,
        recommendation_id=recommendation_id(ACCOUNT, symbol, at(number), Side.SELL),
        quantity=D(quantity), exit_reason=ExitReason.HORIZON,
    )  # fmt: skip


def issued(number, *recommendations, origin="pipeline:0"):
    return RecommendationsIssued(
        account=ACCOUNT, decided_at=at(number), origin=origin, recommendations=recommendations
    )


def order(approved: Approved, status: OrderStatus, filled="0"):
    return replace(
        ORDER, client_order_id=approved.decision_id, decision_id=approved.decision_id,
        recommendation_id=approved.recommendation_id, symbol=approved.symbol, side=approved.side,
        purpose=approved.purpose, quantity=approved.quantity, limit_price=approved.limit_price,
        filled_quantity=D(filled), status=status, decided_at=approved.decided_at,
        source=approved.source, bracket=approved.bracket,
    )  # fmt: skip


def fill(approved: Approved, quantity, total, trade="t1", price="100.2"):
    """One execution of `quantity`, after which the order has filled `total`."""
    is_done = D(total) == approved.quantity
    return OrderFilled(
        order=order(approved, OrderStatus.FILLED if is_done else OrderStatus.PARTIAL, total),
        fill=replace(
            FILL, trade_id=trade, client_order_id=approved.decision_id, symbol=approved.symbol,
            side=approved.side, purpose=approved.purpose, quantity=D(quantity), price=D(price),
        ),
    )  # fmt: skip


class Risk:
    def __init__(self, engine: Engine, symbols=SYMBOLS, platform=None, **settings):
        self.symbols, self.traded_at = symbols, set()
        keys = ",".join(f"{scope}:{key}" for scope, key in KEYS.items())
        platform = PlatformSettings(
            trading_api_keys=keys, market={"instruments": symbols}, **(platform or {})
        )
        self.clock, bell = FollowingClock(), InProcessDoorbell()
        self.clock.observe(at(0))

        def transactions(producer):
            return Transactions(engine, self.clock, bell, producer)

        runtime = Runtime(
            settings=platform, clock=self.clock, doorbell=bell, transactions=transactions
        )
        self.service = build(RiskSettings(**settings), runtime)
        self.outside = transactions("outside")
        own = transactions("risk")
        self.consumer = Consumer("risk", own, self.service.handlers, 0.1)
        self.consumer.subscribe()
        self.tasks = {task.name: task.run.__self__ for task in self.service.tasks[1:]}
        self.service.tasks[0].run(None)

    def say(self, *facts, now=None, knows_market=True):
        """Announce facts in one batch, `now` hours after the start, and let risk handle them.

        `knows_market`: market_data said before that everything trades at 100.
        """
        if now is not None:
            self.clock.observe(at(now))
        if knows_market:
            facts = (*self._candles(facts), *facts)
        with self.outside.begin() as uow:
            for fact in facts:
                uow.emit(fact)
        while self.consumer.handle_waiting():
            pass

    def _candles(self, facts):
        """What closed at each instant that something is marked or recommended at, once."""
        instants = {one.decided_at for one in facts if isinstance(one, RecommendationsIssued)}
        instants |= {one.as_of for one in facts if isinstance(one, EquityMarked)}
        bases = [symbol.removesuffix("-USDT") for symbol in self.symbols]
        for instant in sorted(instants - self.traded_at):
            self.traded_at.add(instant)
            yield candles(instant, **dict.fromkeys(bases, "100"))

    def said(self, kind):
        with self.outside.read() as connection:
            found = last_events(
                connection, topic=kind.topic, stream=ACCOUNT, before=at(10**5), limit=10**5
            )
        return [envelope.event for envelope in found]

    def approved(self):
        return [one.approved for one in self.said(RecommendationApproved)]

    def denied(self):
        return [one.denied for one in self.said(RecommendationDenied)]

    def states(self):
        return [one.state for one in self.said(TradingStateChanged)]

    def rows(self, table):
        with self.outside.read() as connection:
            return connection.execute(select(table)).all()

    def counter(self, scope="total", key=""):
        rows = self.rows(exposure_counters)
        return next(row for row in rows if (row.scope_kind, row.scope_key) == (scope, key))

    def audit(self):
        """The counters say what the rows they stand for say; one verdict per recommendation."""
        held = sum((row.amount for row in self.rows(reservations) if row.state == "held"), D(0))
        assert self.counter().reserved == held
        decisions = self.rows(risk_decisions)
        verdicts = self.approved() + self.denied()
        assert len(decisions) == len({row.recommendation_id for row in decisions}) == len(verdicts)

    def ask(self, method, path, scope="admin", body=None):
        return asyncio.run(self._ask(method, path, scope, body))

    async def _ask(self, method, path, scope, body):
        headers = {} if scope is None else {"X-TRADING-API-KEY": KEYS[scope]}
        transport = httpx.ASGITransport(app=self.service.api)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://r", headers=headers
        ) as client:
            return await client.request(method, path, json=body)


@pytest.fixture
def risk(engine: Engine) -> Risk:
    return Risk(engine)


@pytest.fixture
def embedded(sqlite_engine: Engine) -> Risk:
    """The same on SQLite alone, where the database does not matter."""
    return Risk(sqlite_engine)


@pytest.fixture
def facts() -> Callable:
    """The makers of facts, for tests that cannot import this file."""
    from types import SimpleNamespace

    return SimpleNamespace(
        marked=marked, candles=candles, entry=entry, leaving=leaving, issued=issued, order=order, fill=fill, at=at,
        Risk=Risk,
    )  # fmt: skip
