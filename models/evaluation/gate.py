"""The promotion gate of ml.md 4.5: every condition with its figures, and one sentence."""

from collections.abc import Sequence

from models.evaluation.conditions import (
    GateRule,
    calibration,
    champion,
    integrity,
    money,
    skill,
)
from models.evaluation.sheet import Condition, Evaluation, GateVerdict


def judge(evaluation: Evaluation, rule: GateRule, *, is_pooled: bool) -> GateVerdict:
    """Return which conditions a challenger meets; what only service can tell comes later."""
    conditions = (
        *integrity(evaluation, rule),
        *skill(evaluation, rule),
        *calibration(evaluation, rule),
        *money(evaluation, rule, is_pooled=is_pooled),
        *champion(evaluation, rule),
        Condition(
            name="shadow record",
            group="shadow",
            is_met=None,
            value="judged when it is to be promoted",
            limit="14 days and 100 matured labels, no worse than the champion",
            remedy="let it run in shadow",
        ),
    )
    failed = [one for one in conditions if one.is_met is not None and not one.is_met]
    return GateVerdict(
        is_passed=not failed,
        sentence=sentence(evaluation.scope, failed, len(conditions)),
        conditions=conditions,
        champion_id=None if evaluation.champion is None else evaluation.champion.release_id,
    )


def sentence(scope: str, failed: Sequence[Condition], count: int) -> str:
    """Return the verdict as a person would say it."""
    if not failed:
        return (
            f"{scope} has passed every test that the past can set; "
            "it may be promoted once its shadow record agrees."
        )
    groups = {one.group for one in failed}
    if "integrity" in groups:
        why = "what it was trained or tested on cannot be trusted"
    elif "skill" in groups:
        why = "it does not tell wins from losses better than chance or a simple model would"
    elif "calibration" in groups:
        why = "its probabilities are not what they promise to be"
    elif "money" in groups:
        why = "it has some skill, but not enough to earn more than it costs"
    else:
        why = "it is not better than the model in use"
    return f"{scope} should not trade: {why} ({len(failed)} of {count} conditions not met)."
