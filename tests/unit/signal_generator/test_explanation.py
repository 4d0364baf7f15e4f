"""What moved a model, in points of probability, for people."""

from dataclasses import replace

import numpy as np
import pytest

from models.calibrate import Calibrator
from models.features import FEATURE_NAMES, GROUPS
from models.registry import Registry
from models.signing import ANY_UNSIGNED
from models.statistics.drift import drift_reference
from shared.domain.enums import Action
from signal_generator.core.explanation import (
    EXPLAINED_AT_ONCE,
    SHOWN,
    explain,
    worth_explaining,
)
from tests.builders import EDGE, SIGNAL
from tests.unit.signal_generator.conftest import TRADED

VECTOR = np.random.default_rng(5).normal(size=86) * 0.02


@pytest.fixture(scope="session")
def model(models_dir):
    registry = Registry(models_dir, TRADED, trust=ANY_UNSIGNED)
    registry.refresh()
    return registry.champions()["GLOBAL"]


class Half:
    """A release whose features and log-odds are known by heart."""

    low, high = np.full(86, -4.0), np.full(86, 4.0)

    def __init__(self, shares, drift=None, calibrator=None):
        self.shares, self.drift = shares, drift
        self.calibrator = calibrator or Calibrator(
            A=2.0, B=0.5, margin_low=-3, margin_high=3, knots=(0.0,), effective=(0.0,)
        )

    def margins(self, vectors):
        return np.full(len(vectors), sum(self.shares.values()))

    def contributions(self, vector):
        assert len(vector) == 86
        return sorted(self.shares.items(), key=lambda pair: -abs(pair[1]))


def test_points_are_what_would_be_gone_without_a_share():
    shares = {"ret_1": 0.4, "vol_24": -0.1}
    found = explain(Half(shares), VECTOR)
    (up,), (down,) = found.speaking_for, found.speaking_against
    p = [1 / (1 + np.exp(-(2.0 * margin + 0.5))) for margin in (0.3, -0.1, 0.4)]
    assert (up.name, up.contribution, up.points) == ("ret_1", 0.4, pytest.approx(p[0] - p[1]))
    assert (down.name, down.contribution, down.points) == (
        "vol_24", -0.1, pytest.approx(p[0] - p[2]),
    )  # fmt: skip
    assert found.groups["A"] == pytest.approx(p[0] - p[1])
    assert found.groups["E"] == pytest.approx(p[0] - p[2])
    assert found.groups["B"] == 0.0


def test_a_group_counts_its_features_together_not_their_points():
    shares = {"ret_1": 1.0, "ret_3": 1.0}
    found = explain(Half(shares), VECTOR)
    alone = sum(one.points for one in found.speaking_for)
    p = [1 / (1 + np.exp(-(2.0 * margin + 0.5))) for margin in (2.0, 0.0)]
    assert found.groups["A"] == pytest.approx(p[0] - p[1])
    assert alone < found.groups["A"] / 2


def test_the_five_strongest_of_each_side_are_shown_in_order(model):
    found = explain(model, VECTOR)
    assert len(found.speaking_for) <= SHOWN
    assert len(found.speaking_against) <= SHOWN
    shares = dict(model.contributions(VECTOR))
    for shown, sign in ((found.speaking_for, 1), (found.speaking_against, -1)):
        sizes = [sign * one.contribution for one in shown]
        assert sizes == sorted(sizes, reverse=True)
        strongest = sorted((sign * share for share in shares.values()), reverse=True)
        assert sizes == [size for size in strongest[:SHOWN] if size > 0]
        assert all(one.points * sign >= 0 for one in shown)
    assert tuple(found.groups) == tuple(dict.fromkeys(GROUPS))


def said(action, probability):
    edge = replace(EDGE, probability=probability)
    return replace(SIGNAL, action=action, edge=edge, symbol=f"{action}-{probability}")


def test_the_surest_buys_then_the_surest_sells_are_explained_at_once():
    buys = [said(Action.BUY, probability) for probability in (0.57, 0.51, 0.59, 0.53)]
    sells = [said(Action.SELL, 0.3 - share / 100) for share in range(12)]
    holds = [said(Action.HOLD, 0.9)]
    worth = worth_explaining(holds + sells + buys)
    assert [one.edge.probability for one in worth[:4]] == [0.59, 0.57, 0.53, 0.51]
    assert worth[4:] == sells[:-5:-1]
    assert len(worth) == EXPLAINED_AT_ONCE
    assert worth_explaining(holds) == []


def test_a_missing_value_has_no_percentile_and_still_a_share(model):
    vector = np.full(86, np.nan)
    found = explain(model, vector)
    both = (*found.speaking_for, *found.speaking_against)
    assert both
    assert {(one.value, one.percentile) for one in both} == {(None, None)}


def test_percentiles_are_those_of_the_training_rows():
    draw = np.random.default_rng(8)
    rows = draw.normal(size=(5_000, 86))
    rows[draw.random(rows.shape) < 0.1] = np.nan
    reference = drift_reference(
        rows, draw.random(5_000), np.arange(5_000), np.zeros(5_000, dtype=int), 500, ()
    )
    names = FEATURE_NAMES[:5]
    vector = np.zeros(86)
    vector[:5] = (-9.0, -1.0, 0.1, 1.4, 9.0)
    shares = dict(zip(names, (0.5, 0.4, 0.3, 0.2, 0.1), strict=True))
    found = explain(Half(shares, reference), vector).speaking_for
    column = {name: FEATURE_NAMES.index(name) for name in names}
    for one in found:
        known = rows[np.isfinite(rows[:, column[one.name]]), column[one.name]]
        expected = float((known < one.value).mean() * 100)
        assert one.percentile == pytest.approx(expected, abs=2.5), one.name
    assert [one.percentile for one in found] == sorted(one.percentile for one in found)
    assert (found[0].percentile, found[-1].percentile) == (0.1, 99.9)


def test_a_release_that_does_not_know_its_training_gives_no_percentile():
    found = explain(Half({"ret_1": 0.4}), VECTOR)
    assert found.speaking_for[0].percentile is None


def test_a_constant_feature_gives_no_percentile():
    rows = np.ones((600, 86))
    reference = drift_reference(
        rows, np.full(600, 0.5), np.arange(600), np.zeros(600, dtype=int), 100, ()
    )
    (one,) = explain(Half({"ret_1": 0.4}, reference), np.ones(86)).speaking_for
    assert one.percentile is None or 0 <= one.percentile <= 100
