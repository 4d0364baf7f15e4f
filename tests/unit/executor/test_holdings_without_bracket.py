"""What target weights buy has no bracket: it stays until somebody sells it, beside what has one."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from executor.core.book import InstrumentBook, match_candle
from executor.core.holdings import Holding
from executor.core.planning import plan
from executor.core.protecting import is_locked_up, protect
from shared.domain.enums import ExitReason, OrderType, Side, TimeInForce
from shared.domain.verdict import TARGET_WEIGHT, decision_id
from tests.builders import SIZING
from tests.unit.executor.executor_builders import (
    LISTING,
    POLICY,
    approval,
    book_with,
    candle,
    order,
)
from tests.unit.executor.test_protecting import GUARD, NOW, RULES, tick, working

D = Decimal
CALM = {"high": 101, "low": 99}


def kept(hour=0, quantity="1", **changes):
    identity = decision_id(f"kept-{hour}")
    return order(hour=hour, bracket=None, quantity=D(quantity), decision_id=identity, **changes)


def play(book, *candles):
    steps = []
    for one in candles:
        matched = match_candle(book, one, LISTING)
        book, steps = matched.book, [*steps, *matched.steps]
    return book, [step.fill for step in steps if step.fill is not None]


@pytest.mark.parametrize(
    "policy",
    [
        replace(POLICY, entry_time_in_force=TimeInForce.GTC),
        replace(POLICY, entry_time_in_force=TimeInForce.GTC, is_post_only=True),
    ],
)
def test_an_entry_of_a_target_weight_never_waits_since_nothing_would_end_its_wait(policy):
    sizing = replace(SIZING, kind=TARGET_WEIGHT)
    one = plan(approval(bracket=None, sizing=sizing), policy)
    assert (one.time_in_force, one.is_post_only) == (TimeInForce.IOC, False)
    assert (one.bracket, one.horizon_at) == (None, None)
    waiting = plan(approval(), policy)
    assert (waiting.time_in_force, waiting.is_post_only) == (TimeInForce.GTC, policy.is_post_only)


def test_it_stays_through_any_market_and_any_time():
    book, bought = play(book_with(kept()), candle(1))
    book, sold = play(
        book, candle(2, low=50), candle(3, high=200), candle(30, **CALM), candle(500, **CALM)
    )
    assert (len(bought), sold) == (1, [])
    assert book.held == D(1)


def test_a_touched_stop_sells_its_own_part_and_leaves_the_other():
    book, _ = play(book_with(order(), kept(quantity="2")), candle(1))
    book, sold = play(book, candle(2, low=90))
    assert [(one.quantity, one.side) for one in sold] == [(D(1), Side.SELL)]
    assert [(one.quantity, one.bracket) for one in book.holdings] == [(D(2), None)]


def test_a_part_sold_comes_from_what_has_a_bracket_and_the_rest_of_it_keeps_its_own():
    book, _ = play(book_with(kept(quantity="2"), order()), candle(1))
    leaving = order(Side.SELL, 1, quantity=D("0.4"), exit_reason=ExitReason.REBALANCE)
    for state in book_with(leaving).orders:
        book = book.with_order(state)
    book, _ = play(book, candle(2, **CALM))
    left = {one.bracket is None: one.quantity for one in book.holdings}
    assert left == {True: D(2), False: D("0.6")}
    book, sold = play(book, candle(3, low=90))
    assert [one.quantity for one in sold] == [D("0.6")]
    assert book.held == D(2)


def test_a_sale_of_more_than_has_a_bracket_takes_the_rest_from_what_has_none():
    book, _ = play(book_with(kept(quantity="2"), order()), candle(1))
    for state in book_with(order(Side.SELL, 1, quantity=D("1.5"))).orders:
        book = book.with_order(state)
    book, sold = play(book, candle(2, **CALM))
    assert [one.quantity for one in sold] == [D("1.5")]
    assert [(one.quantity, one.bracket) for one in book.holdings] == [(D("1.5"), None)]


def at_venue(*orders):
    """One with a bracket and one without, held at a venue with stops of its own."""
    first, second = order(), kept(hour=-1, quantity="2")
    holdings = (
        Holding(entry=second, quantity=D(2), anchor_price=D(100)),
        Holding(entry=first, quantity=D(1), anchor_price=D(100)),
    )
    return InstrumentBook(orders=orders, holdings=holdings)


def test_only_what_has_a_bracket_gets_a_stop_at_the_venue():
    (stop,) = protect(at_venue(), tick(100), GUARD).orders
    assert (stop.quantity, stop.order_type) == (D(1), OrderType.STOP_LIMIT)
    alone = InstrumentBook(holdings=at_venue().holdings[:1])
    for bid in (1, 100, 1_000):
        assert protect(alone, tick(bid, at=NOW + timedelta(days=900)), GUARD).orders == ()


def test_a_part_leaving_takes_the_stop_away_and_the_rest_gets_one_again():
    (stop,) = protect(at_venue(), tick(100), GUARD).orders
    resting = working(stop)
    leaving = working(order(Side.SELL, quantity=D("0.4"), exit_reason=ExitReason.REBALANCE))
    book = at_venue(resting, leaving)
    assert is_locked_up(book, leaving.order, RULES.instrument.lot_size)
    assert [one.order for one in protect(book, tick(100), GUARD).to_cancel] == [stop]
    kept_one, own = at_venue().holdings
    after = InstrumentBook(holdings=(kept_one, replace(own, quantity=D("0.6"))))
    (again,) = protect(after, tick(100), GUARD).orders
    assert again.quantity == D("0.6")
