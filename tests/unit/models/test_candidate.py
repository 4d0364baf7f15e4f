from dataclasses import replace

import numpy as np
import pytest

from models.booster import BoosterParams
from models.calibrate import probabilities
from models.candidate import (
    OutOfFold,
    Study,
    best,
    choose,
    collected,
    cross_probabilities,
    fitted,
    pooled_calibrators,
    shared_probabilities,
)
from models.dataset import training_set
from models.manifest import LabelRule
from models.training.samples import rows_of, within
from models.validation import walk_forward
from tests.swiftly import WALK
from tests.unit.models.trained_models import ETH, MARKET, weak_markets


@pytest.fixture(scope="module")
def study():
    rows = training_set(weak_markets(), LabelRule(), MARKET)
    cut = walk_forward(rows.closed_at, rows.label_end_at, WALK)
    return Study(rows=rows, rule=WALK, cut=cut, label=LabelRule())


def telling(study, part, strength, seed=3):
    """Margins that lean towards the outcome as much as `strength` says."""
    draw = np.random.default_rng(seed)
    return strength * (study.rows.y[part] - 0.5) + draw.normal(0, 1, len(part))


def found(study, part, margins):
    folds = study.cut.folds
    fold_of = np.concatenate([np.full(len(f.test), n) for n, f in enumerate(folds)])
    everyone = np.concatenate([f.test for f in folds])
    return OutOfFold(
        configuration=BoosterParams(),
        rows=part,
        fold_of=fold_of[np.isin(everyone, part)],
        margins=margins,
        rounds=(10,) * len(folds),
        contributions=np.ones(86),
        psi=(0.0,) * len(folds),
        psi_features=np.zeros((len(folds), 86)),
    )


@pytest.fixture(scope="module")
def eth(study):
    """The out-of-fold rows of ETH."""
    mine = rows_of(study.rows, (ETH,))
    return np.concatenate([within(fold, mine).test for fold in study.cut.folds])


def rivals(study, part, shared, own):
    return found(study, part, telling(study, part, shared, 1)), found(
        study, part, telling(study, part, own, 2)
    )


def test_trees_of_an_instrument_unlike_the_others_are_chosen(study, eth):
    shared, own = rivals(study, eth, 0.0, 3.0)
    choice = choose(study, shared, own, 100)
    assert choice.kind == "own"
    assert choice.found is own
    assert [one.kind for one in choice.scores] == ["global", "blend", "own"]


def test_two_opinions_of_like_worth_are_averaged(study, eth):
    shared, own = rivals(study, eth, 1.5, 1.5)
    choice = choose(study, shared, own, 100)
    assert choice.kind == "blend"
    np.testing.assert_allclose(choice.found.margins, (shared.margins + own.margins) / 2)


def test_between_equals_the_pooled_trees_stay(study, eth):
    shared, own = rivals(study, eth, 1.5, 0.0)
    assert choose(study, shared, own, 100).kind == "global"
    assert choose(study, shared, shared, 100).kind == "global"
    assert choose(study, shared, None, 100).kind == "global"


def test_what_happens_in_the_holdout_chooses_nothing(study, eth):
    shared, own = rivals(study, eth, 0.5, 1.5)
    y = study.rows.y.copy()
    y[study.cut.holdout.test] = 1 - y[study.cut.holdout.test]
    other = replace(study, rows=replace(study.rows, y=y))
    assert choose(other, shared, own, 100).scores == choose(study, shared, own, 100).scores


def test_the_configuration_with_the_lowest_calibrated_loss_wins_however_bold_its_margins(
    study, eth
):
    shy = found(study, eth, 0.01 * telling(study, eth, 2.0))
    bold = found(study, eth, 50 * telling(study, eth, 1.0))
    assert best(study.rows, (bold, shy)) is shy
    assert best(study.rows, (shy, shy)) is shy


def test_a_row_is_calibrated_by_the_other_folds_alone(study, eth):
    one = found(study, eth, telling(study, eth, 1.0))
    y = study.rows.y.copy()
    first = one.rows[one.fold_of == 0]
    y[first] = 1 - y[first]
    other = replace(study.rows, y=y)
    before, after = cross_probabilities(study.rows, one), cross_probabilities(other, one)
    np.testing.assert_array_equal(before[one.fold_of == 0], after[one.fold_of == 0])
    assert not np.array_equal(before[one.fold_of == 1], after[one.fold_of == 1])


@pytest.mark.parametrize("kind", ["platt_margin", "isotonic"])
def test_shared_trees_are_judged_as_they_are_served_by_the_other_folds_alone(study, eth, kind):
    everyone = np.concatenate([fold.test for fold in study.cut.folds])
    margins = telling(study, everyone, 1.0)
    pooled = found(study, everyone, margins)
    mine = found(study, eth, margins[np.isin(everyone, eth)])
    shared = pooled_calibrators(study.rows, pooled, kind)
    p = shared_probabilities(study.rows, mine, shared)
    for fold, calibrator in shared.items():
        here = mine.fold_of == fold
        if kind == "isotonic":
            np.testing.assert_array_equal(p[here], probabilities(calibrator, mine.margins[here]))
            continue
        clamped = np.clip(mine.margins[here], calibrator.margin_low, calibrator.margin_high)
        intercepts = np.log(p[here] / (1 - p[here])) - calibrator.A * clamped
        np.testing.assert_allclose(intercepts, intercepts[0])
        assert abs(intercepts[0] - calibrator.B) > 1e-6
    y = study.rows.y.copy()
    y[everyone[pooled.fold_of == 0]] = 1 - y[everyone[pooled.fold_of == 0]]
    other = replace(study.rows, y=y)
    again = shared_probabilities(other, mine, pooled_calibrators(other, pooled, kind))
    np.testing.assert_array_equal(p[mine.fold_of == 0], again[mine.fold_of == 0])
    assert not np.array_equal(p[mine.fold_of == 1], again[mine.fold_of == 1])


def test_what_is_served_in_steps_is_judged_in_steps(study, eth):
    one = found(study, eth, telling(study, eth, 1.0))
    smooth = cross_probabilities(study.rows, one)
    stepped = cross_probabilities(study.rows, one, "isotonic")
    assert len(np.unique(stepped)) < len(np.unique(smooth)) // 2


def test_draws_without_a_row_do_not_hide_how_sure_a_choice_is(study, eth):
    sparse = np.concatenate((eth[:60], eth[-1:]))
    mixed = replace(study.rows, y=(np.arange(len(study.rows)) % 2).astype(np.int8))
    wide = replace(study, rows=mixed, rule=replace(WALK, embargo_seconds=4 * 86_400))
    shared, own = rivals(wide, sparse, 0.0, 5.0)
    assert np.isnan(wide.bootstrap(sparse, 200).means(np.ones(61), np.ones(61))).any()
    choice = choose(wide, shared, own, 200)
    assert all(np.isfinite(score.lead_error) for score in choice.scores)
    assert choice.kind != "global"


def test_shared_trees_keep_the_pooled_slope_and_get_an_own_intercept(study, eth):
    everyone = np.concatenate([fold.test for fold in study.cut.folds])
    pooled = fitted(study, found(study, everyone, telling(study, everyone, 1.0)), None, "global")
    shared = fitted(study, found(study, eth, telling(study, eth, 1.0)), pooled, "global")
    own = fitted(study, found(study, eth, telling(study, eth, 1.0)), pooled, "own")
    assert shared.calibrator.A == pooled.calibrator.A
    assert shared.calibrator.B != pooled.calibrator.B
    assert own.calibrator.A != pooled.calibrator.A
    assert shared.payoff.a_win != pooled.payoff.a_win


def test_a_fold_that_could_not_be_fitted_leaves_nothing_to_choose():
    assert collected([{"unfit": np.array("too few")}], [BoosterParams()]) == ()
