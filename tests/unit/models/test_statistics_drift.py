import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import norm

from models.features import FEATURE_NAMES
from models.statistics.drift import (
    MIN_THRESHOLD,
    Bins,
    DriftReference,
    drift_of,
    drift_reference,
    psi,
    shares_of,
)
from shared.domain.errors import BadInput

EDGES = norm.ppf(np.arange(1, 10) / 10)
TENTHS = np.append(np.full(10, 0.1), 0.0)
ROWS, WINDOW = 6_000, 500


def training(seed=0):
    """Features of three instruments, shuffled; the first is slow and so drifts within training."""
    draw = np.random.default_rng(seed)
    vectors = draw.normal(size=(ROWS, len(FEATURE_NAMES))).astype(np.float32)
    instrument = np.repeat([0, 1, 2], ROWS // 3)
    decided_at = np.tile(np.arange(ROWS // 3) * 3600, 3)
    vectors[:, 0] = lfilter([1], [1, -0.99], draw.normal(size=ROWS))
    vectors[:, 1] = np.nan
    vectors[:, 2] = draw.random(ROWS) < 0.05
    vectors[::4, 3] = np.nan
    order = draw.permutation(ROWS)
    probability = draw.beta(8, 10, ROWS)
    return vectors[order], probability[order], decided_at[order], instrument[order]


@pytest.fixture(scope="module")
def reference():
    return drift_reference(*training(), WINDOW, FEATURE_NAMES[4:14], 7)


@pytest.fixture
def recent():
    vectors, probability, *_ = training(seed=1)
    vectors[:, 0] = np.random.default_rng(2).normal(0, vectors[:, 0].std(), ROWS)
    return vectors[:WINDOW].copy(), probability[:WINDOW].copy()


def test_the_design_vector():
    current = [0.05, 0.05, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.15, 0.15]
    assert psi([0.1] * 10, current) == pytest.approx(0.109861229, abs=1e-9)


def test_an_empty_bin_is_floored():
    assert psi([0.5, 0.5, 0.0], [0.5, 0.5, 0.0]) == 0.0
    assert psi([1.0, 0.0], [0.0, 1.0]) == pytest.approx(2 * 0.9999 * np.log(1e4))


def test_two_hundred_rows_seem_to_drift_without_any_drift():
    draw = np.random.default_rng(0)
    found = [psi(TENTHS, shares_of(EDGES, draw.normal(size=200))) for _ in range(3_000)]
    assert np.mean(found) == pytest.approx(0.045, abs=0.003)
    assert np.quantile(found, 0.95) == pytest.approx(0.087, abs=0.004)


@pytest.mark.parametrize(
    ("mean", "spread", "exact", "sampled"),
    [(0.25, 1.0, 0.0598, 0.046), (0.5, 1.0, 0.2377, 0.228), (0.0, 1.5, 0.1935, 0.180)],
)
def test_shifts_show_by_as_much_as_they_are(mean, spread, exact, sampled):
    reached = np.concatenate(([0], norm.cdf(EDGES, mean, spread), [1]))
    assert psi(TENTHS, np.append(np.diff(reached), 0)) == pytest.approx(exact, abs=1e-4)
    draw = np.random.default_rng(1)
    found = [psi(TENTHS, shares_of(EDGES, draw.normal(mean, spread, 2_000))) for _ in range(300)]
    assert np.min(found) < sampled < np.max(found)
    assert np.mean(found) == pytest.approx(exact, abs=0.01)


def test_missing_values_have_a_bin_of_their_own():
    found = shares_of([0.0, 1.0], np.array([-1.0, 0.0, 0.5, 2.0, np.nan, np.inf, -np.inf, 1.0]))
    assert found == pytest.approx(np.array([2, 2, 1, 3]) / 8)
    assert shares_of([], np.array([1.0, np.nan])) == pytest.approx([0.5, 0.5])


@given(
    st.lists(st.floats(width=32), min_size=1, max_size=50),
    st.lists(st.floats(-5, 5), unique=True, max_size=9),
)
def test_shares_sum_to_one_and_compare_without_drift_to_themselves(values, edges):
    shares = shares_of(sorted(edges), np.array(values, dtype=np.float32))
    assert len(shares) == len(edges) + 2
    assert shares.sum() == pytest.approx(1)
    assert psi(shares, shares) == 0.0
    other = np.roll(shares, 1)
    assert psi(shares, other) == pytest.approx(psi(other, shares))
    assert psi(shares, other) >= 0


def test_training_is_described_feature_by_feature(reference):
    assert tuple(bins.name for bins in reference.features) == FEATURE_NAMES
    assert all(len(bins.shares) == len(bins.edges) + 2 for bins in reference.features)
    assert all(sum(bins.shares) == pytest.approx(1) for bins in reference.features)
    assert reference.features[10].shares == pytest.approx(TENTHS, abs=0.001)
    assert reference.features[1].edges == ()
    assert reference.features[1].shares == (0.0, 1.0)
    assert reference.features[2].edges == (0.0,)
    assert reference.features[2].shares == pytest.approx((0.95, 0.05, 0), abs=0.01)
    assert reference.features[3].shares[-1] == 0.25
    assert len(reference.probability.edges) == 9
    assert (reference.window, reference.top) == (WINDOW, FEATURE_NAMES[4:14])


def test_a_slow_feature_is_given_the_room_it_took_in_training(reference):
    assert reference.features[0].threshold > 2 * MIN_THRESHOLD
    assert {bins.threshold for bins in reference.features[1:]} == {MIN_THRESHOLD}


def test_a_threshold_is_what_its_windows_show_in_training():
    vectors, probability, decided_at, instrument = training()
    found = drift_reference(vectors, probability, decided_at, instrument, WINDOW, ()).features[0]
    series = vectors[np.lexsort((decided_at, instrument)), 0].reshape(3, -1)
    windows = np.lib.stride_tricks.sliding_window_view(series, WINDOW, axis=1).reshape(-1, WINDOW)
    every = [psi(found.shares, shares_of(found.edges, one)) for one in windows[::5]]
    assert found.threshold == pytest.approx(np.quantile(every, 0.99), rel=0.15)


def test_a_window_never_runs_from_one_instrument_into_the_next():
    draw = np.random.default_rng(3)
    vectors = draw.normal(size=(4_400, len(FEATURE_NAMES)))
    vectors[:400, 6] = 9.0  # an instrument too short for a window, unlike the other
    vectors[400:, 6] = np.arange(4_000) % 10
    instrument = np.repeat([0, 1], [400, 4_000])
    decided_at = np.arange(4_400) * 3600
    found = drift_reference(vectors, draw.random(4_400), decided_at, instrument, 500, ())
    bins = found.features[6]
    alone = psi(bins.shares, shares_of(bins.edges, vectors[400:, 6]))
    assert bins.threshold == pytest.approx(max(alone, MIN_THRESHOLD), abs=1e-9)


def test_the_order_of_rows_does_not_matter_and_the_seed_decides():
    columns = training()
    once = drift_reference(*columns, WINDOW, (), 7)
    order = np.random.default_rng(9).permutation(ROWS)
    assert drift_reference(*(column[order] for column in columns), WINDOW, (), 7) == once
    assert (
        drift_reference(*columns, WINDOW, (), 8).features[0].threshold != once.features[0].threshold
    )


def test_a_history_shorter_than_a_window_has_the_least_threshold():
    found = drift_reference(*training(), ROWS // 3 + 1, ())
    assert {bins.threshold for bins in found.features} == {MIN_THRESHOLD}


def test_a_reference_survives_json(reference):
    told = msgspec.json.encode(reference)
    assert b"null" not in told
    assert msgspec.json.decode(told, type=DriftReference) == reference


def test_rows_like_training_do_not_alarm(reference, recent):
    reading = drift_of(reference, *recent)
    assert reading.psi_probability < 0.1
    assert reading.drifted_ratio == 0.0
    assert not reading.is_feature_alarm
    assert len(reading.psi_features) == len(FEATURE_NAMES)
    assert [value for _, value in reading.worst] == sorted(reading.psi_features, reverse=True)[:5]


@pytest.mark.parametrize(("moved", "alarms"), [(12, False), (13, True)])
def test_more_than_fifteen_of_a_hundred_features_alarm(reference, recent, moved, alarms):
    vectors, probability = recent
    vectors[:, 86 - moved :] += 1.0
    reading = drift_of(reference, vectors, probability)
    assert reading.drifted_ratio == pytest.approx(moved / 86)
    assert reading.is_feature_alarm is alarms


def test_one_of_the_top_features_alarms_alone_but_no_other(reference, recent):
    vectors, probability = recent
    vectors[:, 20] += 1.5
    assert not drift_of(reference, vectors, probability).is_feature_alarm
    vectors[:, 4] += 0.6  # beyond its threshold, not twice
    assert not drift_of(reference, vectors, probability).is_feature_alarm
    vectors[:, 4] += 0.6
    assert drift_of(reference, vectors, probability).is_feature_alarm


def test_a_feature_that_stops_coming_has_drifted(reference, recent):
    vectors, probability = recent
    vectors[:, 5] = np.nan
    assert drift_of(reference, vectors, probability).worst[0][0] == FEATURE_NAMES[5]


def test_predictions_that_move_are_seen(reference, recent):
    vectors, probability = recent
    assert drift_of(reference, vectors, probability + 0.1).psi_probability > 0.5


def test_malformed_rows_are_refused(reference, recent):
    vectors, probability = recent
    with pytest.raises(BadInput, match="vectors"):
        drift_of(reference, vectors[:, :5], probability)
    with pytest.raises(BadInput, match="none"):
        drift_of(reference, vectors[:0], probability[:0])
    columns = training()
    with pytest.raises(BadInput, match="vectors"):
        drift_reference(columns[0][:, :5], *columns[1:], WINDOW, ())
    with pytest.raises(BadInput, match="no feature is called nonsense"):
        drift_reference(*columns, WINDOW, ("nonsense",))
    with pytest.raises(BadInput, match="shares"):
        psi([0.5, 0.5], [1.0])


def test_a_reference_of_another_width_is_compared_by_its_own_names():
    bins = Bins(name="only", edges=(0.0,), shares=(0.5, 0.5, 0.0), threshold=0.2)
    reference = DriftReference(window=4, features=(bins,), probability=bins, top=("only",))
    reading = drift_of(
        reference, np.array([[1.0], [2.0], [-1.0], [-2.0]]), np.array([1.0, 1.0, 1.0, 1.0])
    )
    assert reading.worst == (("only", 0.0),)
    assert reading.psi_probability > 1


def test_a_service_may_import_it_without_training_libraries():
    told = "import sys, models.statistics.drift; print({'xgboost', 'sklearn'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", told], text=True).strip() == "set()"
