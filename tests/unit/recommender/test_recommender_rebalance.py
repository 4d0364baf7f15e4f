"""Target weights become recommendations: sales at once, purchases once the sales have ended."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from recommender.app import build
from recommender.core.book import Book, Policy, Position, changed, filled
from recommender.core.exits import recommend_exit
from recommender.core.rebalance import Sale, StepState, due, steps_of
from recommender.core.status import RecommendationStatus
from recommender.settings import RecommenderSettings
from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.history import last_events
from shared.bus.unit_of_work import Transactions
from shared.domain.clock import FollowingClock
from shared.domain.enums import (
    Action,
    ExitReason,
    Interval,
    OrderStatus,
    Purpose,
    Side,
)
from shared.domain.events import (
    EquityMarked,
    OrderCanceled,
    OrderFilled,
    OrderSubmitted,
    PositionChanged,
    PositionMark,
    RebalanceStep,
    RebalanceWanted,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationsIssued,
    SignalsAggregated,
)
from shared.domain.ids import client_order_id
from shared.domain.recommendation import rebalance_recommendation_id
from shared.domain.signal import Signal, signal_id
from shared.domain.verdict import decision_id
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings
from tests.builders import APPROVED, DENIED, FILL, ORDER, PLAN

D = Decimal
START = datetime(2024, 1, 1, tzinfo=UTC)
ACCOUNT = "mock-main"
BTC, ETH = "BTC-USDT", "ETH-USDT"
REBALANCE = "6b7c1d1e-0000-8000-8000-000000000001"
SALE = RebalanceStep(symbol=BTC, side=Side.SELL, quantity=D(1), price=D(100))
PURCHASE = RebalanceStep(symbol=ETH, side=Side.BUY, quantity=D(5), price=D(10))


def at(number):
    return START + number * timedelta(hours=1)


def wanted(*steps, number=1, identity=REBALANCE):
    return RebalanceWanted(
        account=ACCOUNT, rebalance_id=identity, actor="me", interval=Interval.H1,
        wanted_at=at(number), steps=steps,
    )  # fmt: skip


def marked(number, **prices):
    positions = tuple(
        PositionMark(symbol=f"{base}-USDT", quantity=D(1), price=D(price), notional=D(price))
        for base, price in prices.items()
    )
    return EquityMarked(
        account=ACCOUNT, as_of=at(number), equity=D(1000), cash=D(1000), peak_equity=D(1000),
        day_start_equity=D(1000), drawdown_ratio=D(0), realized_pnl=D(0), unrealized_pnl=D(0),
        fees=D(0), positions=positions,
    )  # fmt: skip


def signals(number, price="11", action=Action.HOLD, symbol=ETH):
    one = Signal(
        signal_id=signal_id("combined", symbol, Interval.H1, at(number)), source="combined",
        symbol=symbol, interval=Interval.H1, closed_at=at(number), expires_at=at(number + 1),
        action=action, confidence=0.7, price=D(price), bracket=PLAN,
    )  # fmt: skip
    return SignalsAggregated(
        venue="synthetic", interval=Interval.H1, closed_at=at(number), shard=0, signals=(one,)
    )


def order(one, status, number, filled_quantity="0"):
    decision = decision_id(one.recommendation_id)
    return replace(
        ORDER, client_order_id=client_order_id("mock", ACCOUNT, decision), decision_id=decision,
        recommendation_id=one.recommendation_id, symbol=one.symbol, side=one.side,
        purpose=one.purpose, quantity=one.quantity, filled_quantity=D(filled_quantity),
        status=status, decided_at=one.decided_at, updated_at=at(number), bracket=None,
    )  # fmt: skip


def fill(one, number, quantity=None):
    done = quantity or one.quantity
    ended = order(one, OrderStatus.FILLED, number, done)
    return OrderFilled(
        order=ended,
        fill=replace(
            FILL, trade_id=f"t-{one.recommendation_id}", client_order_id=ended.client_order_id,
            symbol=one.symbol, side=one.side, purpose=one.purpose, quantity=D(done),
            fee=D(0), fee_asset="USDT", filled_at=at(number),
        ),
    )  # fmt: skip


class Desk:
    """A running recommender that can be started again on the same database."""

    def __init__(self, engine, **settings):
        platform = PlatformSettings(market={"instruments": (BTC, ETH)})
        self.clock, bell = FollowingClock(), InProcessDoorbell()
        runtime = Runtime(
            settings=platform, clock=self.clock, doorbell=bell,
            transactions=lambda name: Transactions(engine, self.clock, bell, name),
        )  # fmt: skip
        service = build(RecommenderSettings(**settings), runtime)
        self.outside = runtime.transactions("outside")
        own = runtime.transactions("recommender")
        self.consumer = Consumer("recommender", own, service.handlers, 0.1)
        self.consumer.subscribe()

    def say(self, *facts, now):
        self.clock.observe(at(now))
        with self.outside.begin() as uow:
            for fact in facts:
                uow.emit(fact)
        while self.consumer.handle_waiting():
            pass

    def said(self):
        with self.outside.read() as connection:
            found = last_events(
                connection, topic=RecommendationsIssued.topic, stream=ACCOUNT, before=at(10**5),
                limit=1000,
            )  # fmt: skip
        return [envelope.event for envelope in found]

    def issued(self):
        return [one for fact in self.said() for one in fact.recommendations]


def test_purchases_alone_are_proposed_at_once_with_their_quantity_and_no_bracket(engine):
    desk = Desk(engine)
    desk.say(wanted(PURCHASE), now=1)
    (one,) = desk.issued()
    assert (one.side, one.purpose, one.quantity, one.price) == (Side.BUY, Purpose.ENTRY, 5, 10)
    assert (one.source, one.is_rebalance, one.bracket, one.edge) == ("rebalance", True, None, None)
    assert (one.decided_at, one.expires_at) == (at(1), at(2))
    assert one.recommendation_id == rebalance_recommendation_id(
        ACCOUNT, ETH, Side.BUY, REBALANCE, at(1)
    )
    assert [fact.origin for fact in desk.said()] == [f"rebalance:{REBALANCE}"]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("prices_first", [False, True])
def test_purchases_wait_for_the_sales_beside_them_and_go_by_the_price_then(
    engine, restarts, prices_first
):
    desk = Desk(engine)
    desk.say(wanted(PURCHASE, SALE), now=1)
    (sale,) = desk.issued()
    assert (sale.symbol, sale.purpose, sale.quantity) == (BTC, Purpose.EXIT, D(1))
    assert sale.exit_reason is ExitReason.REBALANCE
    if restarts:
        desk = Desk(engine)
    approved = replace(APPROVED, recommendation_id=sale.recommendation_id)
    desk.say(RecommendationApproved(approved=approved), now=1)
    desk.say(OrderSubmitted(order=order(sale, OrderStatus.SENDING, 1)), marked(1), now=1)
    assert len(desk.issued()) == 1
    after = [marked(2), signals(2)]
    desk.say(fill(sale, 2), *(after[::-1] if prices_first else after), now=2)
    (_, buy) = desk.issued()
    assert (buy.symbol, buy.quantity, buy.price, buy.decided_at) == (ETH, D(5), D(11), at(2))
    assert buy.recommendation_id == rebalance_recommendation_id(
        ACCOUNT, ETH, Side.BUY, REBALANCE, at(1)
    )
    desk.say(marked(3), signals(3), now=3)
    assert len(desk.issued()) == 2


def test_a_mark_older_than_the_sale_does_not_release_what_it_pays_for(sqlite_engine):
    desk = Desk(sqlite_engine)
    desk.say(wanted(PURCHASE, SALE), now=1)
    (sale,) = desk.issued()
    desk.say(fill(sale, 1.5), marked(1, ETH="12"), signals(1), now=1.5)
    assert len(desk.issued()) == 1
    desk.say(marked(2, ETH="12"), now=2)
    assert desk.issued()[-1].price == D(12)


@pytest.mark.parametrize("end", ["denied", "canceled"])
def test_a_sale_that_came_to_nothing_does_not_hold_up_the_rest(sqlite_engine, end):
    desk = Desk(sqlite_engine)
    desk.say(wanted(PURCHASE, SALE), now=1)
    (sale,) = desk.issued()
    denied = replace(DENIED, recommendation_id=sale.recommendation_id)
    fact = (
        RecommendationDenied(denied=denied)
        if end == "denied"
        else OrderCanceled(order=order(sale, OrderStatus.CANCELED, 2))
    )
    desk.say(fact, marked(2, ETH="10"), now=2)
    assert [one.symbol for one in desk.issued()] == [BTC, ETH]


def test_what_waited_too_long_is_proposed_as_of_then_so_that_risk_says_it_has_expired(
    sqlite_engine,
):
    desk = Desk(sqlite_engine, rebalance_wait_candles=2)
    desk.say(wanted(PURCHASE, SALE), now=1)
    (sale,) = desk.issued()
    desk.say(OrderSubmitted(order=order(sale, OrderStatus.SENDING, 1)), now=1)
    desk.say(marked(2, ETH="10"), now=2)
    assert len(desk.issued()) == 1
    desk.say(marked(3, ETH="10"), now=3)
    late = desk.issued()[-1]
    assert (late.symbol, late.decided_at, late.expires_at) == (ETH, at(1), at(2))
    assert len({fact.identity for fact in desk.said()}) == 2


def test_several_rebalancings_are_kept_apart(sqlite_engine):
    desk = Desk(sqlite_engine)
    other = REBALANCE[:-1] + "2"
    desk.say(wanted(PURCHASE, SALE), wanted(PURCHASE, identity=other), now=1)
    assert [one.symbol for one in desk.issued()] == [BTC, ETH]
    assert {fact.origin.split(":")[1] for fact in desk.said()} == {REBALANCE, other}


POLICY = Policy(account=ACCOUNT, interval=Interval.H1, lots={BTC: D("0.001")})


def step(number=1):
    return steps_of(wanted(SALE, PURCHASE, number=number))[1]


def test_a_purchase_waits_while_any_sale_beside_it_has_not_ended():
    ended = Sale(rebalance_id=REBALANCE, status=RecommendationStatus.FILLED, heard_at=at(1))
    working = replace(ended, status=RecommendationStatus.SUBMITTED)
    foreign = replace(working, rebalance_id="another")
    assert step().state is StepState.WAITING
    assert due([step()], [ended, working], at(1), POLICY) == []
    assert due([step()], [ended, foreign], None, POLICY) == []
    (ready,) = due([step()], [ended, foreign], at(1), POLICY)
    assert ready.state is StepState.ISSUED


def signal(number, action=Action.HOLD):
    return signals(number, action=action, symbol=BTC).signals[0]


def proposed(position, number, action=Action.HOLD):
    book = Book(positions={BTC: position})
    one = recommend_exit(signal(number, action), book, POLICY)
    return None if one is None else (one.exit_reason, one.quantity)


def test_neither_horizon_nor_signal_sells_what_target_weights_bought():
    entry = replace(ORDER, decided_at=at(0), bracket=PLAN)
    bought = replace(FILL, quantity=D(1), fee=D(0), fee_asset="USDT", filled_at=at(1))
    held = filled(None, replace(entry, symbol=BTC), replace(bought, symbol=BTC))
    addition = replace(entry, decided_at=at(2), bracket=None)
    held = filled(held, addition, replace(bought, quantity=D(3), filled_at=at(3)))
    assert (held.quantity, held.kept, held.bracketed) == (D(4), D(3), D(1))
    over = PLAN.horizon_candles
    assert held.horizon_at == at(over)
    assert proposed(held, over - 1) is None
    assert proposed(held, over) == (ExitReason.HORIZON, D(1))
    assert proposed(held, 1, Action.SELL) == (ExitReason.OPPOSITE_SIGNAL, D(1))
    leaving = replace(entry, purpose=Purpose.EXIT, side=Side.SELL)
    left = filled(held, leaving, replace(bought, side=Side.SELL, purpose=Purpose.EXIT))
    assert (left.quantity, left.kept) == (D(3), D(3))
    assert proposed(left, over + 9, Action.SELL) is None
    dust = replace(left, quantity=D("3.0004"))
    assert proposed(dust, over + 9, Action.SELL) is None


def test_the_portfolios_figure_bounds_what_is_kept():
    held = Position(symbol=BTC, quantity=D(4), kept=D(3), opened_at=at(1))
    fact = PositionChanged(
        account=ACCOUNT, symbol=BTC, quantity=D(2), average_cost=D(100), realized_pnl=D(0),
        changed_at=at(2), trade_id="t",
    )  # fmt: skip
    assert changed(held, fact) == replace(held, quantity=D(2), kept=D(2))
    assert changed(held, replace(fact, quantity=D(0))) is None
