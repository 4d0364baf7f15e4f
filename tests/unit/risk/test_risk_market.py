"""What risk reads from closes: last trade, volatility, correlation; and the checks that go by it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.market import Market as Candles
from backtest.surroundings import Tapes
from models.dataset import CandleArrays
from risk.core.book import Book
from risk.core.checks import ON_EXITS, ON_WISHES
from risk.core.conduct import ClosedTrip, Conduct, Outcome, conduct_of, heard
from risk.core.conduct_checks import failure_ratio, loss_streak
from risk.core.limits import RiskLimits
from risk.core.market import Market, Markets, Quote, markets_of
from risk.core.market_checks import market_age, price_collar, quote_age, spread, volatility
from risk.core.proposal import Proposal
from risk.core.tape import KEPT, RECENT, RETURNS, Tape, follow, volatility_ratio
from shared.domain.enums import Interval, OrderStatus
from tests.builders import BTC, CANDLE, CLOSED_AT, HOUR, ORDER, RECOMMENDATION, SIZING, markets

D = Decimal
LIMITS = RiskLimits()
PRICE = RECOMMENDATION.price


def candle(number, close="100", symbol=BTC, is_filled=False):
    closed_at = CLOSED_AT + number * HOUR
    return replace(
        CANDLE, symbol=symbol, open_at=closed_at - HOUR, closed_at=closed_at, close=D(close),
        is_filled=is_filled,
    )  # fmt: skip


def told(*candles):
    tape = None
    for one in candles:
        tape = follow(tape, one, HOUR)
    return tape


def tape_of(closes, symbol=BTC, number=0):
    closed_at = CLOSED_AT + number * HOUR
    return Tape(
        symbol=symbol, closed_at=closed_at, closes=tuple(closes), price=D(str(closes[-1])),
        traded_at=closed_at,
    )  # fmt: skip


def walk(seed, count=KEPT, scale=0.01):
    return (100 * np.cumprod(1 + np.random.default_rng(seed).normal(0, scale, count))).tolist()


# the tape


def test_a_tape_begins_with_the_first_candle_that_was_traded_in():
    assert told(candle(0, is_filled=True)) is None
    assert told(candle(0, is_filled=True), candle(1, "101")).closes == (101.0,)


def test_a_candle_that_bridges_a_gap_repeats_the_close_and_is_no_trade():
    tape = told(candle(0, "101"), candle(1, "101", is_filled=True))
    assert (tape.price, tape.traded_at) == (D(101), CLOSED_AT)
    assert tape.closed_at == CLOSED_AT + HOUR
    assert tape.closes == (101.0, 101.0)


def test_hours_without_a_candle_repeat_the_close_before_them():
    assert told(candle(0, "101"), candle(3, "104")).closes == (101.0, 101.0, 101.0, 104.0)


def test_a_candle_heard_again_or_late_changes_nothing():
    tape = told(candle(0, "100"), candle(1, "101"))
    assert follow(tape, candle(1, "999"), HOUR) is tape
    assert follow(tape, candle(0, "999"), HOUR) is tape


def test_a_tape_keeps_what_is_needed_and_no_more():
    tape = told(*(candle(number, str(100 + number)) for number in range(KEPT + 9)))
    assert len(tape.closes) == KEPT
    assert tape.closes[-1] == 100.0 + KEPT + 8
    assert len(told(candle(0), candle(100_000)).closes) == KEPT


# volatility and correlation


def test_nothing_is_said_of_volatility_before_enough_is_known():
    assert volatility_ratio(walk(1, KEPT - 1)) is None
    assert volatility_ratio([100.0] * KEPT) is None


@given(st.integers(0, 10**6), st.floats(0.1, 20.0))
def test_volatility_is_what_a_plain_loop_computes(seed, factor):
    closes = walk(seed, KEPT - RECENT)
    moves = np.random.default_rng(seed + 1).normal(0, 0.01 * factor, RECENT)
    for move in moves:
        closes.append(closes[-1] * (1 + move))
    returns = [after / before - 1 for before, after in pairwise(closes)]
    usual = sum(one * one for one in returns[:RETURNS]) / RETURNS
    recent = sum(one * one for one in returns[RETURNS:]) / RECENT
    assert volatility_ratio(closes) == pytest.approx((recent / usual) ** 0.5, rel=1e-9)


def test_an_instrument_that_never_moved_and_now_does_is_infinitely_more_volatile():
    assert volatility_ratio([100.0] * (KEPT - 1) + [101.0]) == float("inf")


def correlation(one, other):
    found = markets_of([tape_of(one, "A-B"), tape_of(other, "C-D")], HOUR).correlations
    return found.get(frozenset(("A-B", "C-D")))


@given(st.integers(0, 10**6), st.integers(2, 9))
@settings(max_examples=30)
def test_correlations_are_those_of_numpy_and_whoever_else_is_asked_for_changes_no_digit(seed, n):
    closes = [walk(seed + number) for number in range(n)]
    names = [f"C{number}-USDT" for number in range(n)]
    tapes = [tape_of(one, name) for one, name in zip(closes, names, strict=True)]
    found = markets_of(tapes, HOUR).correlations
    moves = np.array([np.diff(one[-RETURNS - 1 :]) / one[-RETURNS - 1 : -1] for one in closes])
    expected = np.corrcoef(moves)
    assert len(found) == n * (n - 1) // 2 == len(list(found))
    for place, one in enumerate(names):
        for other_place, other in enumerate(names[:place]):
            known = found[frozenset((one, other))]
            assert known == pytest.approx(expected[place, other_place], abs=1e-9)
            assert found.between(one, other) == found.between(other, one) == known
            pair = markets_of([tapes[place], tapes[other_place]], HOUR).correlations
            assert pair[frozenset((one, other))] == known


def test_what_moves_together_correlates_fully_and_what_moves_apart_never_beyond_minus_one():
    one = walk(3)
    mirrored = [10_000 / close for close in one]
    assert correlation(one, one) == 1.0
    assert -1.0 <= correlation(one, mirrored) < -0.99


def test_of_what_has_not_moved_or_is_not_known_long_enough_no_correlation_is_known():
    assert correlation(walk(1), [100.0] * KEPT) is None
    assert correlation(walk(1), walk(2, RETURNS)) is None
    assert correlation(walk(1, RETURNS + 1), walk(2, RETURNS + 1)) is not None


def test_instruments_whose_last_candles_differ_are_compared_at_the_same_hours():
    closes = walk(1, KEPT + 1)
    ahead, behind = tape_of(closes[-KEPT:], "A-B", 1), tape_of(closes[-KEPT - 1 : -1], "C-D", 0)
    carried = tape_of([*closes[-KEPT:-1], closes[-2]], "C-D", 1)
    pair = frozenset(("A-B", "C-D"))
    assert (
        markets_of([ahead, behind], HOUR).correlations[pair]
        == markets_of([ahead, carried], HOUR).correlations[pair]
        > 0.9
    )


# what a backtest knows is what the service has kept


@given(st.data())
@settings(max_examples=60)
def test_a_backtest_reads_from_its_arrays_what_the_service_has_kept(data):
    count = data.draw(st.integers(1, 260))
    kinds = data.draw(
        st.lists(st.sampled_from("ccccccccfg"), min_size=count, max_size=count), label="kinds"
    )
    places = [place for place, kind in enumerate(kinds) if kind != "g"]
    if not places:
        return
    closes = walk(data.draw(st.integers(0, 999)), count)
    seconds = np.array([int((CLOSED_AT + place * HOUR).timestamp()) for place in places])
    prices = np.array([[closes[place]] * 4 + [1.0] for place in places])
    filled = np.array([kinds[place] == "f" for place in places])
    arrays = CandleArrays(symbol=BTC, closed_at=seconds, ohlcv=prices, is_filled=filled)
    other = CandleArrays(
        symbol="ETH-USDT",
        closed_at=np.array([int((CLOSED_AT + place * HOUR).timestamp()) for place in range(count)]),
        ohlcv=np.full((count, 5), 100.0),
        is_filled=np.zeros(count, dtype=np.bool_),
    )
    tapes = Tapes(Candles({BTC: arrays, "ETH-USDT": other}, Interval.H1))
    kept = None
    for place in range(count):
        if kinds[place] != "g":
            one = candle(place, repr(closes[place]), is_filled=kinds[place] == "f")
            kept = follow(kept, one, HOUR)
        read = tapes.tape(BTC, CLOSED_AT + place * HOUR)
        if kept is None:
            assert read is None
            continue
        assert list(read.closes) == list(kept.closes)
        assert replace(read, closes=()) == replace(kept, closes=())


# the checks


def proposal(now=CLOSED_AT, **changes):
    return Proposal(
        recommendation=replace(RECOMMENDATION, **changes), instrument=None, sizing=SIZING, now=now
    )


def book(known: Markets | None = None, conduct: Conduct | None = None):
    return Book(
        as_of=CLOSED_AT, equity=D(10_000), cash=D(10_000), peak_equity=D(10_000),
        day_start_equity=D(10_000), markets=known or markets([BTC], str(PRICE)),
        conduct=conduct or Conduct(),
    )  # fmt: skip


def market(quote=None, **changes):
    one = Market(symbol=BTC, price=PRICE, traded_at=CLOSED_AT, quote=quote)
    return Markets(by_symbol={BTC: replace(one, **changes)}, needs_quotes=True)


def quote(bid, ask, age=0.0):
    return Quote(bid=D(bid), ask=D(ask), seen_at=CLOSED_AT - timedelta(seconds=age))


def test_an_entry_where_nothing_is_known_of_the_market_is_refused_and_told_so():
    found = market_age(proposal(), book(Markets()), LIMITS)
    assert (found.check, found.value) == ("market_age", "no candle heard yet")
    assert "market_data" in found.remedy


@pytest.mark.parametrize(("hours", "is_refused"), [(0, False), (2, False), (2.01, True)])
def test_a_last_trade_older_than_two_candles_is_stale(hours, is_refused):
    found = market_age(proposal(now=CLOSED_AT + hours * HOUR), book(), LIMITS)
    assert (found is not None) == is_refused
    if found:
        assert (found.limit, found.value) == ("7200 s", "7236 s")


@pytest.mark.parametrize(("factor", "is_refused"), [
    ("1", False), ("1.02", False), ("0.98", False), ("1.0201", True), ("0.9799", True),
])  # fmt: skip
def test_a_price_is_held_to_the_last_trade(factor, is_refused):
    found = price_collar(proposal(price=PRICE * D(factor)), book(), LIMITS)
    assert (found is not None) == is_refused
    if found:
        assert found.limit == "200 bps"
        assert "201 bps off the last trade at 42050.25" in found.value


def test_a_price_is_held_to_the_middle_of_the_best_prices_as_well():
    moved = book(market(quote("43500", "43510")))
    found = price_collar(proposal(), moved, LIMITS)
    assert "off the middle of the best prices at 43505" in found.value
    silent = replace(moved, markets=replace(moved.markets, needs_quotes=False))
    assert price_collar(proposal(), silent, LIMITS) is None


@pytest.mark.parametrize("price", ["9e300", "1e-300", "0"])
def test_no_price_breaks_the_collar(price):
    found = price_collar(proposal(price=D(price)), book(), LIMITS)
    assert found is None if price == "0" else len(found.value) < 80


def test_without_best_prices_where_a_venue_has_them_nothing_is_entered():
    assert quote_age(proposal(), book(), LIMITS) is None  # nobody has any to tell
    found = quote_age(proposal(), book(market()), LIMITS)
    assert found.value == "no best prices seen yet"
    found = quote_age(proposal(), book(Markets(needs_quotes=True)), LIMITS)
    assert found.value == "no best prices seen yet"


@pytest.mark.parametrize(("age", "is_refused"), [(0, False), (60, False), (60.5, True)])
def test_best_prices_grow_old(age, is_refused):
    found = quote_age(proposal(), book(market(quote("100", "101", age))), LIMITS)
    assert (found is not None) == is_refused
    if found:
        assert (found.limit, found.value) == ("60 s", "60.5 s")


@pytest.mark.parametrize(("ask", "is_refused"), [("100", False), ("101", False), ("101.02", True)])
def test_a_wide_spread_is_refused(ask, is_refused):
    found = spread(proposal(), book(market(quote("100", ask))), LIMITS)
    assert (found is not None) == is_refused
    if found:
        assert found.value.startswith("101.4")


@pytest.mark.parametrize(("ratio", "is_refused"), [
    (None, False), (1.0, False), (4.99, False), (5.0, True), (float("inf"), True),
])  # fmt: skip
def test_an_instrument_that_moves_much_more_than_usual_pauses(ratio, is_refused):
    found = volatility(proposal(), book(market(volatility_ratio=ratio)), LIMITS)
    assert (found is not None) == is_refused


@pytest.mark.parametrize(("losses", "seconds", "is_refused"), [
    (7, 0, False), (8, 0, True), (9, 3599, True), (9, 3600, False),
])  # fmt: skip
def test_losses_in_a_row_begin_a_pause(losses, seconds, is_refused):
    conduct = Conduct(losses_in_row=losses, lost_at=CLOSED_AT)
    asked = proposal(now=CLOSED_AT + timedelta(seconds=seconds))
    found = loss_streak(asked, book(conduct=conduct), LIMITS)
    assert (found is not None) == is_refused
    if found:
        assert "2024-01-01T13:00:00" in found.remedy


@pytest.mark.parametrize(("failed", "ended", "is_refused"), [
    (0, 0, False), (9, 9, False), (4, 10, False), (5, 10, True), (10, 10, True),
])  # fmt: skip
def test_too_many_failures_stop_entries_once_there_are_enough_to_tell(failed, ended, is_refused):
    conduct = Conduct(failed=failed, ended=ended)
    found = failure_ratio(proposal(), book(conduct=conduct), LIMITS)
    assert (found is not None) == is_refused


NEW_CHECKS = {
    market_age, price_collar, quote_age, spread, volatility, loss_streak, failure_ratio,
}  # fmt: skip


def test_every_one_of_them_binds_entries_and_none_an_exit():
    assert set(ON_WISHES) >= NEW_CHECKS
    assert not set(ON_EXITS) & NEW_CHECKS


# conduct


def trip(number, pnl):
    return ClosedTrip(trip_id=f"t{number}", closed_at=CLOSED_AT + number * HOUR, pnl=D(pnl))


@given(st.lists(st.integers(-2, 2), max_size=30))
def test_losses_are_counted_back_to_the_last_win(results):
    newest_first = [trip(number, pnl) for number, pnl in enumerate(results)][::-1]
    found = conduct_of(newest_first, {})
    since = results[max((n for n, pnl in enumerate(results) if pnl > 0), default=-1) + 1 :]
    assert found.losses_in_row == sum(pnl < 0 for pnl in since)
    lost = [one.closed_at for one in newest_first if one.pnl < 0]
    assert found.lost_at == (lost[0] if found.losses_in_row else None)


def test_an_order_counts_as_it_stands_by_its_latest_fact_in_whatever_order_they_come():
    doubtful = heard(None, replace(ORDER, status=OrderStatus.UNKNOWN))
    found = heard(doubtful, replace(ORDER, status=OrderStatus.FILLED, filled_quantity=D(1)))
    assert heard(found, replace(ORDER, status=OrderStatus.UNKNOWN)) is found
    assert found.status is OrderStatus.FILLED
    assert isinstance(found, Outcome)


def test_what_still_waits_says_nothing_and_what_is_in_doubt_counts_as_failed():
    counts = dict.fromkeys(OrderStatus, 1)
    found = conduct_of([], counts)
    ended = [one for one in OrderStatus if one.is_terminal]
    assert found.ended == len(ended) + 1
    assert found.failed == 4
