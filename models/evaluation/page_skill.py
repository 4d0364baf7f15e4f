"""Whether the model knows anything: its promises against what happened."""

from collections.abc import Callable, Sequence
from math import isfinite, isnan

from models.evaluation.charts import roc_chart
from models.evaluation.markup import Html, means, section, table, tag
from models.evaluation.sheet import Evaluation, Skill, Top
from models.evaluation.wording import (
    NOTHING,
    chance,
    count,
    estimate,
    figure,
    share,
    signed,
    signed_share,
)

_SKILL: tuple[tuple[str, Callable[[Skill], str], str], ...] = (
    (
        "Rows judged",
        lambda one: f"{count(one.rows)} ({count(one.n_effective)} effective)",
        "Trades that overlap in time tell nearly the same story; effective counts each story once.",
    ),
    ("Share that won", lambda one: share(one.base_rate), "The base rate: how often a trade won."),
    (
        "Log loss",
        lambda one: figure(one.log_loss, 4),
        "How surprised the model was by what happened. Lower is better; 0.6931 is a coin toss.",
    ),
    (
        "Log loss of the base rate",
        lambda one: figure(one.base_log_loss, 4),
        "The same for someone who always says the base rate. The model has to be lower.",
    ),
    (
        "Log loss of logistic regression",
        lambda one: figure(one.logit_log_loss, 4),
        "The same for a far simpler model. Trees that are not lower are not worth their weight.",
    ),
    (
        "Better than the base rate by",
        lambda one: estimate(one.gain, lambda value: signed(value, 4)),
        (
            "The difference of the two. In 90 of 100 cases the true one lies within the brackets; "
            "it should be above zero with both ends."
        ),
    ),
    (
        "How often luck does as well",
        lambda one: chance(one.p_value),
        (
            "Without any skill the model would look this good in that share of cases (p-value). "
            "Below 0.05 is wanted."
        ),
    ),
    (
        "AUC",
        lambda one: estimate(one.auc, lambda value: figure(value, 3)),
        (
            "How often a trade that won was promised more than one that lost. 0.5 is guessing; in "
            "markets 0.52 to 0.56 is honest, much more asks for a search for leaks."
        ),
    ),
    (
        "Brier score",
        lambda one: f"{figure(one.brier, 4)} (base rate {figure(one.base_brier, 4)})",
        "Mean squared distance between promise and outcome. Lower is better.",
    ),
)


def skill_section(evaluation: Evaluation) -> Html:
    """Return the figures of both parts, the ROC curve, and what the best promises were worth."""
    skill, holdout = evaluation.skill, evaluation.holdout_skill
    rows = [
        (name, shown(skill), shown(holdout) if holdout else NOTHING, said)
        for name, shown, said in _SKILL
    ]
    curves = [("Walk-forward", skill.roc), ("Holdout", holdout.roc if holdout else ())]
    return section(
        "skill",
        "Skill",
        means(_skill_said(skill)),
        table(
            "Promises against outcomes",
            ("Figure", "Walk-forward", "Holdout", "What this means"),
            rows,
            kind="prose",
        ),
        tag("div", roc_chart(curves), _roc_said(), class_="pair"),
        _tops(skill, holdout),
        means(
            "Only the strongest promises are ever traded. If the model knows something, its best "
            "5 % win more often than its best 20 %, and those more often than all rows "
            f"({share(skill.base_rate, 1)}); the mean net result has to be above zero."
        ),
        *_paths(evaluation.paths),
    )


def _paths(paths: Sequence[float]) -> tuple[Html, ...]:
    """Return how far the choice of the split scatters the AUC, where that was asked for."""
    if not paths:
        return ()
    found = ", ".join(figure(value, 4) for value in paths)
    said = means(
        f"Combinatorial cross-validation gives these AUCs, one for each path through all blocks of "
        f"time: {found}. Its models also know what came after the rows they are tested on, so it "
        "shows how far results scatter and not what would have been earned."
    )
    return (said,)


def _skill_said(skill: Skill) -> str:
    gain = skill.gain
    if not isfinite(gain.value):
        return "There is nothing to judge by: no row was promised anything."
    if gain.low > 0 and gain.value > 0:
        said = "The model's promises are better than always saying the base rate, beyond luck"
    elif gain.value > 0:
        said = "The model's promises look a little better than the base rate, but it may be luck"
    else:
        said = "The model's promises are no better than always saying the base rate"
    rival = skill.logit_log_loss - skill.log_loss
    if isnan(rival):
        return f"{said}."
    than = "beats" if rival > 0 else "does not beat"
    return f"{said}; it {than} logistic regression."


def _roc_said() -> Html:
    return tag(
        "div",
        means(
            "Go down the list from the strongest promise to the weakest and count. The line "
            "rises with each win found and moves right with each false alarm. Guessing follows "
            "the diagonal; the further above it, the better."
        ),
    )


def _tops(skill: Skill, holdout: Skill | None) -> Html:
    later = {one.share: one for one in holdout.tops} if holdout else {}
    rows = [
        (f"best {figure(100 * one.share, 0)} %", *_top(one), *_top(later.get(one.share)))
        for one in skill.tops
    ]
    return table(
        "What the strongest promises were worth",
        ("Rows", "Won", "Mean net", "Won (holdout)", "Mean net (holdout)"),
        rows,
    )


def _top(one: Top | None) -> tuple[str, str]:
    if one is None:
        return NOTHING, NOTHING
    return share(one.precision, 1), signed_share(one.mean_net, 3)
