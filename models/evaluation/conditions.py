"""The conditions of ml.md 4.5, one by one: each says what was found, what is asked, what to try."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.evaluation.finding import Finding, Verdict
from models.evaluation.sheet import Condition, Evaluation, Money, StrategyResult

BLOCKING = ("L1", "L2", "L3", "L4", "L5", "L6", "L9", "L10")
_MODEL, _FLAT, _HOLD, _RULE = 0, "flat", "buy and hold", "EMA/RSI"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """The limits; `min_trades` is that of one instrument, `min_trades_pooled` of all together."""

    min_labels_train: float = 1_500.0
    min_labels_test: float = 300.0
    max_p_value: float = 0.05
    min_slope: float = 0.7
    max_slope: float = 1.4
    max_bias: float = 0.02
    min_trades: int = 30
    min_trades_pooled: int = 100
    min_deflated_sharpe: float = 0.95
    max_overfitting: float = 0.2
    max_drawdown_ratio: float = 1.25
    max_p_value_champion: float = 0.10


def integrity(evaluation: Evaluation, rule: GateRule) -> tuple[Condition, ...]:
    leaks = [one for one in evaluation.leaks if one.is_leak and one.check in BLOCKING]
    looked = {one.check for one in evaluation.leaks if one.verdict is not Verdict.REPORTED}
    missing = [check for check in BLOCKING if check not in looked]
    return (
        Condition(
            name="leak checks",
            group="integrity",
            is_met=not leaks and not missing,
            value=_said(leaks) or (f"not looked at: {', '.join(missing)}" if missing else "clean"),
            limit="L1 to L6, L9 and L10 pass",
            remedy="run 'trading lint-leakage' and mend what it names",
        ),
        Condition(
            name="labels to learn from",
            group="integrity",
            is_met=evaluation.n_effective_train >= rule.min_labels_train,
            value=f"{evaluation.n_effective_train:.0f} effective",
            limit=f"at least {rule.min_labels_train:.0f}",
            remedy="give a longer history or more instruments",
        ),
        Condition(
            name="labels to be judged by",
            group="integrity",
            is_met=evaluation.n_effective_test >= rule.min_labels_test,
            value=f"{evaluation.n_effective_test:.0f} effective",
            limit=f"at least {rule.min_labels_test:.0f}",
            remedy="test more or longer blocks (--folds, --test-days)",
        ),
    )


def skill(evaluation: Evaluation, rule: GateRule) -> tuple[Condition, ...]:
    skill = evaluation.skill
    more = "try a longer horizon, wider barriers, more instruments or other features"
    return (
        Condition(
            name="better than the base rate",
            group="skill",
            is_met=skill.gain.value > 0 and skill.p_value < rule.max_p_value,
            value=f"log loss {skill.log_loss:.5f} against {skill.base_log_loss:.5f}, "
            f"p = {skill.p_value:.3f}",
            limit=f"lower, p below {rule.max_p_value:g}",
            remedy=more,
        ),
        Condition(
            name="ranks wins before losses",
            group="skill",
            is_met=skill.auc.low > 0.5,
            value=f"AUC {skill.auc.value:.4f}, 5 % bound {skill.auc.low:.4f}",
            limit="5 % bound above 0.5",
            remedy=more,
        ),
        Condition(
            name="better than a logistic regression",
            group="skill",
            is_met=skill.log_loss <= skill.logit_log_loss,
            value=f"log loss {skill.log_loss:.5f} against {skill.logit_log_loss:.5f}",
            limit="not above",
            remedy="use shallower trees; the straight line may be all there is",
        ),
    )


def calibration(evaluation: Evaluation, rule: GateRule) -> tuple[Condition, ...]:
    found = evaluation.reliability
    bias = abs(found.mean_probability - found.base_rate)
    again = "calibrate on more or newer folds"
    return (
        Condition(
            name="promises kept",
            group="calibration",
            is_met=found.ece <= found.ece_null_high,
            value=f"calibration error {found.ece:.4f}",
            limit=f"at most {found.ece_null_high:.4f}, what chance allows",
            remedy=again,
        ),
        Condition(
            name="neither too bold nor too shy",
            group="calibration",
            is_met=rule.min_slope <= found.slope <= rule.max_slope,
            value=f"slope {found.slope:.2f}",
            limit=f"{rule.min_slope:g} to {rule.max_slope:g}",
            remedy=again,
        ),
        Condition(
            name="right on average",
            group="calibration",
            is_met=bias <= rule.max_bias,
            value=f"promises {found.mean_probability:.3f}, {found.base_rate:.3f} came",
            limit=f"apart by at most {rule.max_bias:g}",
            remedy=again,
        ),
    )


def money(evaluation: Evaluation, rule: GateRule, *, is_pooled: bool) -> tuple[Condition, ...]:
    chosen, holdout = evaluation.walk_forward, evaluation.holdout
    dearer = "trade where it costs less, or at a longer horizon with wider barriers"
    if holdout is None:
        nothing = Condition(
            name="holdout",
            group="money",
            is_met=False,
            value="no row to judge by",
            limit="45 days",
            remedy="give a longer history",
        )
        return (nothing, *_luck(chosen, rule))
    own = holdout.results[_MODEL]
    least = rule.min_trades_pooled if is_pooled else rule.min_trades
    return (
        Condition(
            name="enough trades",
            group="money",
            is_met=own.trades >= least,
            value=f"{own.trades} in the holdout",
            limit=f"at least {least}",
            remedy="give more instruments, or wait for a longer holdout",
        ),
        Condition(
            name="earns per trade",
            group="money",
            is_met=own.mean_net is not None and own.mean_net.value > 0 and own.mean_net.low > 0,
            value="no trade"
            if own.mean_net is None
            else f"{own.mean_net.value:.3%} after costs, lower bound {own.mean_net.low:.3%}",
            limit="above 0, 10 % bound too",
            remedy=dearer,
        ),
        *(_beats(own, rival) for rival in holdout.results if rival.name in (_FLAT, _HOLD, _RULE)),
        *_luck(chosen, rule),
    )


def _beats(own: StrategyResult, rival: StrategyResult) -> Condition:
    return Condition(
        name=f"better than {rival.name}",
        group="money",
        is_met=own.sharpe > rival.sharpe,
        value=f"Sharpe {own.sharpe:.2f} against {rival.sharpe:.2f}",
        limit="above",
        remedy=f"if nothing beats {rival.name}, that is what to do",
    )


def _luck(money: Money, rule: GateRule) -> tuple[Condition, ...]:
    deflated, overfitting = money.deflated_sharpe, money.overfitting_probability
    return (
        Condition(
            name="more than luck",
            group="money",
            is_met=deflated is not None and deflated >= rule.min_deflated_sharpe,
            value="no return to judge"
            if deflated is None
            else f"deflated Sharpe {deflated:.3f} after {money.trials} tries",
            limit=f"at least {rule.min_deflated_sharpe:g}",
            remedy="try fewer configurations on more data",
        ),
        Condition(
            name="not the best by accident",
            group="money",
            is_met=overfitting is not None and overfitting <= rule.max_overfitting,
            value="only one configuration was tried"
            if overfitting is None
            else f"probability of overfitting {overfitting:.2f}",
            limit=f"at most {rule.max_overfitting:g}",
            remedy="try several configurations (--configurations), and fewer that are alike",
        ),
    )


def champion(evaluation: Evaluation, rule: GateRule) -> tuple[Condition, ...]:
    rival = evaluation.champion
    if rival is None:
        return ()
    drawdown = _drawdown(evaluation)
    limit = rule.max_drawdown_ratio * rival.max_drawdown
    return (
        Condition(
            name="better than the champion",
            group="champion",
            is_met=rival.is_expired
            or (rival.gain.value > 0 and rival.p_value < rule.max_p_value_champion),
            value="the champion has expired"
            if rival.is_expired
            else f"log loss lower by {rival.gain.value:.5f}, p = {rival.p_value:.3f}",
            limit=f"lower, p below {rule.max_p_value_champion:g}, or the champion has expired",
            remedy="keep the champion",
        ),
        Condition(
            name="falls no deeper than the champion",
            group="champion",
            is_met=drawdown <= limit,
            value=f"drawdown {drawdown:.2%}",
            limit=f"at most {limit:.2%}",
            remedy="keep the champion",
        ),
    )


def _drawdown(evaluation: Evaluation) -> float:
    money = evaluation.holdout or evaluation.walk_forward
    return money.results[_MODEL].max_drawdown


def _said(leaks: Sequence[Finding]) -> str:
    return "; ".join(f"{one.check} {one.title}: {one.detail}" for one in leaks)
