import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.splits import Shares, time_split
from shared.domain.errors import BadInput

HOUR = 3600


def parts_of(split):
    return [split.train, split.stopping, split.calibration, split.holdout]


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), horizon=st.integers(1, 40), count=st.integers(200, 900))
def test_no_label_reaches_the_part_after_it(seed, horizon, count):
    draw = np.random.default_rng(seed)
    closed_at = HOUR * np.concatenate([np.sort(draw.integers(0, 2_000, count)) for _ in range(3)])
    label_end_at = closed_at + HOUR * draw.integers(1, horizon + 1, len(closed_at))
    embargo = horizon * HOUR
    parts = parts_of(time_split(closed_at, label_end_at, Shares(), embargo))
    for index, earlier in enumerate(parts):
        for later in parts[index + 1 :]:
            assert not (earlier & later).any()
            if earlier.any() and later.any():
                assert label_end_at[earlier].max() + embargo < closed_at[later].min()


def test_all_instruments_are_cut_at_the_same_instants():
    closed_at = np.tile(HOUR * np.arange(1_000), 2)
    split = time_split(closed_at, closed_at + HOUR, Shares(), HOUR)
    for part in parts_of(split):
        first, second = np.split(part, 2)
        np.testing.assert_array_equal(first, second)
    assert split.train[:1000].sum() == pytest.approx(580, abs=3)
    assert split.holdout[:1000].sum() == pytest.approx(100, abs=2)


def test_a_long_label_is_purged_by_its_end_where_a_short_one_stays():
    closed_at = HOUR * np.arange(1_000)
    short = time_split(closed_at, closed_at + HOUR, Shares(), 0)
    long = time_split(closed_at, closed_at + 50 * HOUR, Shares(), 0)
    assert short.train.sum() - long.train.sum() == 49
    np.testing.assert_array_equal(short.holdout, long.holdout)


def test_nothing_to_split_and_shares_without_training_are_named():
    with pytest.raises(BadInput, match="labelled row"):
        time_split(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), Shares(), HOUR)
    with pytest.raises(BadInput, match="shares"):
        Shares(stopping=0.4, calibration=0.4, holdout=0.2)
    with pytest.raises(BadInput, match="shares"):
        Shares(stopping=0.0)
