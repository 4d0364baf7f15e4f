from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from models.dataset import CandleArrays, data_fingerprint, is_usable, training_set, with_holes
from models.features import coverage_of
from models.labels import MIN_BARRIER_COSTS
from models.manifest import LabelRule
from shared.domain.candle import Candle
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from signal_generator.core.window import Windows
from tests.unit.models.trained_models import MARKET, weak_markets

HOUR = 3600
BTC, ETH = Symbol("BTC-USDT"), Symbol("ETH-USDT")
RULE = LabelRule()


@pytest.fixture(scope="module")
def weak_data():
    return weak_markets()


def candle(candles: CandleArrays, row: int) -> Candle:
    closed = datetime.fromtimestamp(int(candles.closed_at[row]), UTC)
    prices = (Decimal(repr(value)) for value in candles.ohlcv[row].tolist())
    open_, high, low, close, volume = prices
    return Candle(
        symbol=candles.symbol, open_at=closed - timedelta(hours=1), closed_at=closed,
        open=open_, high=high, low=low, close=close, volume=volume,
    )  # fmt: skip


def without(candles: CandleArrays, row: int) -> CandleArrays:
    return candles.taken(np.delete(np.arange(len(candles.closed_at)), row))


def test_every_row_is_decided_before_its_outcome_is_known(weak_data):
    rows = training_set(weak_data, RULE, MARKET)
    assert len(rows) > 3_000
    assert (rows.label_end_at > rows.closed_at).all()
    assert (rows.label_end_at <= rows.closed_at + RULE.horizon * HOUR).all()
    assert np.isfinite(rows.net).all()
    assert ((rows.net > 0) == (rows.y == 1)).all()


def test_a_barrier_too_narrow_for_its_costs_teaches_nothing(weak_data):
    dear = replace(RULE, fee_ratio=0.003)
    rows = training_set(weak_data, dear, MARKET)
    assert 0 < len(rows) < len(training_set(weak_data, RULE, MARKET))
    assert (rows.barrier >= MIN_BARRIER_COSTS * 2 * (0.003 + 0.0005)).all()


def test_a_filled_candle_and_the_one_before_it_are_left_out(weak_data):
    hole = 1_500
    gone = int(weak_data[ETH].closed_at[hole])
    rows = training_set({**weak_data, ETH: without(weak_data[ETH], hole)}, RULE, MARKET)
    decided = rows.closed_at[rows.of(ETH)]
    assert gone not in decided
    assert gone - HOUR not in decided
    assert gone + HOUR in decided


def test_a_missing_reference_candle_means_in_training_what_it_means_in_service(weak_data):
    hole = 1_500
    rows = training_set({**weak_data, BTC: without(weak_data[BTC], hole)}, RULE, MARKET)
    own = weak_data[ETH]
    windows = Windows(Interval.H1, (BTC, ETH))
    served = [
        windows.advance(candle(own, row), candle(weak_data[BTC], row) if row != hole else None)
        for row in range(hole + 200)
    ]
    for row in range(hole - 5, hole + 200):
        at = np.flatnonzero(rows.of(ETH) & (rows.closed_at == own.closed_at[row]))
        usable = is_usable(served[row][np.newaxis])[0]
        assert len(at) <= usable
        if len(at):
            np.testing.assert_array_equal(rows.vectors[at[0]], served[row].astype(np.float32))
    decided = rows.closed_at[rows.of(ETH)]
    assert int(own.closed_at[hole]) not in decided
    assert (decided > own.closed_at[hole]).any()


def test_what_comes_later_does_not_change_a_row(weak_data):
    cut = 2_000
    whole = training_set(weak_data, RULE, MARKET)
    early = training_set({s: c.taken(np.arange(cut)) for s, c in weak_data.items()}, RULE, MARKET)
    end = int(weak_data[ETH].closed_at[cut - 1])
    both = whole.of(ETH) & (whole.label_end_at <= end)
    known = early.of(ETH) & (early.closed_at <= whole.closed_at[both].max())
    assert both.sum() > 1_000
    np.testing.assert_array_equal(
        whole.vectors[both][:1_000], early.vectors[known][: both.sum()][:1_000]
    )
    np.testing.assert_array_equal(whole.net[both][:1_000], early.net[known][:1_000])


def test_instruments_are_learned_over_the_time_they_share_with_their_reference(weak_data):
    late = weak_data[BTC].taken(np.arange(1_000, 3_000))
    rows = training_set({**weak_data, BTC: late}, RULE, MARKET)
    assert rows.closed_at.min() >= late.closed_at[0]


def test_the_fingerprint_tells_one_price_from_another(weak_data):
    before = data_fingerprint(weak_data)
    ohlcv = weak_data[ETH].ohlcv.copy()
    ohlcv[17, 3] = np.nextafter(ohlcv[17, 3], 0)
    assert data_fingerprint(weak_data) == before
    assert data_fingerprint({**weak_data, ETH: replace(weak_data[ETH], ohlcv=ohlcv)}) != before


def test_coverage_judges_many_rows_as_it_judges_one():
    draw = np.random.default_rng(3)
    vectors = draw.normal(size=(400, 86))
    for row in vectors[::2]:
        row[draw.choice(86, draw.integers(0, 12), replace=False)] = np.nan
    expected = [not coverage_of(row).refusals for row in vectors]
    assert 50 < sum(expected) < 400
    assert is_usable(vectors).tolist() == expected
    assert len(is_usable(np.empty((0, 86)))) == 0


def test_training_meets_the_holes_that_serving_lets_pass():
    vectors = np.random.default_rng(4).normal(size=(5_000, 86)).astype(np.float32)
    holed = with_holes(vectors, "ab" * 32)
    touched = np.isnan(holed).any(axis=1)
    assert 0.04 < touched.mean() < 0.11
    assert is_usable(holed.astype(np.float64)).all()
    assert not np.isnan(vectors).any()
    np.testing.assert_array_equal(holed, with_holes(vectors, "ab" * 32))
    assert not np.array_equal(np.isnan(holed), np.isnan(with_holes(vectors, "cd" * 32)))


@pytest.mark.parametrize("fault", ["backwards", "off_grid", "ragged", "empty", "apart"])
def test_candles_that_cannot_be_trusted_are_refused(weak_data, fault):
    good = weak_data[ETH]
    bad = {
        "backwards": replace(good, closed_at=good.closed_at[::-1]),
        "off_grid": replace(good, closed_at=good.closed_at + 1),
        "ragged": replace(good, is_filled=good.is_filled[1:]),
        "empty": good.taken(np.arange(0)),
        "apart": replace(good, closed_at=good.closed_at + 10_000 * HOUR),
    }[fault]
    with pytest.raises(BadInput, match=r"ETH-USDT|BTC-USDT"):
        training_set({**weak_data, ETH: bad}, RULE, MARKET)
