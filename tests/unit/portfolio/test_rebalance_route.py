"""`POST /rebalance` on a real database: what it answers, announces, audits, and refuses."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
from sqlalchemy import select

from portfolio.app import build
from portfolio.settings import PortfolioSettings
from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.history import COLUMNS, envelope_of
from shared.bus.tables import event_log
from shared.bus.unit_of_work import Transactions
from shared.db.audit import audit
from shared.domain.candle import Candle
from shared.domain.clock import FollowingClock
from shared.domain.enums import Interval, Side
from shared.domain.events import AccountReconciled, CandlesClosed, RebalanceWanted
from shared.domain.recommendation import rebalance_recommendation_id
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings

D = Decimal
START = datetime(2024, 1, 1, tzinfo=UTC)
KEYS = {scope: scope[0] * 40 for scope in ("read", "trade")}
TARGETS = {"targets": {"BTC-USDT": "0.05", "ETH-USDT": "0.03"}}


def candle(symbol, close, at):
    price = D(close)
    return Candle(
        symbol=symbol, open_at=at - timedelta(hours=1), closed_at=at, open=price, high=price,
        low=price, close=price, volume=D(1),
    )  # fmt: skip


class Desk:
    """A running portfolio with 10 000 USDT, where BTC stands at 100 and ETH at 10."""

    def __init__(self, engine, **settings):
        keys = ",".join(f"{scope}:{key}" for scope, key in KEYS.items())
        self.clock, bell = FollowingClock(), InProcessDoorbell()
        runtime = Runtime(
            settings=PlatformSettings(
                trading_api_keys=keys, market={"instruments": ("BTC-USDT", "ETH-USDT")}
            ),
            clock=self.clock,
            doorbell=bell,
            transactions=lambda name: Transactions(engine, self.clock, bell, name),
        )
        self.outside = runtime.transactions("outside")
        self.service = build(PortfolioSettings(**settings), runtime)
        own = runtime.transactions("portfolio")
        self.consumer = Consumer("portfolio", own, self.service.handlers, 1.0)
        self.consumer.subscribe()
        self.hear(1, {"BTC-USDT": "100", "ETH-USDT": "10"})

    def hear(self, hour, closes):
        at = START + timedelta(hours=hour)
        self.clock.observe(at)
        candles = tuple(candle(symbol, close, at) for symbol, close in closes.items())
        with self.outside.begin() as uow:
            uow.emit(
                CandlesClosed(
                    venue="synthetic", interval=Interval.H1, closed_at=at, shard=0,
                    candles=candles, references=(),
                )
            )  # fmt: skip
            uow.emit(AccountReconciled(account="mock-main", venue="sim", as_of=at, shard=0))
        while self.consumer.handle_waiting():
            pass

    def ask(self, body, key=None, scope="trade"):
        return asyncio.run(self._ask(body, key, scope))

    async def _ask(self, body, key, scope):
        headers = {"X-TRADING-API-KEY": KEYS[scope]}
        headers |= {} if key is None else {"Idempotency-Key": key}
        transport = httpx.ASGITransport(app=self.service.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://p") as client:
            if isinstance(body, str):
                headers["Content-Type"] = "application/json"
                return await client.post("/rebalance", content=body, headers=headers)
            return await client.post("/rebalance", json=body, headers=headers)

    def wanted(self):
        topic = RebalanceWanted.topic
        statement = select(*COLUMNS).where(event_log.c.topic == topic)
        with self.outside.read() as connection:
            return [envelope_of(row).event for row in connection.execute(statement)]

    def deeds(self):
        statement = select(audit).where(audit.c.action == "rebalance.wanted")
        with self.outside.read() as connection:
            return connection.execute(statement).all()


def test_a_dry_run_shows_trades_and_costs_and_changes_nothing(sqlite_engine):
    desk = Desk(sqlite_engine)
    answer = desk.ask(TARGETS)
    assert answer.status_code == 200
    said = answer.json()
    assert [(one["symbol"], one["side"], one["quantity"]) for one in said["trades"]] == [
        ("BTC-USDT", "buy", "5"), ("ETH-USDT", "buy", "30"),
    ]  # fmt: skip
    assert (said["traded_notional"], said["fees"], said["slippage"]) == ("800", "0.8", "0.4")
    assert said["trades"][0]["fee"] == "0.5"
    assert (said["dry_run"], said["rebalance_id"], said["quote"]) == (True, None, "USDT")
    assert said["trades"][0]["recommendation_id"] is None
    assert desk.wanted() == desk.deeds() == []


def test_what_is_sent_is_announced_and_audited_once_and_names_its_recommendations(engine):
    desk = Desk(engine)
    body = TARGETS | {"dry_run": False}
    answer = desk.ask(body, key="rebalance-1")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    (fact,) = desk.wanted()
    assert (fact.rebalance_id, fact.actor) == (said["rebalance_id"], "configured-2")
    assert [(one.symbol, one.side, one.quantity, one.price) for one in fact.steps] == [
        ("BTC-USDT", Side.BUY, D(5), D(100)), ("ETH-USDT", Side.BUY, D(30), D(10)),
    ]  # fmt: skip
    ids = [
        rebalance_recommendation_id(
            "mock-main", one.symbol, one.side, fact.rebalance_id, fact.wanted_at
        )
        for one in fact.steps
    ]
    assert [one["recommendation_id"] for one in said["trades"]] == ids
    (deed,) = desk.deeds()
    assert (deed.actor, deed.subject) == ("configured-2", fact.rebalance_id)
    again = desk.ask(body, key="rebalance-1")
    assert again.json() == said
    assert len(desk.wanted()) == len(desk.deeds()) == 1
    other = desk.ask({"targets": {"BTC-USDT": "0.01"}, "dry_run": False}, key="rebalance-1")
    assert (other.status_code, other.json()["reason"]) == (422, "idempotency_conflict")
    desk.ask(body, key="rebalance-2")
    assert len({one.rebalance_id for one in desk.wanted()}) == 2


def test_sending_needs_a_key_to_trade_and_a_name_for_the_request(sqlite_engine):
    desk = Desk(sqlite_engine)
    body = TARGETS | {"dry_run": False}
    assert desk.ask(body).status_code == 422
    assert "Idempotency-Key" in desk.ask(body).json()["detail"]
    assert desk.ask(body, key="rebalance-1", scope="read").status_code == 403
    assert desk.wanted() == []


def test_where_nothing_is_off_nothing_is_sent(sqlite_engine):
    desk = Desk(sqlite_engine)
    body = {"targets": {"BTC-USDT": "0.05"}, "tolerance_ratio": "0.05", "dry_run": False}
    said = desk.ask(body, key="rebalance-1").json()
    assert (said["trades"], said["rebalance_id"]) == ([], None)
    assert desk.wanted() == desk.deeds() == []


def test_a_price_that_has_grown_old_is_refused_by_name(sqlite_engine):
    desk = Desk(sqlite_engine, max_price_age_candles=2)
    desk.hear(4, {"ETH-USDT": "10"})
    answer = desk.ask(TARGETS)
    assert answer.status_code == 403
    assert "BTC-USDT: its last price is of 2024-01-01T01:00" in answer.json()["detail"]
    assert desk.ask({"targets": {"ETH-USDT": "0.03"}}).status_code == 200


def test_more_than_risk_lets_be_invested_is_told_beforehand(sqlite_engine):
    said = Desk(sqlite_engine).ask({"targets": {"BTC-USDT": "0.9"}}).json()
    assert "0.9 of the equity would be invested, more than 0.8" in said["warnings"][0]


IMPOSSIBLE = (
    {},
    {"targets": {}},
    {"targets": {"DOGE-USDT": "0.1"}},
    {"targets": {"BTC-USDT": 0.1}},
    {"targets": {"BTC-USDT": "-0.1"}},
    {"targets": {"BTC-USDT": "NaN"}},
    {"targets": {"BTC-USDT": "Infinity"}},
    {"targets": {"BTC-USDT": "1e400"}},
    {"targets": {"BTC-USDT": "0.6", "ETH-USDT": "0.6"}},
    {"targets": {"\u202eBTC-USDT": "0.1"}},
    {"targets": {"B" * 10_000: "0.1"}},
    {"targets": {"BTC-USDT": "0.1"}, "leverage": 3},
    {"targets": {"BTC-USDT": "0.1"}, "tolerance_ratio": "NaN"},
    {"targets": {"BTC-USDT": "0.1"}, "tolerance_ratio": "-1"},
    {"targets": {"BTC-USDT": {"BTC-USDT": "0.1"}}},
    '{"targets": {"BTC-USDT": 1e400}}',
    '{"targets": {"BTC-USDT": NaN}}',
)


def test_what_cannot_be_asked_gets_a_clear_answer(sqlite_engine):
    desk = Desk(sqlite_engine)
    for number, body in enumerate(IMPOSSIBLE):
        asked = body if isinstance(body, str) else body | {"dry_run": number % 2 == 0}
        answer = desk.ask(asked, key="rebalance-1")
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json()["detail"]
    assert desk.wanted() == []
