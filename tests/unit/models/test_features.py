import json
from pathlib import Path

import numpy as np
import pytest

from models.features import (
    CATALOGUE,
    FEATURE_NAMES,
    FEATURES,
    GROUPS,
    LOOKBACK,
    REQUIRED,
    WARM_UP,
    WINDOW,
    FeatureEngine,
    batch,
    coverage_of,
    layout,
    load_compiled,
    schema_hash,
)
from shared.domain.errors import BadInput

GOLDEN = json.loads((Path(__file__).parent / "golden_features.json").read_text())


def cut(series, part):
    return tuple(column[part] for column in series)


def test_every_golden_value_is_reproduced(golden_series):
    vector = batch(*golden_series)[-1]
    for name, value in zip(FEATURE_NAMES, vector, strict=True):
        assert value == pytest.approx(GOLDEN["values"][name], rel=1e-9, abs=1e-14), name


def test_columns_have_one_order_in_the_catalogue_the_layout_and_the_golden_values():
    assert tuple(GOLDEN["values"]) == FEATURE_NAMES
    assert len(FEATURE_NAMES) == FEATURES == 86
    for position, name in enumerate(FEATURE_NAMES):
        assert getattr(layout, name.upper()) == position
    sizes = [GROUPS.count(group) for group in "ABCDEFGHIJ"]
    assert sizes == [12, 7, 14, 7, 13, 6, 11, 3, 9, 4]
    assert set(REQUIRED) <= set(FEATURE_NAMES)


def test_a_schema_hash_names_the_catalogue_and_the_interval():
    assert schema_hash(3600) == "ab9e28ab4b8b5ee1aa35c1eb62f7f89a0c9f1c12833bb1e43c708f5bc787c571"
    assert schema_hash(60) != schema_hash(3600)


def test_features_appear_exactly_when_their_warm_up_ends(golden_series):
    finite = np.isfinite(batch(*golden_series))
    first = finite.argmax(axis=0) + 1
    assert dict(zip(FEATURE_NAMES, first, strict=True)) == dict(
        zip(FEATURE_NAMES, WARM_UP, strict=True)
    )
    for column, warm_up in enumerate(WARM_UP):
        assert finite[warm_up - 1 :, column].all(), FEATURE_NAMES[column]


def test_real_candles_stay_inside_the_declared_ranges(real_series):
    vectors = batch(*real_series)
    assert np.isfinite(vectors[WARM_UP.max() :]).all()
    for column, feature in enumerate(CATALOGUE):
        known = vectors[np.isfinite(vectors[:, column]), column]
        assert known.min() >= feature.low - 1e-12, feature.name
        assert known.max() <= feature.high + 1e-12, feature.name


def test_one_candle_at_a_time_gives_the_bits_of_the_whole_history(real_series):
    vectors = batch(*real_series)
    engine = FeatureEngine()
    for row, expected in zip(zip(*real_series, strict=True), vectors, strict=True):
        candle, reference, closed_at, is_filled = row
        assert engine.step(candle, reference, int(closed_at), bool(is_filled)).tobytes() == (
            expected.tobytes()
        )
    assert engine.candles_seen == 1500


@pytest.mark.parametrize("end", [1, 2, 25, 170, 300, 397, 511, 777, 1499])
def test_what_comes_later_changes_nothing_before_it(real_series, end):
    whole = batch(*real_series)
    assert batch(*cut(real_series, slice(end))).tobytes() == whole[:end].tobytes()
    candles, reference, closed_at, is_filled = real_series
    poisoned = candles.copy()
    poisoned[end:] = poisoned[end:] * 7.0
    assert batch(poisoned, reference, closed_at, is_filled)[:end].tobytes() == whole[:end].tobytes()


@pytest.mark.parametrize(("price", "volume"), [(1e4, 1.0), (3.7e-3, 1.0), (1e5, 1e6), (1.0, 1e6)])
def test_no_feature_knows_the_unit_of_price_or_volume(real_series, price, volume):
    candles, reference, closed_at, is_filled = real_series
    scaled = candles * np.array([price, price, price, price, volume])
    before = batch(candles, reference, closed_at, is_filled)
    after = batch(scaled, reference * price, closed_at, is_filled)
    assert (np.isnan(before) == np.isnan(after)).all()
    spread = np.nanstd(before[WARM_UP.max() :], axis=0)
    assert np.nanmax(np.abs(after - before) / spread) < 1e-8


def with_gaps(series):
    """Bridge a few candles here and there, then six in a row."""
    candles, reference, closed_at, is_filled = (column.copy() for column in series)
    for at in (100, 260, 261, 500, *range(800, 806)):
        candles[at] = [candles[at - 1, 3]] * 4 + [0.0]
        is_filled[at] = True
    return candles, reference, closed_at, is_filled


CUTS = (
    1,
    2,
    3,
    13,
    14,
    26,
    50,
    100,
    175,
    176,
    177,
    262,
    511,
    512,
    513,
    700,
    803,
    806,
    807,
    979,
    1400,
)


@pytest.mark.parametrize("at", CUTS)
def test_a_restored_engine_continues_bit_for_bit(real_series, at):
    series = with_gaps(real_series)
    expected = batch(*series)
    engine = FeatureEngine()
    engine.extend(*cut(series, slice(at)))
    kept = min(at, WINDOW)
    restored = FeatureEngine.restore(*cut(series, slice(at - kept, at)), engine.carry())
    assert restored.candles_seen == engine.candles_seen
    rest = slice(at, min(at + 400, 1500))
    assert restored.extend(*cut(series, rest)).tobytes() == expected[rest].tobytes()
    engine.extend(*cut(series, rest))
    assert restored.carry() == engine.carry()


def test_what_is_carried_is_small(real_series):
    engine = FeatureEngine()
    engine.extend(*real_series)
    assert len(engine.carry()) < 1000


def test_an_engine_is_not_restored_from_too_little(real_series):
    engine = FeatureEngine()
    engine.extend(*cut(real_series, slice(600)))
    with pytest.raises(BadInput, match="give the last 176"):
        FeatureEngine.restore(*cut(real_series, slice(500, 600)), engine.carry())
    with pytest.raises(BadInput, match="another version"):
        FeatureEngine.restore(*cut(real_series, slice(600)), b"\x00" + engine.carry()[1:])


def test_four_filled_candles_in_a_row_start_the_warm_up_anew(real_series):
    series = with_gaps(real_series)
    vectors = batch(*series)
    assert np.isfinite(vectors[802]).sum() > 70
    assert not np.isfinite(vectors[803:806]).any()
    fresh = batch(*cut(series, slice(806, None)))
    assert vectors[806:].tobytes() == fresh.tobytes()


def test_three_filled_candles_in_a_row_are_bridged(real_series):
    candles, reference, closed_at, is_filled = (column.copy() for column in real_series)
    candles[600:603] = [[candles[599, 3]] * 4 + [0.0]] * 3
    is_filled[600:603] = True
    vectors = batch(candles, reference, closed_at, is_filled)
    assert np.isfinite(vectors[603, FEATURE_NAMES.index("ema_dist_50")])


def test_more_than_two_percent_of_filled_candles_start_the_warm_up_anew(real_series):
    candles, reference, closed_at, is_filled = (column.copy() for column in real_series)
    allowed = int(0.02 * LOOKBACK)
    is_filled[500 : 500 + 3 * (allowed + 1) : 3] = True
    vectors = batch(candles, reference, closed_at, is_filled)
    last = 500 + 3 * allowed
    assert np.isfinite(vectors[last - 1]).all()
    assert not np.isfinite(vectors[last]).any()


def test_a_flat_candle_leaves_four_features_undefined(real_series):
    candles, reference, closed_at, is_filled = (column.copy() for column in real_series)
    candles[-1] = [candles[-2, 3]] * 4 + [5.0]
    vector = batch(candles, reference, closed_at, is_filled)[-1]
    missing = [name for name, value in zip(FEATURE_NAMES, vector, strict=True) if np.isnan(value)]
    assert missing == ["k_body_ratio", "k_upper_ratio", "k_lower_ratio", "k_clv"]
    coverage = coverage_of(vector)
    assert coverage.ratio == 82 / 86
    assert coverage.confidence == 1.0
    assert not coverage.refusals


@pytest.mark.parametrize("column", range(5))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0])
def test_what_is_no_candle_never_enters(golden_series, column, value):
    engine = FeatureEngine()
    engine.extend(*cut(golden_series, slice(599)))
    candle, reference, closed_at, _ = (part[-1] for part in golden_series)
    bad = candle.copy()
    bad[column] = value
    with pytest.raises(BadInput, match="is not a candle"):
        engine.step(bad, reference, int(closed_at), False)
    vector = engine.step(candle, reference, int(closed_at), False)
    assert vector.tobytes() == batch(*golden_series)[-1].tobytes()


def test_a_high_below_the_close_is_no_candle(golden_series):
    candle, reference, closed_at, _ = (part[0] for part in golden_series)
    with pytest.raises(BadInput, match="is not a candle"):
        FeatureEngine().step(candle * [1, 0.9, 1, 1, 1], reference, int(closed_at), False)


def test_a_missing_reference_costs_its_nine_features_and_refuses(real_series):
    candles, reference, closed_at, is_filled = (column.copy() for column in real_series)
    reference[1200] = np.nan
    vectors = batch(candles, reference, closed_at, is_filled)
    assert np.isfinite(vectors[1200]).sum() == 77
    coverage = coverage_of(vectors[1200])
    assert coverage.refusals == ("coverage", "required_missing", "group_missing")
    assert coverage.confidence == 0.0
    assert np.isfinite(vectors[1201 + 206]).all()
    assert not np.isinf(vectors).any()


def test_a_dead_market_gives_undefined_features_and_no_infinite_ones(golden_series):
    _, reference, closed_at, is_filled = golden_series
    candles = np.tile([5.0, 5.0, 5.0, 5.0, 0.0], (600, 1))
    vectors = batch(candles, reference, closed_at, is_filled)
    assert not np.isinf(vectors).any()
    assert vectors[-1, FEATURE_NAMES.index("vol_24")] == 0.0
    assert "coverage" in coverage_of(vectors[-1]).refusals


@pytest.mark.parametrize(
    ("missing", "confidence"), [(0, 1.0), (4, 1.0), (5, 0.9186), (8, 0.5698), (9, 0.0)]
)
def test_confidence_falls_with_coverage(missing, confidence):
    vector = np.zeros(86)
    gone = [n for n in FEATURE_NAMES if n not in REQUIRED][:: 86 // 12][:missing]
    for name in gone:
        vector[FEATURE_NAMES.index(name)] = np.nan
    assert coverage_of(vector).confidence == pytest.approx(confidence, abs=1e-4)


@pytest.mark.parametrize("name", REQUIRED)
def test_nothing_replaces_a_required_feature(name):
    vector = np.zeros(86)
    vector[FEATURE_NAMES.index(name)] = np.nan
    assert coverage_of(vector).refusals == ("required_missing",)


def test_columns_of_different_length_are_refused(golden_series):
    candles, reference, closed_at, is_filled = golden_series
    with pytest.raises(BadInput, match="differ in length"):
        batch(candles, reference[:-1], closed_at, is_filled)


def test_a_new_engine_is_fast_once_the_compiled_step_is_loaded():
    from time import perf_counter

    load_compiled()
    candle = np.ones(5)
    started = perf_counter()
    FeatureEngine().step(candle, candle, 3600, False)
    assert perf_counter() - started < 0.05
