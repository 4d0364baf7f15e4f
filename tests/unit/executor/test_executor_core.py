"""Planning, matching and brackets, one candle at a time."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from executor.core.book import match_candle
from executor.core.matching import refusal
from executor.core.planning import obstacle
from executor.core.reconciliation import AccountView, DifferenceKind, Traded, compare
from executor.core.steps import Happening
from shared.domain.enums import (
    ExitReason,
    Liquidity,
    OrderStatus,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    TradingState,
)
from shared.domain.ids import ClientOrderId, TradeId
from tests.builders import CLOSED_AT, HOUR, PLAN
from tests.unit.executor.executor_builders import (
    INSTRUMENT,
    LISTING,
    POLICY,
    book_with,
    candle,
    order,
)

D = Decimal
GTC = replace(POLICY, entry_time_in_force=TimeInForce.GTC)


def play(book, *candles, listing=LISTING):
    steps = []
    for one in candles:
        matched = match_candle(book, one, listing)
        book, steps = matched.book, [*steps, *matched.steps]
    return book, steps


def fills(steps):
    return [step.fill for step in steps if step.fill is not None]


def happenings(steps):
    return [(step.state.order.purpose, step.happening) for step in steps]


def entered(**changes):
    book, _ = play(book_with(order(**changes)), candle(1))
    return book


def test_an_entry_fills_at_the_next_open_with_slippage_against_it():
    book, steps = play(book_with(order()), candle(1, 100, high=100.5, low=99.5))
    (fill,) = fills(steps)
    assert fill.price == D("100.05")
    assert fill.reference_price == D(100)
    assert fill.fee == D("0.10005")
    assert fill.filled_at == CLOSED_AT
    assert fill.liquidity is Liquidity.TAKER
    assert book.orders == ()
    assert book.held == D(1)


def test_slippage_is_rounded_against_the_taker():
    listing = replace(LISTING, instrument=replace(INSTRUMENT, tick_size=D("0.1")))
    _, steps = play(book_with(order()), candle(1), listing=listing)
    assert fills(steps)[0].price == D("100.1")


def test_an_order_never_meets_the_candle_it_was_decided_on():
    book = book_with(order())
    assert play(book, candle(0)) == (book, [])


def test_an_entry_beyond_its_limit_is_canceled():
    book, steps = play(book_with(order(limit_price=D(100))), candle(1, 100))
    assert fills(steps) == []
    assert steps[-1].state.status is OrderStatus.CANCELED
    assert "beyond the limit" in steps[-1].state.detail
    assert book.held == 0


def test_an_entry_larger_than_its_share_of_the_volume_fills_in_part():
    book, steps = play(book_with(order()), candle(1, volume="4.567"))
    assert [fill.quantity for fill in fills(steps)] == [D("0.456")]
    assert steps[0].state.status is OrderStatus.PARTIAL
    assert steps[-1].state.status is OrderStatus.CANCELED
    assert book.held == D("0.456")


@pytest.mark.parametrize("nothing", [{"is_filled": True}, {"volume": Decimal(0)}])
def test_a_candle_without_trades_fills_nothing_and_the_entry_waits(nothing):
    wanted = order(expires_at=CLOSED_AT + 3 * HOUR)
    book, steps = play(book_with(wanted), replace(candle(1), **nothing))
    assert steps == []
    book, steps = play(book, candle(2, 99))
    assert fills(steps)[0].reference_price == D(99)


def test_an_entry_does_not_wait_beyond_its_expiry():
    book, steps = play(book_with(order()), candle(1, is_filled=True))
    assert book.orders == ()
    assert "expired" in steps[-1].state.detail


def test_a_resting_entry_is_filled_as_maker_once_its_limit_is_touched():
    wanted = order(policy=GTC, limit_price=D(95))
    book, steps = play(book_with(wanted), candle(1, 100, low=96), candle(2, 100, low=95))
    (fill,) = fills(steps)
    assert (fill.price, fill.reference_price) == (D(95), D(95))
    assert fill.liquidity is Liquidity.MAKER
    assert book.held == D(1)


def test_a_resting_entry_ends_with_the_horizon_of_its_trade():
    wanted = order(policy=GTC, limit_price=D(50))
    hours = (wanted.horizon_at - wanted.decided_at) // HOUR
    waiting = book_with(wanted)
    for hour in (1, hours - 1):
        waiting = match_candle(waiting, candle(hour), LISTING).book
        assert waiting.orders
    for last in (candle(hours), candle(hours, volume=0)):
        ended = match_candle(waiting, last, LISTING)
        assert [step.happening for step in ended.steps] == [Happening.CANCELED]
        assert "horizon" in ended.steps[0].state.detail
        assert not ended.book.orders


def test_what_a_resting_entry_did_not_get_comes_with_later_candles():
    wanted = order(policy=GTC)
    _, steps = play(
        book_with(wanted), candle(1, volume=4), candle(2, volume=4), candle(3, volume=4)
    )
    assert [fill.quantity for fill in fills(steps)] == [D("0.4"), D("0.4"), D("0.2")]
    assert steps[-1].state.status is OrderStatus.FILLED


def test_the_bracket_is_watched_from_the_entry_candle_on():
    book, steps = play(book_with(order()), candle(1, 100, high=101, low=97))
    assert happenings(steps) == [
        (Purpose.ENTRY, Happening.FILLED),
        (Purpose.EXIT, Happening.CLAIMED),
        (Purpose.EXIT, Happening.ACCEPTED),
        (Purpose.EXIT, Happening.FILLED),
    ]
    assert fills(steps)[-1].reference_price == D(98)
    assert fills(steps)[-1].price == D("97.95")
    assert steps[-1].state.order.exit_reason is ExitReason.STOP
    assert book == replace(book, orders=(), holdings=())


def test_the_bracket_hangs_on_the_market_before_slippage():
    _, steps = play(entered(), candle(2, 100, high=102))
    assert fills(steps)[0].reference_price == D(102)
    assert steps[-1].state.order.exit_reason is ExitReason.TARGET


def test_a_gap_through_the_stop_fills_at_the_open():
    _, steps = play(entered(), candle(2, 90, high=99, low=85))
    assert fills(steps)[0].reference_price == D(90)


def test_a_candle_that_touches_both_counts_as_the_stop():
    _, steps = play(entered(), candle(2, 100, high=105, low=95))
    assert fills(steps)[0].reference_price == D(98)


def test_what_a_touched_bracket_cannot_sell_is_sold_at_the_next_open():
    book, steps = play(entered(), candle(2, 100, low=97, volume=4))
    assert [fill.quantity for fill in fills(steps)] == [D("0.4")]
    book, steps = play(book, candle(3, 96, low=90, volume=4), candle(4, 95))
    assert [(fill.quantity, fill.reference_price) for fill in fills(steps)] == [
        (D("0.4"), D(96)),
        (D("0.2"), D(95)),
    ]
    assert book.held == 0
    assert book.orders == ()


def test_a_limit_entry_met_inside_a_candle_can_be_stopped_but_not_paid_there():
    wanted = order(policy=GTC, limit_price=D(95))
    book, steps = play(book_with(wanted), candle(1, 100, high=110, low=94))
    assert book.held == D(1)
    _, steps = play(book_with(wanted), candle(1, 100, high=110, low=90))
    assert steps[-1].state.order.exit_reason is ExitReason.STOP


def test_a_recommended_exit_leaves_at_the_open_before_the_bracket_is_looked_at():
    book = entered().with_order(book_with(order(Side.SELL, 1)).orders[0])
    book, steps = play(book, candle(2, 100, low=90))
    (fill,) = fills(steps)
    assert fill.reference_price == D(100)
    assert steps[0].state.order.exit_reason is ExitReason.HORIZON
    assert book.held == 0


def test_an_exit_that_asks_for_more_sells_only_what_is_held():
    book = entered().with_order(book_with(order(Side.SELL, 1, quantity=D(5))).orders[0])
    book, steps = play(book, candle(2))
    assert [fill.quantity for fill in fills(steps)] == [D(1)]
    assert steps[-1].state.status is OrderStatus.CANCELED
    assert book.orders == ()


def test_an_exit_with_nothing_to_sell_is_canceled():
    book, steps = play(book_with(order(Side.SELL)), candle(1))
    assert [step.happening for step in steps] == [Happening.CANCELED]
    assert book.orders == ()


def test_a_market_exit_under_way_leaves_nothing_for_the_bracket():
    market = replace(POLICY, exit_type=OrderType.MARKET)
    leaving = book_with(order(Side.SELL, 1, policy=market)).orders[0]
    book, steps = play(entered().with_order(leaving), candle(2, 100, low=90, volume=4))
    assert [fill.quantity for fill in fills(steps)] == [D("0.4")]
    assert len(book.orders) == 1


def test_leaving_ends_the_entry_that_is_still_buying():
    wanted = order(policy=GTC)
    book, steps = play(book_with(wanted), candle(1, volume=4), candle(2, 100, low=90, volume=4))
    canceled = [step for step in steps if step.happening is Happening.CANCELED]
    assert [step.state.order.purpose for step in canceled] == [Purpose.ENTRY]
    assert all(state.order.purpose is Purpose.EXIT for state in book.orders)


def test_dust_smaller_than_a_lot_leaves_whole():
    book = entered()
    dust = replace(book.holdings[0], quantity=D("0.0004"))
    exit_ = book_with(order(Side.SELL, 1, quantity=D("0.0004"))).orders[0]
    book, steps = play(replace(book, holdings=(dust,)).with_order(exit_), candle(2))
    assert [fill.quantity for fill in fills(steps)] == [D("0.0004")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": D("0.0005")}, "no multiple"),
        ({"limit_price": D("100.005")}, "no multiple"),
        ({"quantity": D("0.049")}, "below 5"),
        ({"quantity": D(0)}, "positive"),
    ],
)
def test_an_order_outside_the_rules_of_the_venue_is_refused(changes, words):
    assert words in refusal(order(**changes), INSTRUMENT)


def test_an_instrument_the_venue_does_not_know_is_refused():
    assert "not traded" in refusal(order(), None)


def test_an_exit_of_any_size_is_taken():
    assert refusal(order(Side.SELL, quantity=D("0.0004")), INSTRUMENT) is None


@pytest.mark.parametrize(
    ("state", "purpose", "late", "is_free"),
    [
        (TradingState.RUN, Purpose.ENTRY, False, True),
        (TradingState.REDUCE, Purpose.ENTRY, False, False),
        (TradingState.REDUCE, Purpose.EXIT, False, True),
        (TradingState.HALT, Purpose.EXIT, False, False),
        (TradingState.RUN, Purpose.ENTRY, True, False),
    ],
)
def test_halt_stops_everything_reduce_stops_entries_and_time_stops_what_is_late(
    state, purpose, late, is_free
):
    now = CLOSED_AT + (HOUR if late else timedelta(0))
    assert (obstacle(state, purpose, now, CLOSED_AT + HOUR) is None) is is_free


def test_a_plan_keeps_every_term_of_the_approval():
    planned = order()
    assert planned.order_type is OrderType.LIMIT
    assert planned.time_in_force is TimeInForce.IOC
    assert planned.limit_price == D(101)
    assert planned.horizon_at == CLOSED_AT + PLAN.horizon_candles * HOUR
    assert order() == planned
    assert order(hour=1).client_order_id != planned.client_order_id


def traded(quantity, at=CLOSED_AT):
    return Traded(quantity=D(quantity), at=at)


def test_books_that_agree_have_no_differences():
    view = AccountView(
        open_orders={ClientOrderId("a"): D(1)}, trades={TradeId("t"): traded("1.0")},
        balances={"BTC": D(1)},
    )  # fmt: skip
    same = replace(view, trades={TradeId("t"): traded(1)}, balances={"BTC": D("1.00"), "ETH": D(0)})
    assert compare(view, same, CLOSED_AT) == ()


def test_every_kind_of_difference_is_named():
    ours = AccountView(
        open_orders={ClientOrderId("a"): D(1), ClientOrderId("both"): D(1)},
        trades={TradeId("t1"): traded(1), TradeId("t3"): traded(1)},
        balances={"BTC": D(1)},
    )
    theirs = AccountView(
        open_orders={ClientOrderId("b"): D(1), ClientOrderId("both"): D(2)},
        trades={TradeId("t2"): traded(1), TradeId("t3"): traded(2)},
        balances={"BTC": D(2)},
    )
    assert {one.kind for one in compare(ours, theirs, CLOSED_AT)} == set(DifferenceKind)


def test_old_trades_are_compared_only_where_both_sides_show_them():
    old = CLOSED_AT - HOUR
    alone = AccountView(trades={TradeId("t1"): traded(1, old)})
    assert compare(alone, AccountView(), CLOSED_AT) == ()
    assert compare(AccountView(), alone, CLOSED_AT) == ()
    border = AccountView(trades={TradeId("t1"): traded(1)})
    assert compare(alone, border, CLOSED_AT) == ()
    doubled = AccountView(trades={TradeId("t1"): traded(2, old)})
    assert [one.kind for one in compare(border, doubled, CLOSED_AT)] == ["trade_quantity"]
