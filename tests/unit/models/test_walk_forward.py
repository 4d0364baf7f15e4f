import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.validation import Fold, WalkForwardRule, stopping_tail, walk_forward
from shared.domain.errors import BadInput

HOUR, DAY = 3600, 86_400
RULE = WalkForwardRule(embargo_seconds=24 * HOUR)
SHORT = WalkForwardRule(
    embargo_seconds=6 * HOUR, folds=3, test_days=3, first_train_days=6, holdout_days=4
)


def hourly(days, horizon=24, instruments=1):
    decided_at = np.tile(HOUR * np.arange(days * 24 + 1), instruments)
    return decided_at, decided_at + horizon * HOUR


def test_six_months_test_one_month_each_behind_half_a_year_and_the_last_45_days_are_kept():
    decided_at, label_end_at = hourly(405)
    cut = walk_forward(decided_at, label_end_at, RULE)
    assert len(cut.folds) == 6
    for number, fold in enumerate(cut.folds):
        first = decided_at[fold.test[0]]
        assert first == (180 + 30 * number) * DAY + HOUR
        assert decided_at[fold.train].min() == 0
        assert first - 24 * HOUR - HOUR == label_end_at[fold.train].max()
    sizes = [len(fold.test) for fold in cut.folds]
    assert sizes[:5] == [720] * 5
    assert sizes[5] == 720 - 48  # a label or an embargo would reach into the holdout
    assert len(cut.holdout.test) == 45 * 24
    assert label_end_at[cut.holdout.train].max() < decided_at[cut.holdout.test].min() - 24 * HOUR


def test_a_history_that_is_too_short_is_told_how_many_days_it_lacks():
    decided_at, label_end_at = hourly(404)
    with pytest.raises(BadInput, match=r"rows span 404\.0 days, 405 are needed") as caught:
        walk_forward(decided_at, label_end_at, RULE)
    assert "6 x 30 to test" in caught.value.detail


def test_a_quiet_month_makes_no_fold():
    decided_at, label_end_at = hourly(405)
    is_there = (decided_at < 209 * DAY) | (decided_at >= 241 * DAY)
    cut = walk_forward(decided_at[is_there], label_end_at[is_there], RULE)
    assert len(cut.folds) == 5
    assert all(len(fold.test) for fold in cut.folds)


def test_where_nearly_no_block_has_a_row_the_remedy_is_said():
    decided_at, label_end_at = hourly(405)
    is_there = (decided_at < 190 * DAY) | (decided_at >= 359 * DAY)
    with pytest.raises(BadInput, match="of 6 test blocks have a row"):
        walk_forward(decided_at[is_there], label_end_at[is_there], RULE)


def test_all_instruments_are_cut_at_the_same_instants():
    decided_at, label_end_at = hourly(405, instruments=2)
    cut = walk_forward(decided_at, label_end_at, RULE)
    half = len(decided_at) // 2
    for fold in (*cut.folds, cut.holdout):
        for rows in (fold.train, fold.test):
            first, second = rows[rows < half], rows[rows >= half] - half
            np.testing.assert_array_equal(first, second)


def test_rows_that_cannot_be_cut_are_named():
    nothing = np.empty(0, dtype=np.int64)
    with pytest.raises(BadInput, match="there are none"):
        walk_forward(nothing, nothing, RULE)
    decided_at, label_end_at = hourly(405)
    with pytest.raises(BadInput, match="differ in length"):
        walk_forward(decided_at, label_end_at[1:], RULE)
    label_end_at[7] = decided_at[7] - 1
    with pytest.raises(BadInput, match="row 7 ends before"):
        walk_forward(decided_at, label_end_at, RULE)
    with pytest.raises(BadInput, match="positive lengths"):
        WalkForwardRule(embargo_seconds=0, folds=0)


@st.composite
def rows_of_instruments(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    hours = np.sort(random.integers(0, 25 * 24, draw(st.integers(300, 700))))
    decided_at = HOUR * random.permutation(np.concatenate((hours, [0, 25 * 24], hours[::3])))
    horizon = draw(st.integers(1, 40))
    return decided_at, decided_at + HOUR * random.integers(1, horizon + 1, len(decided_at))


@settings(deadline=None, max_examples=60)
@given(rows=rows_of_instruments())
def test_the_folds_are_those_of_the_definition(rows):
    decided_at, label_end_at = rows
    cut = walk_forward(decided_at, label_end_at, SHORT)
    holdout_from = decided_at.max() + 1 - 4 * DAY
    embargo = SHORT.embargo_seconds
    for number, fold in enumerate(cut.folds):
        start = holdout_from - (3 - number) * 3 * DAY
        train, test = [], []
        for row, (decided, ended) in enumerate(zip(decided_at, label_end_at, strict=True)):
            if ended >= holdout_from - embargo:
                continue
            if ended < start - embargo:
                train.append(row)
            if start <= decided < start + 3 * DAY:
                test.append(row)
        assert (fold.train.tolist(), fold.test.tolist()) == (train, test)
        assert label_end_at[fold.train].max() + embargo < decided_at[fold.test].min()
        assert not np.intersect1d(fold.test, cut.holdout.test).size
        assert np.isin(fold.test, cut.holdout.train).all()


@settings(deadline=None, max_examples=40)
@given(rows=rows_of_instruments())
def test_the_tail_that_stops_the_trees_never_overlaps_what_grows_them(rows):
    decided_at, label_end_at = rows
    fold = walk_forward(decided_at, label_end_at, SHORT).folds[-1]
    inner = stopping_tail(fold, decided_at, label_end_at, SHORT.embargo_seconds)
    assert np.isin(inner.train, fold.train).all()
    assert np.isin(inner.test, fold.train).all()
    apart = decided_at[inner.test].min() - label_end_at[inner.train].max()
    assert apart > SHORT.embargo_seconds
    times = decided_at[fold.train]
    from_start = (decided_at[inner.test].min() - times.min()) / (times.max() - times.min())
    assert 0.84 < from_start < 0.95


def test_a_fold_too_small_to_have_a_tail_says_so():
    decided_at = HOUR * np.arange(10)
    fold = Fold(train=np.arange(5), test=np.arange(5, 10))
    with pytest.raises(BadInput, match="no row to train before"):
        stopping_tail(fold, decided_at, decided_at + 24 * HOUR, 0)
