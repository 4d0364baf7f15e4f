"""The card of a release: its report on one screen, in Markdown."""

import re
from collections.abc import Sequence

from models.evaluation.markup import printable
from models.evaluation.sheet import Condition, Evaluation, GateVerdict, Money, StrategyResult
from models.evaluation.wording import (
    NOTHING,
    chance,
    contender,
    count,
    day,
    duration,
    estimate,
    figure,
    listed,
    moment,
    share,
    signed,
    signed_share,
)
from models.manifest import Manifest

_MARKS = re.compile(r"([\\`*\[\]<>|])")


def model_card(manifest: Manifest, evaluation: Evaluation, verdict: GateVerdict) -> str:
    """Return the verdict, the figures behind it, and what to try where it says no."""
    word = "Passed" if verdict.is_passed else "Not passed"
    lines = [
        f"# {_plain(manifest.release_id)}",
        "",
        f"**{word}.** {_plain(verdict.sentence)}",
        "",
        _plain(
            f"{manifest.venue}, {duration(manifest.interval_seconds)} candles, "
            f"{listed(manifest.symbols)}; trained until {moment(manifest.trained_until)}; "
            f"kind {evaluation.kind}, {count(manifest.rounds)} trees."
        ),
        "",
        *_figures(evaluation),
        "",
        *_money("walk-forward", evaluation.walk_forward),
        *_money("holdout", evaluation.holdout),
        "## Conditions not met",
        "",
        *_missed(verdict.conditions),
        "",
        "## Leak checks",
        "",
        _leaks(evaluation),
    ]
    return "\n".join(lines) + "\n"


def _figures(evaluation: Evaluation) -> list[str]:
    skill, kept = evaluation.skill, evaluation.reliability
    losses = (skill.base_log_loss, skill.logit_log_loss)
    rivals = f"base rate {figure(losses[0], 4)}, logistic regression {figure(losses[1], 4)}"
    gained = estimate(skill.gain, lambda value: signed(value, 4))
    money = evaluation.walk_forward
    return [
        "## Figures (walk-forward, rows the model had not seen)",
        "",
        f"- Log loss {figure(skill.log_loss, 4)} ({rivals})",
        f"- Better than the base rate by {gained}, p {chance(skill.p_value)}",
        f"- AUC {estimate(skill.auc, lambda value: figure(value, 3))}",
        (
            f"- Calibration error {figure(kept.ece, 4)}; a perfect model: at most "
            f"{figure(kept.ece_null_high, 4)}; slope {figure(kept.slope)}"
        ),
        (
            f"- Deflated Sharpe ratio {share(money.deflated_sharpe, 1)} after "
            f"{count(money.trials)} tries; probability of overfitting "
            f"{share(money.overfitting_probability, 1)}"
        ),
    ]


def _money(part: str, money: Money | None) -> list[str]:
    if money is None:
        return [f"## Money ({part})", "", "None: too few candles.", ""]
    title = f"## Money ({part}, {day(money.first_at)} to {day(money.last_at)}, after costs)"
    rows = [_result(one) for one in money.results]
    head = "| | net return | Sharpe | max drawdown | trades | mean net per trade |"
    return [title, "", head, "|---|---:|---:|---:|---:|---:|", *rows, ""]


def _result(one: StrategyResult) -> str:
    cells = (
        _plain(contender(one.name)),
        signed_share(one.net_return),
        figure(one.sharpe),
        share(one.max_drawdown),
        count(one.trades),
        estimate(one.mean_net, lambda value: signed_share(value, 3)),
    )
    return f"| {' | '.join(cells)} |"


def _missed(conditions: Sequence[Condition]) -> list[str]:
    lines = [
        _plain(f"{one.name}: {one.value}, needed {one.limit}. Next: {one.remedy or NOTHING}")
        for one in conditions
        if one.is_met is False
    ]
    later = [one.name for one in conditions if one.is_met is None]
    said = [f"- {line}" for line in lines] or ["None."]
    return said + ([f"- Judged later: {_plain(', '.join(later))}"] if later else [])


def _leaks(evaluation: Evaluation) -> str:
    if not evaluation.leaks:
        return "None was run."
    return _plain(", ".join(f"{one.check} {one.verdict.value}" for one in evaluation.leaks) + ".")


def _plain(value: str) -> str:
    """Return it in one line, with nothing that Markdown or HTML would act on."""
    return _MARKS.sub(r"\\\1", " ".join(printable(value).split())).replace(r"\<", "&lt;")
