"""The signals service on real databases, through the real bus."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import numpy as np
import pytest
from sqlalchemy import func, select

from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.history import last_events
from shared.bus.tables import event_log
from shared.bus.unit_of_work import Transactions
from shared.db.engine import DatabaseAddress, connect
from shared.domain.bracket import BracketPlan
from shared.domain.candle import Candle
from shared.domain.clock import FollowingClock
from shared.domain.enums import Action, Interval
from shared.domain.events import CandlesClosed, SignalsAggregated, SignalsGenerated
from shared.domain.ids import Symbol
from shared.domain.signal import Signal, signal_id
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings
from signals.app import build
from signals.core.combine import COMBINED, ML
from signals.core.rules import RULE
from signals.settings import SignalsSettings
from signals.tables import signal_parts, signals
from tests.database import empty_database

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SYMBOLS = (Symbol("BTC-USDT"), Symbol("ETH-USDT"))
KEYS = {scope: scope[0] * 40 for scope in ("read", "trade", "admin")}


def at(number):
    return START + number * HOUR


def price(symbol, number):
    rng = np.random.default_rng(sum(symbol.encode()))
    return Decimal(repr(round(float(100 * np.exp(np.cumsum(rng.normal(0, 0.01, 400)))[number]), 4)))


def candles(number, shard=0, symbols=SYMBOLS):
    made = tuple(
        Candle(
            symbol=symbol,
            open_at=at(number - 1),
            closed_at=at(number),
            open=price(symbol, number),
            high=price(symbol, number),
            low=price(symbol, number),
            close=price(symbol, number),
            volume=Decimal(1),
        )
        for symbol in symbols
    )
    return CandlesClosed(
        venue="synthetic",
        interval=Interval.H1,
        closed_at=at(number),
        shard=shard,
        candles=made,
        references=(),
    )


def model_signal(symbol, number, action):
    return Signal(
        signal_id=signal_id(ML, symbol, Interval.H1, at(number)),
        source=ML,
        symbol=symbol,
        interval=Interval.H1,
        closed_at=at(number),
        expires_at=at(number + 1),
        action=action,
        confidence=0.4,
        price=price(symbol, number),
        bracket=BracketPlan(stop_ratio=0.02, target_ratio=0.02, horizon_candles=24),
    )


def spoken(number, shard=0, symbols=SYMBOLS):
    actions = (Action.BUY, Action.HOLD, Action.SELL)
    return SignalsGenerated(
        source=ML,
        venue="synthetic",
        interval=Interval.H1,
        closed_at=at(number),
        shard=shard,
        signals=tuple(model_signal(one, number, actions[number % 3]) for one in symbols),
    )


class Desk:
    """A running signals service whose facts a test says by hand."""

    def __init__(self, engine, **settings):
        keys = ",".join(f"{scope}:{key}" for scope, key in KEYS.items())
        platform = PlatformSettings(trading_api_keys=keys, market={"instruments": SYMBOLS})
        clock, bell = FollowingClock(), InProcessDoorbell()

        def transactions(producer):
            return Transactions(engine, clock, bell, producer)

        self.clock = clock
        self.engine = engine
        runtime = Runtime(settings=platform, clock=clock, doorbell=bell, transactions=transactions)
        self.service = build(SignalsSettings(**settings), runtime)
        self.outside = transactions("outside")
        self.consumer = Consumer("signals", transactions("signals"), self.service.handlers, 0.1)
        self.consumer.subscribe()

    def say(self, *facts, at_once=True):
        """Announce facts; handle them as one batch, or one by one."""
        for fact in facts:
            self.clock.observe(fact.closed_at)
            with self.outside.begin() as uow:
                uow.emit(fact)
            if not at_once:
                self.drain()
        self.drain()

    def drain(self):
        while self.consumer.handle_waiting():
            pass

    def aggregated(self, shard=0):
        with self.outside.read() as connection:
            heard = last_events(
                connection,
                topic=SignalsAggregated.topic,
                stream=f"synthetic:1h:{shard}",
                before=at(100_000),
                limit=10_000,
            )
        return sorted((one.event for one in heard), key=lambda one: one.closed_at)

    def count(self, table):
        with self.outside.read() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()

    def ask(self, method, path, scope="admin", body=None):
        return asyncio.run(self._ask(method, path, scope, body))

    async def _ask(self, method, path, scope, body):
        headers = {} if scope is None else {"X-TRADING-API-KEY": KEYS[scope]}
        transport = httpx.ASGITransport(app=self.service.api)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://s", headers=headers
        ) as c:
            return await c.request(method, path, json=body)


def test_the_second_opinion_has_both_combined(engine):
    desk = Desk(engine)
    desk.say(candles(1))
    assert desk.aggregated() == []
    assert desk.count(signal_parts) == 1
    desk.say(spoken(1, symbols=("ETH-USDT", "BTC-USDT", "DOGE-USDT")))
    (fact,) = desk.aggregated()
    assert [signal.symbol for signal in fact.signals] == list(SYMBOLS)
    assert {signal.source for signal in fact.signals} == {COMBINED}
    assert desk.count(signal_parts) == 0
    assert desk.count(signals) == 4


def test_a_model_that_speaks_before_the_candle_is_heard_too(engine):
    desk = Desk(engine)
    desk.say(spoken(3))
    desk.say(candles(3))
    (fact,) = desk.aggregated()
    assert {signal.action for signal in fact.signals} == {Action.BUY}
    with desk.outside.read() as connection:
        producer = select(event_log.c.event_id).where(event_log.c.topic == "signal.generated")
        cause = select(event_log.c.cause_id).where(event_log.c.topic == "signal.aggregated")
        assert connection.execute(cause).scalar_one() == connection.execute(producer).scalar_one()


def test_a_model_without_weight_is_not_waited_for_and_leaves_nothing_behind(engine):
    desk = Desk(engine, ml_weight=0.0, ema_rsi_weight=1.0)
    for number in range(1, 4):
        desk.say(candles(number))
        desk.say(spoken(number))
    assert len(desk.aggregated()) == 3
    assert desk.count(signal_parts) == 0


def test_a_candle_heard_again_changes_nothing(sqlite_engine):
    desk = Desk(sqlite_engine, ml_weight=0.0, ema_rsi_weight=1.0)
    desk.say(candles(1), candles(2))
    before = desk.count(signals)
    again = candles(2)
    with desk.outside.begin() as uow:
        uow.emit(
            CandlesClosed(
                venue="other",
                interval=again.interval,
                closed_at=again.closed_at,
                shard=0,
                candles=again.candles,
                references=(),
            )
        )
    desk.drain()
    assert desk.count(signals) == before
    assert len(desk.aggregated()) == 2


def run(folder, groups, restart_after=None, count=70):
    address = DatabaseAddress(file=folder / "trading.sqlite")
    empty_database(address)
    engine = connect(address)
    desk = Desk(engine)
    for number, group in enumerate(groups):
        desk.say(*group)
        if number == restart_after:
            desk = Desk(engine)
    found = [desk.aggregated(0), desk.aggregated(1)]
    left = desk.count(signal_parts)
    engine.dispose()
    assert left == 0
    assert [len(one) for one in found] == [count, count]
    return found


def facts_of(number):
    return [
        candles(number, 0, SYMBOLS[:1]),
        candles(number, 1, SYMBOLS[1:]),
        spoken(number, 0, SYMBOLS[:1]),
        spoken(number, 1, SYMBOLS[1:]),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_neither_order_nor_batches_nor_a_restart_change_what_is_said(tmp_path, seed):
    plain = tmp_path / "plain"
    odd = tmp_path / "odd"
    reference = run(plain, [facts_of(number) for number in range(1, 71)])
    chance = random.Random(seed)
    groups = []
    waiting = []
    for number in range(1, 71):
        facts = facts_of(number)
        chance.shuffle(facts)
        for fact in facts:
            waiting.append(fact)
            if chance.random() < 0.3:
                groups.append(waiting)
                waiting = []
    groups.append(waiting)
    assert run(odd, groups, restart_after=len(groups) // 2) == reference


def test_a_new_weight_counts_from_the_next_candle(engine):
    desk = Desk(engine)
    desk.say(candles(3))
    answer = desk.ask("PUT", "/sources/ml", body={"weight": 0.1})
    assert answer.status_code == 200
    desk.say(spoken(3))
    desk.say(candles(6))
    desk.say(spoken(6))
    first, second = desk.aggregated()
    assert {signal.action for signal in first.signals} == {Action.BUY}
    assert {signal.action for signal in second.signals} == {Action.HOLD}
    listed = {one["name"]: one for one in desk.ask("GET", "/sources").json()["items"]}
    assert listed["ml"]["weight"] == 0.1
    assert listed[RULE]["updated_at"] is None


def test_an_outside_opinion_counts_for_later_candles_until_it_expires(engine):
    desk = Desk(engine, ml_weight=0.0, ema_rsi_weight=0.0, external_weights={"desk": 1.0})
    for number in range(1, 60):
        desk.say(candles(number))
    body = {
        "source": "desk",
        "symbol": "BTC-USDT",
        "action": "sell",
        "confidence": 0.9,
        "price": "100.5",
        "expires_at": (at(61) + timedelta(minutes=1)).isoformat(),
    }
    assert desk.ask("POST", "/signals", "trade", body).status_code == 201
    assert desk.ask("POST", "/signals", "trade", body).status_code == 409
    for number in range(60, 63):
        desk.say(candles(number))
    last = [one.signals[0].action for one in desk.aggregated()[-4:]]
    assert last == [Action.HOLD, Action.SELL, Action.SELL, Action.HOLD]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"expires_at": "2023-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2024-03-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2024-01-01T02:00:00"}, "expires_at"),
        ({"symbol": "NO-SUCH"}, "symbol"),
        ({"source": "ml"}, "source"),
        ({"source": "Big Desk"}, "source"),
        ({"confidence": 1.5}, "confidence"),
        ({"price": 100.5}, "price"),
        ({"price": "-1"}, "price"),
        ({"action": "maybe"}, "action"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_an_outside_opinion_that_cannot_be_used_says_which_field(sqlite_engine, change, field):
    desk = Desk(sqlite_engine)
    desk.clock.observe(at(1))
    body = {
        "source": "desk",
        "symbol": "BTC-USDT",
        "action": "sell",
        "confidence": 0.9,
        "price": "100.5",
        "expires_at": "2024-01-01T05:00:00Z",
    }
    answer = desk.ask("POST", "/signals", "trade", body | change)
    assert answer.status_code == 422
    assert answer.json()["reason"] == "bad_input"
    assert field in answer.text


def test_signals_are_listed_newest_first_page_by_page(engine):
    desk = Desk(engine)
    for number in range(1, 6):
        desk.say(candles(number))
        desk.say(spoken(number))
    seen, cursor = [], ""
    while True:
        page = desk.ask("GET", f"/signals?limit=3{cursor}", "read").json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len({one["signal_id"] for one in seen}) == len(seen) == 20
    assert [one["closed_at"] for one in seen] == sorted(
        (one["closed_at"] for one in seen), reverse=True
    )
    only = desk.ask("GET", f"/signals?symbol=BTC-USDT&source={COMBINED}&min_confidence=0.5").json()
    assert {(one["symbol"], one["source"]) for one in only["items"]} == {("BTC-USDT", COMBINED)}
    assert all(one["confidence"] >= 0.5 for one in only["items"])
    newest = desk.ask("GET", "/signals/latest").json()["items"]
    assert {(one["symbol"], one["source"]) for one in newest} == {
        (symbol, source) for symbol in SYMBOLS for source in (COMBINED, RULE)
    }
    assert {one["closed_at"] for one in newest} == {"2024-01-01T05:00:00Z"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/signals?symbol=NO-SUCH", 422),
        ("/signals?limit=0", 422),
        ("/signals?cursor=x", 422),
        ("/signals?cursor=WzEsMl0", 422),
        ("/signals?min_confidence=2", 422),
        ("/nothing", 404),
    ],
)
def test_a_question_that_makes_no_sense_is_a_typed_error(sqlite_engine, path, status):
    answer = Desk(sqlite_engine).ask("GET", path, "read")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "scope", "status"),
    [
        ("GET", "/signals", None, 401),
        ("POST", "/signals", "read", 403),
        ("PUT", "/sources/ml", "trade", 403),
        ("PUT", "/sources/combined", "admin", 422),
    ],
)
def test_keys_open_only_what_they_are_for(sqlite_engine, method, path, scope, status):
    answer = Desk(sqlite_engine).ask(method, path, scope, {"weight": 0.5})
    assert answer.status_code == status


def test_what_was_said_is_counted_once_committed(sqlite_engine):
    desk = Desk(sqlite_engine)
    desk.say(candles(3))
    desk.say(spoken(3))
    text = desk.ask("GET", "/metrics", None).text
    assert 'signals_total{action="buy",source="combined"} 2.0' in text
    assert desk.ask("GET", "/health/ready", None).status_code == 200
