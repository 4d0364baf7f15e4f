"""Profit by day, week and month, on real databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.periods import (
    MOST_PERIODS,
    PeriodLength,
    Standing,
    back,
    edges,
    end_of,
    floor_of,
    profits,
    start_of,
)
from shared.domain.enums import Side
from shared.domain.errors import BadInput
from tests.unit.portfolio.test_portfolio_service import Desk, candles, filled, reconciled

D = Decimal
LENGTHS = list(PeriodLength)
CENTURY = (946_684_800, 4_102_444_800)
instants = st.integers(*CENTURY).map(lambda second: datetime.fromtimestamp(second, UTC))


@given(instants, st.sampled_from(LENGTHS))
def test_every_instant_lies_in_one_period(at, by):
    start = start_of(by, at)
    assert start < at <= end_of(by, start)
    assert floor_of(by, at) in (start, at)
    assert start_of(by, end_of(by, start)) == start


@given(instants, st.sampled_from(LENGTHS), st.integers(1, 40))
def test_counting_back_gives_that_many_periods(at, by, count):
    assert len(edges(by, back(by, at, count), at)) == count + 1


def test_a_week_begins_on_monday_and_midnight_ends_a_day():
    monday = datetime(2024, 1, 1, tzinfo=UTC)
    assert monday.weekday() == 0
    assert start_of(PeriodLength.WEEK, monday) == monday - timedelta(days=7)
    assert start_of(PeriodLength.DAY, monday) == monday - timedelta(days=1)
    assert start_of(PeriodLength.DAY, monday + timedelta(seconds=1)) == monday
    assert end_of(PeriodLength.MONTH, datetime(2024, 2, 1, tzinfo=UTC)).day == 1


def test_too_many_periods_are_refused():
    with pytest.raises(BadInput, match="more than 1000 days"):
        edges(PeriodLength.DAY, datetime(2000, 1, 1, tzinfo=UTC), datetime(2010, 1, 1, tzinfo=UTC))
    long = edges(
        PeriodLength.DAY,
        datetime(2000, 1, 1, tzinfo=UTC),
        datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=MOST_PERIODS),
    )
    assert len(long) == MOST_PERIODS + 1


def standing(day, equity, contributed=1000, realized=0, fees=0):
    return Standing(
        as_of=datetime(2024, 1, day, tzinfo=UTC),
        equity=D(equity),
        contributed=D(contributed),
        realized_pnl=D(realized),
        fees=D(fees),
    )


def test_what_is_paid_in_is_no_gain():
    stood = [standing(1, 1000), standing(2, 1610, 1500, 60, 1), standing(3, 0, -110, 60, 1)]
    closed = [one.as_of - timedelta(hours=1) for one in stood]
    first, second = profits(stood, [one.as_of for one in stood], closed)
    assert (first.gain, first.paid_in, first.realized_pnl, first.fees) == (110, 500, 60, 1)
    assert first.return_ratio == D("0.088")  # 110 of 1000 and half of 500
    assert (second.gain, second.paid_in, second.trades) == (0, -1610, 1)
    (nothing,) = profits(
        [standing(1, 0, 0), standing(2, 0, 0)], [one.as_of for one in stood[:2]], []
    )
    assert nothing.return_ratio is None


def three_days(desk):
    """Buy on the first day, sell on the second, buy again on the third."""
    story = {
        1: ("100", ("t1", Side.BUY, "10", "100")),
        24: ("110", None),
        25: ("115", ("t2", Side.SELL, "10", "120")),
        48: ("90", None),
        49: ("90", ("t3", Side.BUY, "1", "90")),
        60: ("80", None),
    }
    for hour, (price, trade) in story.items():
        desk.say(candles(hour, BTC=price, ETH="10"))
        facts = [] if trade is None else [filled(*trade, hour)]
        desk.say(*facts, reconciled(hour))


def test_each_day_has_its_own_profit(engine):
    desk = Desk(engine)
    three_days(desk)
    first, second, third = desk.http.get("/profit/periods?by=day").json()
    assert (first["start"], first["end"]) == ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z")
    assert (first["equity_start"], first["equity_end"]) == ("10000", "10099.9")
    assert (first["gain"], first["trades"], first["fees"]) == ("99.9", 0, "0.1")
    assert (second["realized_pnl"], second["trades"]) == ("199.8", 1)
    assert second["equity_start"] == first["equity_end"]
    assert (third["gain"], third["trades"], third["realized_pnl"]) == ("-10.1", 0, "0")
    (month,) = desk.http.get("/profit/periods?by=month").json()
    (week,) = desk.http.get("/profit/periods?by=week").json()
    assert (month["gain"], week["gain"], month["trades"]) == ("189.7", "189.7", 1)
    assert month["return_ratio"] == "0.01897"


def test_a_time_can_be_asked_for(sqlite_engine):
    desk = Desk(sqlite_engine)
    three_days(desk)
    one = desk.http.get("/profit/periods?from=2024-01-02T00:00:00Z&to=2024-01-03T00:00:00Z").json()
    assert [period["realized_pnl"] for period in one] == ["199.8"]
    part = desk.http.get("/profit/periods?by=month&to=2024-01-02T01:00:00Z").json()
    assert [period["end"] for period in part] == ["2024-01-02T01:00:00Z"]
    assert part[0]["trades"] == 1
    assert desk.http.get("/profit/periods?from=2030-01-01T00:00:00Z").json() == []
    far = desk.http.get("/profit/periods?to=2000-01-01T00:00:00Z")
    assert far.json() == []
    assert desk.http.get("/profit/periods?by=year").status_code == 422


def test_before_the_first_mark_there_is_no_period(sqlite_engine):
    desk = Desk(sqlite_engine)
    assert desk.http.get("/profit/periods").json() == []
    desk.say(replace(candles(1, BTC="100", ETH="10")), reconciled(1))
    (only,) = desk.http.get("/profit/periods").json()
    assert (only["gain"], only["return_ratio"], only["equity_start"]) == ("0", "0", "10000")
