import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio.model_selection import CombinatorialPurgedCV

from models.validation import combinatorial
from shared.domain.errors import BadInput


def steady(count, label_length):
    decided_at = np.arange(count)
    return decided_at, decided_at + label_length


@settings(deadline=None, max_examples=60)
@given(
    size=st.integers(17, 35),
    groups=st.integers(4, 7),
    tested=st.integers(2, 3),
    purge=st.integers(0, 4),
    embargo=st.integers(0, 5),
)
def test_with_labels_of_one_length_it_is_what_skfolio_finds(size, groups, tested, purge, embargo):
    tested, count = min(tested, groups - 2), size * groups  # the rest of a division lies elsewhere
    oracle = CombinatorialPurgedCV(
        n_folds=groups, n_test_folds=tested, purged_size=purge, embargo_size=embargo
    )
    rows = np.zeros((count, 1))
    found = combinatorial(*steady(count, purge), embargo, groups, tested)
    splits = list(oracle.split(rows))
    assert len(found.folds) == len(splits)
    for fold, (train, tests) in zip(found.folds, splits, strict=True):
        np.testing.assert_array_equal(fold.train, train)
        np.testing.assert_array_equal(fold.test, np.concatenate(tests))
    np.testing.assert_array_equal(found.path_of, oracle.get_path_ids())


def test_the_example_of_thirty_rows():
    found = combinatorial(*steady(30, 2), embargo_seconds=1)
    assert (len(found.folds), found.path_of.max() + 1) == (15, 5)
    expected = {
        0: range(13, 30),
        4: range(8, 23),
        8: [0, 1, 2, *range(13, 23)],
        14: range(18),
    }
    for split, train in expected.items():
        assert found.folds[split].train.tolist() == list(train)


def test_ten_two_day_labels_leave_no_overlap():
    decided_at, label_end_at = steady(10, 2)
    for fold in combinatorial(decided_at, label_end_at, 0, groups=2, tested=1).folds:
        for row in fold.train:
            meets = (decided_at[fold.test] <= label_end_at[row]) & (
                label_end_at[fold.test] >= decided_at[row]
            )
            assert not meets.any()


@st.composite
def uneven(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    decided_at = random.integers(0, 300, draw(st.integers(150, 400)))
    return decided_at, decided_at + random.integers(0, 12, len(decided_at))


@settings(deadline=None, max_examples=50)
@given(rows=uneven(), embargo=st.integers(0, 10))
def test_no_row_that_trains_touches_a_tested_block_or_its_embargo(rows, embargo):
    decided_at, label_end_at = rows
    found = combinatorial(decided_at, label_end_at, embargo)
    for split, fold in enumerate(found.folds):
        train = []
        for row in range(len(decided_at)):
            blocks = [found.group_of == group for group in found.tested[split]]
            if not any(
                label_end_at[row] >= decided_at[block].min()
                and decided_at[row] <= label_end_at[block].max() + embargo
                for block in blocks
            ):
                train.append(row)
        assert fold.train.tolist() == train
        assert (
            fold.test.tolist()
            == np.flatnonzero(np.isin(found.group_of, found.tested[split])).tolist()
        )


@settings(deadline=None, max_examples=20)
@given(rows=uneven())
def test_every_path_tests_every_row_once_by_a_split_that_did_not_learn_it(rows):
    found = combinatorial(*rows, 3)
    for number in range(5):
        order, split_of = found.path(number)
        np.testing.assert_array_equal(np.sort(order), np.arange(len(rows[0])))
        assert (np.diff(found.group_of[order]) >= 0).all()
        for row, split in zip(order, split_of, strict=True):
            assert row in found.folds[split].test
        assert len(np.unique(split_of)) <= 6


def test_instants_are_shared_between_instruments():
    decided_at, label_end_at = steady(60, 2)
    twice = combinatorial(np.tile(decided_at, 2), np.tile(label_end_at, 2), 1)
    once = combinatorial(decided_at, label_end_at, 1)
    np.testing.assert_array_equal(twice.group_of, np.tile(once.group_of, 2))


def test_what_cannot_be_cut_is_named():
    with pytest.raises(BadInput, match="5 instants for 6 groups"):
        combinatorial(*steady(5, 1), 0)
    with pytest.raises(BadInput, match="6 of 6"):
        combinatorial(*steady(50, 1), 0, tested=6)
    with pytest.raises(BadInput, match="nothing left to train on"):
        combinatorial(*steady(50, 1), 45)
