"""`evaluation.json` and `gate.json` of a release: the figures behind its report and its verdict.

Walk-forward figures are of pooled out-of-fold rows, weighted by uniqueness; instants are UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from models.evaluation.finding import Finding
from models.manifest import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure and its interval by moving-block bootstrap: 5 % and 95 % quantile of the draws."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldScore:
    """One test block. `psi`: of the margins, against the training rows of the fold.

    `psi_features`: the five features that moved most, with their PSI; `drifted_ratio`: the share of
    features beyond 0.2.
    """

    number: int
    tested_from: datetime
    tested_until: datetime
    rows: int
    n_effective: float
    trees: int
    base_rate: float
    auc: float
    log_loss: float
    base_log_loss: float
    ece: float
    psi: float
    drifted_ratio: float
    psi_features: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """The `share` of rows promised most: how often they won, and what they paid after costs."""

    share: float
    precision: float
    mean_net: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """`gain`: log loss of the base rate minus that of the model; `p_value`: that it is not above 0.

    `logit_log_loss` is that of the logistic regression on the same rows. `roc`: points (false
    positive rate, true positive rate), ascending.
    """

    rows: int
    n_effective: float
    base_rate: float
    log_loss: float
    base_log_loss: float
    logit_log_loss: float
    gain: Estimate
    p_value: float
    auc: Estimate
    brier: float
    base_brier: float
    tops: tuple[Top, ...]
    roc: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Rows of like promise: the mean promise, the share that won, effective labels."""

    promised: float
    observed: float
    n_effective: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Whether promises are kept, each row calibrated by the other folds.

    `ece_null_*`: what a perfectly calibrated model would show on as many effective labels.
    `slope` and `intercept`: of the logistic regression on the log-odds promised; 1 and 0 are ideal.
    """

    kind: str
    ece: float
    ece_null_mean: float
    ece_null_high: float
    slope: float
    intercept: float
    mean_probability: float
    base_rate: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyResult:
    """What a way to trade made of equity 1 after costs.

    `sharpe` is per year; `turnover` is bought notional over mean equity; `exposure_ratio` is the
    mean share of equity invested; `mean_net` is per trade and holds its 10 % and 90 % quantile,
    None where nothing was traded; `curve`: (Unix seconds, equity), thinned.
    """

    name: str
    net_return: float
    sharpe: float
    max_drawdown: float
    trades: int
    hit_rate: float
    mean_net: Estimate | None
    turnover: float
    exposure_ratio: float
    curve: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """`results`: the model first, then what it has to beat, over the same candles and costs.

    `deflated_sharpe`: the probability that the model's Sharpe ratio is not the luck of `trials`
    tries (Bailey and Lopez de Prado 2014); `overfitting_probability`: share of splits in which the
    configuration that was best in one half was below the median in the other (CSCV), None where
    there was only one. `expected_max_sharpe` is per day. `kelly_*`: what share of equity grows it
    fastest, from mean win and loss of the model's trades, and from every one of them; None without.
    """

    first_at: datetime
    last_at: datetime
    results: tuple[StrategyResult, ...]
    deflated_sharpe: float | None
    expected_max_sharpe: float | None
    overfitting_probability: float | None
    trials: int
    kelly_two_point: float | None = None
    kelly_empirical: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """A feature and its mean absolute contribution to the margin (log-odds), out of fold."""

    name: str
    group: str
    contribution: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KindScore:
    """Where an instrument's trees may come from, compared on the same out-of-fold rows.

    `lead`: log loss of the chosen kind's simplest rival minus this one's; `lead_error`: one
    standard error of it.
    """

    kind: Kind
    log_loss: float
    auc: float
    lead: float
    lead_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """The champion on the same rows: mean log loss of the champion minus that of the challenger."""

    release_id: str
    gain: Estimate
    p_value: float
    max_drawdown: float
    is_expired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """`holdout_at` says when the holdout was looked at: once per release, when it was made.

    `n_effective_*`: labels behind the trees, those of all instruments where trees are shared.

    `paths`: the AUC of each path of combinatorial cross-validation, where it was asked for; all
    instruments together, models that know the future of what they test.
    """

    scope: str
    kind: Kind
    folds: tuple[FoldScore, ...]
    skill: Skill
    reliability: Reliability
    walk_forward: Money
    holdout_skill: Skill | None
    holdout: Money | None
    holdout_at: datetime
    ranking: tuple[Rank, ...]
    kinds: tuple[KindScore, ...]
    leaks: tuple[Finding, ...]
    n_effective_train: float
    n_effective_test: float
    champion: Against | None = None
    paths: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`is_met` None: not judged here. `remedy` is what to try where it is not met."""

    name: str
    group: Literal["integrity", "skill", "calibration", "money", "champion", "shadow"]
    is_met: bool | None
    value: str
    limit: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """`sentence` is what a person reads; `champion_id` is whom the challenger was compared with."""

    is_passed: bool
    sentence: str
    conditions: tuple[Condition, ...]
    champion_id: str | None
