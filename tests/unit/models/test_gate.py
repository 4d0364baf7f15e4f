from dataclasses import replace

import numpy as np
import pytest

from models.evaluation.conditions import BLOCKING, GateRule
from models.evaluation.finding import Finding, Verdict
from models.evaluation.gate import judge
from models.evaluation.sheet import Against, Estimate
from tests.unit.models.evaluation_parts import money, reliability, result, skill
from tests.unit.models.evaluation_samples import evaluation

RULE = GateRule()
CLEAN = tuple(
    Finding(check=check, title="looked at", verdict=Verdict.PASSED, detail="clean")
    for check in (*BLOCKING, "L7", "L8")
)
RIVALS = tuple(
    result(name, sharpe=sharpe)
    for name, sharpe in (("flat", 0.0), ("buy and hold", 0.6), ("EMA/RSI", 0.4))
)
NET = Estimate(value=0.002, low=0.0005, high=0.0035)


def won(**changes):
    """Money that is earned by more than luck."""
    own = result("model", sharpe=1.4, trades=140, mean_net=NET, max_drawdown=0.04)
    values = {
        "results": (own, *RIVALS), "deflated_sharpe": 0.97, "overfitting_probability": 0.1,
    }  # fmt: skip
    return money(**values | changes)


def champion(**changes):
    gain = Estimate(value=0.002, low=0.0001, high=0.004)
    values = {
        "release_id": "GLOBAL_full_dataset_cpu_xgboost_model_20260101_000000", "gain": gain,
        "p_value": 0.04, "max_drawdown": 0.05, "is_expired": False,
    }  # fmt: skip
    return Against(**values | changes)


def convincing(**changes):
    values = {
        "skill": skill(n_effective=700.0, log_loss=0.6880, base_log_loss=0.6930,
                       logit_log_loss=0.6890, p_value=0.01,
                       auc=Estimate(value=0.54, low=0.51, high=0.57)),
        "reliability": reliability(),
        "walk_forward": won(),
        "holdout": won(),
        "leaks": CLEAN,
        "n_effective_train": 2_000.0,
        "champion": None,
    }  # fmt: skip
    return evaluation(**values | changes)


def missed(one, **options):
    verdict = judge(one, RULE, is_pooled=options.get("is_pooled", True))
    assert verdict.is_passed == (not any(found.is_met is False for found in verdict.conditions))
    return [found.name for found in verdict.conditions if found.is_met is False]


def test_a_convincing_model_passes_and_still_waits_for_its_shadow():
    verdict = judge(convincing(champion=champion()), RULE, is_pooled=True)
    assert verdict.is_passed
    assert "passed" in verdict.sentence
    assert [one.name for one in verdict.conditions if one.is_met is None] == ["shadow record"]
    assert verdict.champion_id == champion().release_id


def with_own(holdout, **changes):
    return replace(holdout, results=(replace(holdout.results[0], **changes), *holdout.results[1:]))


FLAWS = [
    ("leak checks", {"leaks": (replace(CLEAN[0], verdict=Verdict.FAILED), *CLEAN[1:])}),
    ("leak checks", {"leaks": CLEAN[1:]}),
    ("leak checks", {"leaks": ()}),
    ("labels to learn from", {"n_effective_train": 1_499.0}),
    ("labels to be judged by", {"n_effective_test": 299.0}),
    ("better than the base rate", {"skill": replace(convincing().skill, p_value=0.05)}),
    ("ranks wins before losses",
     {"skill": replace(convincing().skill, auc=Estimate(value=0.54, low=0.5, high=0.6))}),
    ("better than a logistic regression",
     {"skill": replace(convincing().skill, logit_log_loss=0.6879)}),
    ("promises kept", {"reliability": reliability(ece=0.06)}),
    ("neither too bold nor too shy", {"reliability": reliability(slope=0.69)}),
    ("neither too bold nor too shy", {"reliability": reliability(slope=1.41)}),
    ("right on average", {"reliability": reliability(mean_probability=0.52)}),
    ("enough trades", {"holdout": with_own(won(), trades=99)}),
    ("earns per trade", {"holdout": with_own(won(), mean_net=None)}),
    ("earns per trade",
     {"holdout": with_own(won(), mean_net=Estimate(value=0.002, low=0.0, high=0.01))}),
    ("better than buy and hold", {"holdout": with_own(won(), sharpe=0.6)}),
    ("more than luck", {"walk_forward": won(deflated_sharpe=0.949)}),
    ("more than luck", {"walk_forward": won(deflated_sharpe=None)}),
    ("not the best by accident", {"walk_forward": won(overfitting_probability=0.21)}),
    ("not the best by accident", {"walk_forward": won(overfitting_probability=None)}),
    ("holdout", {"holdout": None, "holdout_skill": None}),
    ("better than the champion", {"champion": champion(p_value=0.1)}),
    ("better than the champion", {"champion": champion(gain=Estimate(value=0, low=0, high=0))}),
    ("falls no deeper than the champion", {"champion": champion(max_drawdown=0.0319)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes"), FLAWS)
def test_one_flaw_is_enough_and_is_named(name, changes):
    assert name in missed(convincing(**changes))
    assert not judge(convincing(**changes), RULE, is_pooled=True).is_passed


def test_a_single_instrument_needs_fewer_trades():
    few = convincing(holdout=with_own(won(), trades=30))
    assert missed(few, is_pooled=False) == []
    assert missed(few) == ["enough trades"]


def test_an_expired_champion_need_not_be_beaten():
    assert missed(convincing(champion=champion(p_value=0.9, is_expired=True))) == []


def test_a_verdict_of_numpys_kind_is_no_way_through():
    worse = replace(convincing().skill, log_loss=np.float64(0.70), logit_log_loss=np.float64(0.69))
    assert not judge(convincing(skill=worse), RULE, is_pooled=True).is_passed


def test_what_is_not_a_number_is_never_met():
    nan = float("nan")
    lost = convincing(
        skill=replace(convincing().skill, p_value=nan, log_loss=nan),
        reliability=reliability(ece=nan, slope=nan, mean_probability=nan),
        holdout=with_own(won(), sharpe=nan, mean_net=Estimate(value=nan, low=nan, high=nan)),
        walk_forward=won(deflated_sharpe=nan, overfitting_probability=nan),
        champion=champion(p_value=nan, max_drawdown=nan),
    )
    assert len(missed(lost)) == 13


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"n_effective_train": 1.0}, "cannot be trusted"),
        ({"skill": replace(convincing().skill, p_value=0.5)}, "better than chance"),
        ({"reliability": reliability(slope=0.1)}, "not what they promise"),
        ({"holdout": with_own(won(), trades=0)}, "not enough to earn more than it costs"),
        ({"champion": champion(p_value=0.5)}, "not better than the model in use"),
    ],
)
def test_the_sentence_says_the_first_thing_that_is_wrong(changes, says):
    verdict = judge(convincing(**changes), RULE, is_pooled=True)
    assert says in verdict.sentence
    assert "conditions not met" in verdict.sentence


def test_every_condition_has_a_value_a_limit_and_a_remedy():
    verdict = judge(convincing(champion=champion()), RULE, is_pooled=True)
    for one in verdict.conditions:
        assert one.value
        assert one.limit
        assert one.remedy
    assert len({one.name for one in verdict.conditions}) == len(verdict.conditions)
