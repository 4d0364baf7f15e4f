from dataclasses import replace

import numpy as np
import pytest

from models.candidate import Study, adapted, better, fit, judge
from models.dataset import training_set
from models.manifest import LabelRule
from models.splits import Shares, time_split
from tests.unit.models.trained_models import ETH, HOUR, MARKET, opposed_markets, quick, weak_markets


def study_of(data):
    rows = training_set(data, LabelRule(), MARKET)
    split = time_split(rows.closed_at, rows.label_end_at, Shares(), LabelRule().horizon * HOUR)
    return Study(rows=rows, split=split, costs=(0.001, 0.0005))


def rivals(study):
    """ETH's own trees and the pooled ones adapted to it."""
    mine, booster = study.rows.of(ETH), quick().booster
    pooled = fit(study, np.ones(len(study.rows), dtype=bool), "global", booster, {})
    own = fit(study, mine, "own", booster, {}, pooled.payoff)
    return own, adapted(pooled, study, mine), mine


@pytest.fixture(scope="module")
def opposed():
    study = study_of(opposed_markets())
    return study, *rivals(study)


@pytest.fixture(scope="module")
def alike():
    study = study_of(weak_markets())
    return study, *rivals(study)


def test_trees_of_an_instrument_unlike_the_others_are_chosen(opposed):
    study, own, shared, mine = opposed
    assert better(own, shared, study, mine) is own


def test_between_equals_the_pooled_trees_stay(alike):
    study, own, shared, mine = alike
    assert better(own, shared, study, mine) is shared
    assert better(shared, shared, study, mine) is shared


@pytest.mark.parametrize("markets", ["opposed", "alike"])
def test_what_happens_in_the_holdout_chooses_nothing(markets, request):
    study, own, shared, mine = request.getfixturevalue(markets)
    y = study.rows.y.copy()
    y[study.split.holdout] = 1 - y[study.split.holdout]
    other = replace(study, rows=replace(study.rows, y=y))
    assert better(own, shared, other, mine) is better(own, shared, study, mine)
    assert judge(own, other, mine).log_loss != judge(own, study, mine).log_loss
