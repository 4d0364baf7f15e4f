"""What is wrong with recorded candles is named by row, and repaired only by a stated rule."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.core.aggregate import aggregate
from market_data.core.candles import RawRows
from market_data.core.findings import Kind
from market_data.core.integrity import OnConflict, RepairPolicy, inspect, of_another_interval
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.values import exact, to_decimal

BTC = Symbol("BTC-USDT")
START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
GOOD = (100.0, 110.0, 90.0, 105.0, 3.0)


def rows(*hours, values=None, lossy=()):
    ohlcv = np.array(
        [(values or {}).get(place, GOOD) for place in range(len(hours))], dtype=np.float64
    )
    open_at = np.array([START + int(hour * 3600) for hour in hours], dtype=np.int64)
    return RawRows(source_format="test", open_at=open_at, ohlcv=ohlcv.reshape(-1, 5), lossy=lossy)


def found(raw, **policy):
    return inspect(raw, BTC, Interval.H1, RepairPolicy(**policy))


def kinds(inspection):
    return [(finding.kind, finding.row) for finding in inspection.findings]


def test_good_candles_pass_untouched():
    inspection = found(rows(0, 1, 2))
    assert kinds(inspection) == []
    assert inspection.series.candle(1).closed_at == datetime(2024, 1, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((0.0, 110.0, 0.0, 105.0, 3.0), Kind.BAD_PRICE),
        ((100.0, 110.0, -1.0, 105.0, 3.0), Kind.BAD_PRICE),
        ((100.0, float("nan"), 90.0, 105.0, 3.0), Kind.BAD_PRICE),
        ((100.0, 1e20, 90.0, 105.0, 3.0), Kind.BAD_PRICE),
        ((100.0, 110.0, 90.0, 105.0, -3.0), Kind.BAD_VOLUME),
        ((100.0, 110.0, 90.0, 105.0, 1e20), Kind.BAD_VOLUME),
        ((100.0, 110.0, 1e-19, 105.0, 3.0), Kind.TOO_PRECISE),
        ((100.0, 110.0, 1.23456789e-12, 105.0, 3.0), Kind.TOO_PRECISE),
        ((100.0, 101.0, 90.0, 105.0, 3.0), Kind.INCONSISTENT),
        ((100.0, 110.0, 101.0, 105.0, 3.0), Kind.INCONSISTENT),
    ],
)
def test_a_row_that_is_no_candle_is_refused_by_name_and_its_place_bridged(values, kind):
    inspection = found(rows(0, 1, 2, values={1: values}))
    assert (kind, 2) in kinds(inspection)
    assert inspection.series.is_filled.tolist() == [False, True, False]
    assert inspection.series.ohlcv[1].tolist() == [105.0, 105.0, 105.0, 105.0, 0.0]


def test_a_time_off_the_grid_and_a_number_with_too_many_digits_are_refused():
    assert kinds(found(rows(0, 1, 1.5))) == [(Kind.OFF_GRID, 3)]
    assert kinds(found(rows(0, 1, lossy=(1,)))) == [(Kind.TOO_PRECISE, 2)]


@given(st.integers(1, 10**17), st.integers(1, 30))
def test_a_price_is_too_precise_exactly_when_the_table_would_round_it(digits, decimals):
    price = float(Decimal(digits).scaleb(-decimals))
    inspection = found(rows(0, values={0: (price, price, price, price, 3.0)}))
    is_rounded = exact(to_decimal(price)) != to_decimal(price)
    assert (inspection.count(Kind.TOO_PRECISE) == 1) is is_rounded


def test_a_file_without_one_usable_row_is_refused_with_its_findings():
    inspection = found(rows(0.5, 1.5))
    assert (inspection.series, inspection.refusal) == (None, "no row can be used")
    assert kinds(inspection) == [(Kind.OFF_GRID, 1), (Kind.OFF_GRID, 2)]


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        ((0,), None),
        ((0, 1, 2), None),
        ((2, 1, 0), None),
        ((0, 1, 5, 11, 20), None),
        ((0, 1, 1.5, 2, 3), None),
        ((0, 0.25, 0.5, 0.75, 1, 1.25), "900 s apart"),
        ((0, 24, 48), "86400 s apart"),
        ((0, 4), "14400 s apart"),
    ],
)
def test_rows_of_another_interval_are_told_by_their_steps(hours, says):
    mistaken = of_another_interval(rows(*hours), Interval.H1)
    assert mistaken is None if says is None else says in mistaken


def test_newest_first_is_an_order_and_anything_else_is_named_and_sorted():
    assert kinds(found(rows(3, 2, 1, 0))) == []
    inspection = found(rows(0, 2, 1, 3))
    assert kinds(inspection) == [(Kind.UNORDERED, 3)]
    assert (np.diff(inspection.series.open_at) == 3600).all()


def test_a_repeated_row_is_dropped_and_a_contradicting_one_refuses_the_file():
    other = (100.0, 111.0, 90.0, 106.0, 3.0)
    assert kinds(found(rows(0, 1, 1, 2))) == [(Kind.DUPLICATE, 3)]
    contradicting = rows(0, 1, 1, 2, values={2: other})
    assert found(contradicting).series is None
    assert kinds(found(contradicting)) == [(Kind.CONFLICT, 3)]
    assert found(contradicting, on_conflict=OnConflict.FIRST).series.ohlcv[1, 3] == 105.0
    assert found(contradicting, on_conflict=OnConflict.LAST).series.ohlcv[1, 3] == 106.0


def test_short_gaps_are_bridged_and_tagged_and_long_ones_stay_open():
    short, long = found(rows(0, 4)), found(rows(0, 5))
    assert (short.bridged, short.missing, len(short.series)) == (3, 0, 5)
    assert (long.bridged, long.missing, len(long.series)) == (0, 4, 2)
    assert kinds(long) == [(Kind.GAP, 1)]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=40), st.randoms())
def test_a_repaired_series_is_ordered_on_the_grid_and_invents_nothing(hours, random):
    random.shuffle(hours)
    inspection = found(rows(*hours))
    series = inspection.series
    assert (np.diff(series.open_at) > 0).all()
    assert (series.open_at % 3600 == 0).all()
    real = set(series.open_at[~series.is_filled])
    assert real == {START + hour * 3600 for hour in hours}
    assert (series.ohlcv[series.is_filled, 4] == 0).all()


def test_hours_made_of_minutes_are_complete_or_left_out():
    open_at = np.array([START + 60 * minute for minute in range(150)], dtype=np.int64)
    ohlcv = np.column_stack(
        [
            np.full(150, 100.0),
            101.0 + np.arange(150),
            np.full(150, 99.0),
            np.full(150, 100.5),
            np.ones(150),
        ]
    )
    raw = RawRows(source_format="test", open_at=open_at, ohlcv=ohlcv)
    minutes = inspect(raw, BTC, Interval.M1, RepairPolicy()).series
    hours = aggregate(minutes, Interval.H1)
    assert hours.ohlcv.tolist() == [
        [100.0, 160.0, 99.0, 100.5, 60.0],
        [100.0, 220.0, 99.0, 100.5, 60.0],
    ]
    with pytest.raises(BadInput, match="no multiple"):
        aggregate(hours, Interval.M1)
