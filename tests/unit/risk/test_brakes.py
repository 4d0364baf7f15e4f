"""What stops entries unasked, and what a file may ask for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.core.book import book_of
from risk.core.brakes import BRAKES, Feed, brake
from risk.core.conduct import Conduct
from risk.core.limits import RiskLimits
from risk.core.state_file import wish_of
from risk.core.trading_state import day_loss_ratio, is_tighter, permits
from shared.domain.enums import Interval, TradingState
from tests.builders import EQUITY

D = Decimal
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LIMITS = RiskLimits()
WELL = replace(book_of(EQUITY), equity=D(10_000), peak_equity=D(10_000), day_start_equity=D(10_000))
MONEY = st.decimals(min_value=0, max_value=10**9, places=8)


def feed(silent, interval=Interval.M1):
    return Feed(interval=interval, last_at=NOW - timedelta(seconds=silent), now=NOW)


def test_an_account_that_is_well_is_left_alone():
    assert brake(WELL, LIMITS, feed(59)) is None


@pytest.mark.parametrize(
    ("changes", "silent", "says"),
    [
        ({"equity": D(8_000), "day_start_equity": D(8_000)}, 0, "drawdown 0.2 reached"),
        ({"equity": D(9_000)}, 0, "day loss 0.1 reached"),
        ({"conduct": Conduct(ended=10, failed=5)}, 0, "5 of 10 orders failed within 600 s"),
        ({}, 301, "no candle since 2026-01-05 11:54:59 UTC"),
    ],
)
def test_each_brake_is_pulled_at_its_limit_and_says_why(changes, silent, says):
    assert brake(replace(WELL, **changes), LIMITS, feed(silent)).startswith(says)


@pytest.mark.parametrize(
    ("changes", "silent"),
    [
        ({"equity": D("8000.01"), "day_start_equity": D(8_100)}, 0),
        ({"equity": D("9000.01")}, 0),
        ({"conduct": Conduct(ended=9, failed=9)}, 0),  # too few to say anything
        ({"conduct": Conduct(ended=11, failed=5)}, 0),
        ({}, 300),
    ],
)
def test_just_short_of_a_limit_nothing_is_pulled(changes, silent):
    assert brake(replace(WELL, **changes), LIMITS, feed(silent)) is None


def test_every_reason_is_told_not_only_the_first():
    broken = replace(WELL, equity=D(7_000), conduct=Conduct(ended=20, failed=20))
    told = brake(broken, LIMITS, feed(9_999)).split("; ")
    assert len(told) == len(BRAKES)


def test_where_the_clock_follows_the_candles_none_can_be_late():
    assert brake(WELL, LIMITS, None) is None


@pytest.mark.parametrize("state", [TradingState.REDUCE, TradingState.HALT])
def test_what_does_not_run_is_not_braked(state):
    assert brake(replace(WELL, equity=D(1), state=state), LIMITS, feed(9_999)) is None


@given(MONEY, MONEY)
def test_the_loss_of_a_day_is_a_share_and_gains_are_none(start, equity):
    lost = day_loss_ratio(replace(WELL, day_start_equity=start, equity=equity))
    assert 0 <= lost <= 1
    if equity >= start:
        assert lost == 0


@given(MONEY, MONEY, MONEY)
def test_who_has_less_is_braked_no_less(first, second, start):
    poorer, richer = sorted((first, second))
    at_start = replace(WELL, day_start_equity=start, peak_equity=max(start, richer))
    if brake(replace(at_start, equity=richer), LIMITS) is not None:
        assert brake(replace(at_start, equity=poorer), LIMITS) is not None


@given(st.sampled_from(TradingState), st.sampled_from(TradingState))
def test_a_tighter_state_permits_less(one, other):
    if is_tighter(one, other):
        assert not is_tighter(other, one)
        for reduce_only in (True, False):
            assert permits(other, reduce_only=reduce_only) >= permits(one, reduce_only=reduce_only)


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        ("halt\n", TradingState.HALT, "it says halt"),
        ("  REDUCE  the   venue is\n slow ", TradingState.REDUCE, "the venue is slow"),
        ("run", TradingState.RUN, "it says run"),
        ("halt: maintenance", TradingState.HALT, "maintenance"),
        ("\n\nhalt", TradingState.HALT, "it says halt"),
    ],
)
def test_a_file_says_one_word_and_why(text, state, reason):
    wish = wish_of(text)
    assert (wish.state, wish.reason, wish.is_clear) == (state, reason, True)


@pytest.mark.parametrize(
    "text", ["", " \n", "stop", "halted", "state: halt", "\x00", "rün", "haltreduce"]
)
def test_what_cannot_be_understood_means_reduce(text):
    wish = wish_of(text)
    assert (wish.state, wish.is_clear) == (TradingState.REDUCE, False)


@given(st.text())
def test_no_text_is_too_strange_for_a_state(text):
    wish = wish_of(text)
    assert wish.state in TradingState
    assert wish.reason
