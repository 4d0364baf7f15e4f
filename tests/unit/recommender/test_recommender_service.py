"""The recommender on real databases, through the real bus."""

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import func, insert, select

from recommender.app import build
from recommender.core.status import RecommendationStatus
from recommender.repository.proposals import Progress, advance
from recommender.routes import IssuedView
from recommender.settings import RecommenderSettings
from recommender.tables import pending_signals, trade_recommendations
from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.history import last_events
from shared.bus.tables import event_log
from shared.bus.unit_of_work import Transactions
from shared.db.engine import DatabaseAddress, connect
from shared.domain.bracket import BracketPlan
from shared.domain.clock import FollowingClock
from shared.domain.enums import (
    Action,
    Interval,
    Liquidity,
    OrderStatus,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    TradingState,
)
from shared.domain.events import (
    EquityMarked,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSubmitted,
    OrderUnknown,
    PositionChanged,
    RecommendationDenied,
    RecommendationsIssued,
    SignalsAggregated,
    TradingStateChanged,
)
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.signal import Signal, signal_id
from shared.domain.verdict import Breach, Denied, Sizing, decision_id
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings
from tests.builders import RECOMMENDATION
from tests.database import empty_database

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNT = "mock-main"
BTC, ETH = "BTC-USDT", "ETH-USDT"
KEYS = {scope: scope[0] * 40 for scope in ("read", "trade", "admin")}
PLAN = BracketPlan(stop_ratio=0.02, target_ratio=0.03, horizon_candles=3)
D = Decimal


def at(number):
    return START + number * HOUR


def signals(number, shard=0, **actions):
    said = {f"{base}-USDT": action for base, action in (actions or {"BTC": Action.BUY}).items()}
    return SignalsAggregated(
        venue="synthetic",
        interval=Interval.H1,
        closed_at=at(number),
        shard=shard,
        signals=tuple(
            Signal(
                signal_id=signal_id("combined", symbol, Interval.H1, at(number)),
                source="combined",
                symbol=symbol,
                interval=Interval.H1,
                closed_at=at(number),
                expires_at=at(number + 1),
                action=action,
                confidence=0.7,
                price=D("100.5"),
                bracket=PLAN,
            )
            for symbol, action in sorted(said.items())
        ),
    )


def marked(number):
    zero = D(0)
    return EquityMarked(
        account=ACCOUNT,
        as_of=at(number),
        equity=D(1000),
        cash=D(1000),
        peak_equity=D(1000),
        day_start_equity=D(1000),
        drawdown_ratio=zero,
        realized_pnl=zero,
        unrealized_pnl=zero,
        fees=zero,
        positions=(),
    )


def snapshot(recommendation, status, filled="0"):
    return OrderSnapshot(
        client_order_id=decision_id("o" + recommendation.recommendation_id),
        decision_id=decision_id(recommendation.recommendation_id),
        recommendation_id=recommendation.recommendation_id,
        account=ACCOUNT,
        venue="synthetic",
        symbol=recommendation.symbol,
        interval=Interval.H1,
        side=recommendation.side,
        purpose=recommendation.purpose,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=D(2),
        price=D(100),
        limit_price=D(101),
        filled_quantity=D(filled),
        status=status,
        decided_at=recommendation.decided_at,
        updated_at=recommendation.decided_at,
        bracket=recommendation.bracket,
    )


def fill_of(recommendation, number):
    order = snapshot(recommendation, OrderStatus.FILLED, "2")
    fill = Fill(
        trade_id=f"t-{recommendation.symbol}-{number}",
        client_order_id=order.client_order_id,
        account=ACCOUNT,
        venue="synthetic",
        symbol=order.symbol,
        side=order.side,
        purpose=order.purpose,
        quantity=D(2),
        price=D(100),
        reference_price=D(100),
        fee=D(0),
        fee_asset="USDT",
        liquidity=Liquidity.TAKER,
        filled_at=at(number),
    )
    return OrderFilled(order=order, fill=fill)


def position(symbol, quantity, number):
    return PositionChanged(
        account=ACCOUNT,
        symbol=symbol,
        quantity=D(quantity),
        average_cost=D(100),
        realized_pnl=D(0),
        changed_at=at(number),
        trade_id=f"t-{symbol}-{number}",
    )


def denied(recommendation):
    breach = Breach(check="exposure", limit="0.8", value="0.9", headroom="0", remedy="wait")
    return RecommendationDenied(
        denied=Denied(
            decision_id=decision_id(recommendation.recommendation_id),
            recommendation_id=recommendation.recommendation_id,
            account=ACCOUNT,
            symbol=recommendation.symbol,
            side=recommendation.side,
            purpose=recommendation.purpose,
            decided_at=recommendation.decided_at,
            limits_version=1,
            breaches=(breach,),
            sizing=Sizing(kind="kelly", equity=D(1000)),
        )
    )


class Desk:
    """A running recommender whose facts a test says by hand."""

    def __init__(self, engine, **settings):
        keys = ",".join(f"{scope}:{key}" for scope, key in KEYS.items())
        platform = PlatformSettings(trading_api_keys=keys, market={"instruments": (BTC, ETH)})
        clock, bell = FollowingClock(), InProcessDoorbell()

        def transactions(producer):
            return Transactions(engine, clock, bell, producer)

        self.clock = clock
        runtime = Runtime(settings=platform, clock=clock, doorbell=bell, transactions=transactions)
        self.service = build(RecommenderSettings(**settings), runtime)
        self.outside = transactions("outside")
        own = transactions("recommender")
        self.consumer = Consumer("recommender", own, self.service.handlers, 0.1)
        self.consumer.subscribe()

    def say(self, *facts, now=None):
        """Announce facts in one batch, `now` hours after the start."""
        if now is not None:
            self.clock.observe(at(now))
        with self.outside.begin() as uow:
            for fact in facts:
                uow.emit(fact)
        while self.consumer.handle_waiting():
            pass

    def issued(self):
        with self.outside.read() as connection:
            heard = last_events(
                connection,
                topic=RecommendationsIssued.topic,
                stream=ACCOUNT,
                before=at(100_000),
                limit=10_000,
            )
        return [one for envelope in heard for one in envelope.event.recommendations]

    def count(self, table):
        with self.outside.read() as connection:
            return connection.execute(select(func.count()).select_from(table)).scalar_one()

    def status(self, one):
        return self.ask("GET", f"/recommendations/{one.recommendation_id}").json()["status"]

    def ask(self, method, path, scope="admin", body=None, key=None):
        return asyncio.run(self._ask(method, path, scope, body, key))

    async def _ask(self, method, path, scope, body, key):
        headers = {} if scope is None else {"X-TRADING-API-KEY": KEYS[scope]}
        headers |= {} if key is None else {"Idempotency-Key": key}
        transport = httpx.ASGITransport(app=self.service.api)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://r", headers=headers
        ) as c:
            return await c.request(method, path, json=body)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
def test_a_candle_is_decided_once_signals_and_account_reach_it(engine, order, together):
    desk = Desk(engine)
    facts = [signals(1, 0, BTC=Action.BUY), signals(1, 1, ETH=Action.BUY), marked(1)]
    shuffled = [facts[index] for index in order]
    if together:
        desk.say(*shuffled, now=1)
    else:
        for fact in shuffled:
            desk.say(fact, now=1)
    issued = desk.issued()
    assert sorted(one.symbol for one in issued) == [BTC, ETH]
    assert {one.decided_at for one in issued} == {at(1)}
    assert desk.count(pending_signals) == 0
    with desk.outside.read() as connection:
        causes = select(event_log.c.cause_id).where(event_log.c.producer == "recommender")
        aggregated = select(event_log.c.event_id).where(event_log.c.topic == "signal.aggregated")
        said = set(connection.execute(causes).scalars())
        assert said == set(connection.execute(aggregated).scalars())


def test_nothing_is_decided_on_an_account_that_lags_behind(engine):
    desk = Desk(engine)
    desk.say(marked(1), signals(2), now=2)
    assert desk.issued() == []
    assert desk.count(pending_signals) == 1
    assert Desk(engine).count(pending_signals) == 1
    desk.say(marked(2))
    assert len(desk.issued()) == 1


def test_a_lag_within_what_is_allowed_does_not_hold_up_a_decision(sqlite_engine):
    desk = Desk(sqlite_engine, max_book_age_seconds=3600)
    desk.say(marked(1), signals(2), now=2)
    assert len(desk.issued()) == 1


def test_signals_too_old_to_act_on_are_dropped(engine):
    desk = Desk(engine)
    desk.say(signals(1), now=1)
    desk.say(marked(2), signals(2), now=2)
    assert [one.decided_at for one in desk.issued()] == [at(2)]
    assert desk.count(pending_signals) == 0


def test_a_candle_without_anything_to_propose_says_nothing(sqlite_engine):
    desk = Desk(sqlite_engine)
    desk.say(marked(1), signals(1, BTC=Action.HOLD, ETH=Action.SELL), now=1)
    assert desk.issued() == []


def enter(desk, number=1):
    desk.say(marked(number), signals(number), now=number)
    one = desk.issued()[-1]
    desk.say(OrderSubmitted(order=snapshot(one, OrderStatus.SENDING)))
    desk.say(OrderAccepted(order=snapshot(one, OrderStatus.OPEN)))
    return one


def test_a_trade_from_entry_to_horizon(engine):
    desk = Desk(engine)
    entry = enter(desk)
    assert desk.status(entry) == "submitted"
    desk.say(fill_of(entry, 2), position(BTC, "2", 2), marked(2), signals(2), now=2)
    assert desk.status(entry) == "filled"
    desk.say(marked(3), signals(3), now=3)
    assert len(desk.issued()) == 1
    desk = Desk(engine)
    desk.say(marked(4), signals(4, BTC=Action.HOLD), now=4)
    leaving = desk.issued()[-1]
    assert (leaving.purpose, leaving.exit_reason, leaving.quantity) == ("exit", "horizon", D(2))
    desk.say(marked(5), signals(5, BTC=Action.SELL), now=5)
    assert len(desk.issued()) == 2
    desk.say(OrderSubmitted(order=snapshot(leaving, OrderStatus.SENDING)))
    desk.say(fill_of(leaving, 6), position(BTC, "0", 6), marked(6), signals(6), now=6)
    assert [one.purpose for one in desk.issued()] == ["entry", "exit", "entry"]


def test_an_entry_that_came_to_nothing_frees_the_instrument(engine):
    desk = Desk(engine)
    entry = enter(desk)
    desk.say(marked(2), signals(2), now=2)
    assert len(desk.issued()) == 1
    desk.say(OrderCanceled(order=snapshot(entry, OrderStatus.CANCELED)))
    desk.say(OrderUnknown(order=snapshot(entry, OrderStatus.UNKNOWN)), now=3)
    desk.say(marked(3), signals(3))
    assert len(desk.issued()) == 2
    assert desk.status(entry) == "canceled"


def test_an_order_that_was_absent_and_returns_keeps_the_instrument(engine):
    desk = Desk(engine)
    desk.say(marked(1), signals(1), now=1)
    (entry,) = desk.issued()
    desk.say(OrderUnknown(order=snapshot(entry, OrderStatus.UNKNOWN)))
    desk.say(OrderExpired(order=snapshot(entry, OrderStatus.ABSENT)))
    assert desk.status(entry) == "expired"
    desk.say(OrderAccepted(order=snapshot(entry, OrderStatus.OPEN)))
    assert desk.status(entry) == "submitted"
    desk.say(marked(2), signals(2), now=2)
    assert len(desk.issued()) == 1
    desk.say(OrderCanceled(order=snapshot(entry, OrderStatus.CANCELED)), now=3)
    desk.say(OrderExpired(order=snapshot(entry, OrderStatus.NOT_SENT)))
    assert desk.status(entry) == "canceled"
    desk.say(marked(3), signals(3))
    assert len(desk.issued()) == 2


def test_the_exit_of_a_bracket_says_nothing_of_its_entrys_recommendation(sqlite_engine):
    desk = Desk(sqlite_engine)
    entry = enter(desk)
    leaving = replace(
        snapshot(entry, OrderStatus.REJECTED), client_order_id="x" * 36, purpose=Purpose.EXIT
    )
    desk.say(OrderRejected(order=leaving))
    assert desk.status(entry) == "submitted"


def test_a_denial_frees_the_instrument_and_shows_every_breach(engine):
    desk = Desk(engine)
    desk.say(marked(1), signals(1), now=1)
    (first,) = desk.issued()
    desk.say(marked(2), signals(2), now=2)
    assert len(desk.issued()) == 1
    desk.say(denied(first))
    desk.say(marked(3), signals(3), now=3)
    assert len(desk.issued()) == 2
    shown = desk.ask("GET", f"/recommendations/{first.recommendation_id}", "read").json()
    assert shown["status"] == "denied"
    assert shown["verdict"]["breaches"][0]["check"] == "exposure"
    assert shown["verdict"]["sizing"]["kind"] == "kelly"


def test_the_trading_state_stops_entries_and_an_older_one_is_ignored(engine):
    desk = Desk(engine)

    def state(word, version):
        return TradingStateChanged(
            account=ACCOUNT, state=word, version=version, actor="a", reason="r", changed_at=at(1)
        )

    desk.say(state(TradingState.HALT, 5))
    desk.say(state(TradingState.RUN, 4))
    desk.say(marked(1), signals(1), now=1)
    assert desk.issued() == []
    desk.say(state(TradingState.RUN, 6))
    desk.say(marked(2), signals(2), now=2)
    assert len(desk.issued()) == 1


def story():
    """Return the facts of forty candles as groups, each in the order one run would hear them."""
    actions = (Action.BUY, Action.HOLD, Action.HOLD, Action.SELL, Action.BUY)
    for number in range(1, 41):
        yield (
            number,
            [
                signals(number, 0, BTC=actions[number % 5]),
                signals(number, 1, ETH=actions[(number + 2) % 5]),
            ],
        )


def play(folder, seed):
    import random

    chance = random.Random(seed)
    address = DatabaseAddress(file=folder / f"{seed}.sqlite")
    empty_database(address)
    engine = connect(address)
    desk = Desk(engine)
    answered = 0
    for number, said in story():
        facts = []
        for one in desk.issued()[answered:]:
            answered += 1
            facts += [
                OrderSubmitted(order=snapshot(one, OrderStatus.SENDING)),
                fill_of(one, number),
                position(one.symbol, "2" if one.purpose is Purpose.ENTRY else "0", number),
            ]
        facts.append(marked(number))
        if seed:
            for one in said:
                facts.insert(chance.randrange(len(facts) + 1), one)
        else:
            facts += said
        while facts:
            size = chance.randrange(1, len(facts) + 1) if seed else len(facts)
            desk.say(*facts[:size], now=number)
            facts = facts[size:]
        if seed and number == 20:
            desk = Desk(engine)
    issued = sorted(desk.issued(), key=lambda one: (one.decided_at, one.recommendation_id))
    engine.dispose()
    return issued


@pytest.mark.parametrize("seed", range(1, 7))
def test_neither_order_nor_batches_nor_a_restart_change_what_is_proposed(tmp_path, seed):
    reference = play(tmp_path, 0)
    assert {one.side for one in reference} == {Side.BUY, Side.SELL}
    assert len(reference) > 20
    assert play(tmp_path, seed) == reference


ENTRY = {
    "symbol": BTC,
    "purpose": "entry",
    "price": "100.25",
    "bracket": {"stop_ratio": 0.02, "target_ratio": 0.03, "horizon_candles": 24},
}


def test_a_wish_said_twice_is_one_recommendation(engine):
    desk = Desk(engine)
    desk.clock.observe(at(1))
    first = desk.ask("POST", "/recommendations", "trade", ENTRY, key="wish-0001")
    assert first.status_code == 201
    desk.clock.observe(at(2))
    again = desk.ask("POST", "/recommendations", "trade", ENTRY, key="wish-0001")
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(desk.issued()) == desk.count(trade_recommendations) == 1
    other = desk.ask("POST", "/recommendations", "trade", ENTRY | {"price": "99"}, key="wish-0001")
    assert other.status_code == 422
    assert "Idempotency-Key" in other.text
    second = desk.ask("POST", "/recommendations", "trade", ENTRY, key="wish-0002")
    assert second.status_code == 409


def test_a_position_can_be_left_by_hand(engine):
    desk = Desk(engine)
    entry = enter(desk)
    desk.say(fill_of(entry, 2), position(BTC, "2", 2), now=2)
    body = {"symbol": BTC, "purpose": "exit", "price": "101"}
    too_much = desk.ask(
        "POST", "/recommendations", "trade", body | {"quantity": "3"}, key="wish-000a"
    )
    assert too_much.status_code == 422
    answer = desk.ask("POST", "/recommendations", "trade", body, key="wish-000b").json()
    assert (answer["quantity"], answer["exit_reason"], answer["side"]) == ("2", "manual", "sell")
    assert desk.issued()[-1].quantity == D(2)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"symbol": "NO-SUCH"}, "symbol"),
        ({"purpose": "both"}, "purpose"),
        ({"price": 100.25}, "price"),
        ({"price": "0"}, "price"),
        ({"price": "1000000000000"}, "price"),
        ({"bracket": None}, "bracket"),
        ({"quantity": "1"}, "quantity"),
        ({"unknown": 1}, "unknown"),
        ({"bracket": {"stop_ratio": 1.5, "target_ratio": 1, "horizon_candles": 1}}, "stop_ratio"),
        ({"purpose": "exit"}, "bracket"),
    ],
)
def test_a_wish_that_cannot_be_understood_says_which_field(sqlite_engine, change, field):
    answer = Desk(sqlite_engine).ask(
        "POST", "/recommendations", "trade", ENTRY | change, key="wish-000k"
    )
    assert answer.status_code == 422
    assert answer.json()["reason"] == "bad_input"
    assert field in answer.text


def test_a_wish_needs_a_name_of_its_own(sqlite_engine):
    desk = Desk(sqlite_engine)
    assert desk.ask("POST", "/recommendations", "trade", ENTRY).status_code == 422
    assert desk.ask("POST", "/recommendations", "trade", ENTRY, key="x" * 129).status_code == 422
    assert desk.ask("POST", "/recommendations", "trade", ENTRY, key="x" * 7).status_code == 422


def test_two_accounts_may_choose_the_same_name(engine):
    desk = Desk(engine)
    desk.say(marked(1), now=1)
    assert desk.ask("POST", "/recommendations", "trade", ENTRY, key="wish-0001").status_code == 201
    with desk.outside.begin() as uow:
        mine = uow.connection.execute(select(trade_recommendations)).one()._asdict()
        other = mine | {"recommendation_id": "f" * 36, "account": "another"}
        uow.connection.execute(insert(trade_recommendations), [other])
    assert desk.count(trade_recommendations) == 2


@pytest.mark.parametrize("facts", [("canceled", "filled"), ("filled", "canceled")])
@pytest.mark.parametrize("is_one_batch", [True, False])
def test_a_fill_outranks_the_end_heard_beside_it(sqlite_engine, facts, is_one_batch):
    desk = Desk(sqlite_engine)
    desk.say(marked(1), signals(1), now=1)
    (one,) = desk.issued()
    progress = [
        Progress(recommendation_id=one.recommendation_id, status=RecommendationStatus(fact))
        for fact in facts
    ]
    for batch in [progress] if is_one_batch else [[each] for each in progress]:
        with desk.outside.begin() as uow:
            advance(uow.connection, batch)
    assert desk.ask("GET", "/recommendations").json()["items"][0]["status"] == "filled"


def test_recommendations_are_listed_newest_first_page_by_page(engine):
    desk = Desk(engine)
    for number in range(1, 6):
        desk.say(marked(number), signals(number, BTC=Action.BUY, ETH=Action.BUY), now=number)
        for one in desk.issued()[-2:]:
            desk.say(denied(one))
    seen, cursor = [], ""
    while True:
        page = desk.ask("GET", f"/recommendations?limit=3{cursor}", "read").json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len({one["recommendation_id"] for one in seen}) == len(seen) == 10
    assert [one["decided_at"] for one in seen] == sorted(
        (one["decided_at"] for one in seen), reverse=True
    )
    some = desk.ask("GET", f"/recommendations?status=denied&symbol={ETH}").json()["items"]
    assert len(some) == 5
    assert seen[0]["price"] == "100.5"


@pytest.mark.parametrize(
    ("path", "scope", "status"),
    [
        ("/recommendations", None, 401),
        ("/recommendations/unknown", "read", 404),
        ("/recommendations?symbol=NO-SUCH", "read", 422),
        ("/recommendations?status=lost", "read", 422),
        ("/recommendations?cursor=x", "read", 422),
    ],
)
def test_a_question_that_makes_no_sense_is_a_typed_error(sqlite_engine, path, scope, status):
    answer = Desk(sqlite_engine).ask("GET", path, scope)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_reading_is_not_trading(sqlite_engine):
    answer = Desk(sqlite_engine).ask("POST", "/recommendations", "read", ENTRY, key="wish-000k")
    assert answer.status_code == 403


def test_what_was_issued_is_counted(sqlite_engine):
    desk = Desk(sqlite_engine)
    desk.say(marked(1), signals(1), now=1)
    text = desk.ask("GET", "/metrics", None).text
    assert 'recommendations_total{action="entry"} 1.0' in text
    assert desk.ask("GET", "/health/ready", None).status_code == 200


def test_a_recommendation_shows_what_its_confidence_is_made_of():
    shown = IssuedView.model_validate(RECOMMENDATION).model_dump(mode="json")
    assert shown["edge"]["confidence"] == 0.72
    assert shown["edge"]["factors"] == {
        "coverage": 0.8, "drift": 0.9, "age": 1.0, "live": 1.0, "standing": 1.0,
    }  # fmt: skip
