"""What risk answers: approved with a size, or denied with every breach named."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain.bracket import BracketPlan
from shared.domain.enums import ExitReason, Interval, Purpose, Side
from shared.domain.ids import AccountId, DecisionId, RecommendationId, Symbol, derive
from shared.domain.signal import Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One limit that stands in the way, in words a person can act on."""

    check: str
    limit: str
    value: str
    headroom: str
    remedy: str


TARGET_WEIGHT = "target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """Every step from belief to quantity; ratios are shares of equity, 0 where one does not apply.

    `kind` is "kelly" (a calibrated edge), "fixed" (a rule without a probability), "target" (asked
    for by a person's weights) or "exit".
    `factors` are what the confidence is made of, None where no model spoke. `active_count`: the
    instruments that would be held together, this one among them; `mean_correlation`: of their
    pairs. Both make the haircut. `notional` is in the instrument's quote, of which one unit is
    worth `quote_rate` in the currency that `equity` is in.
    """

    kind: str
    equity: Decimal
    probability_raw: float = 0.0
    probability: float = 0.0
    probability_used: float = 0.0
    breakeven_probability: float = 0.0
    net_win: float = 0.0
    net_loss: float = 0.0
    kelly_full: float = 0.0
    kelly_fraction: float = 0.0
    confidence: float = 0.0
    factors: Confidence | None = None
    active_count: int = 0
    mean_correlation: float = 0.0
    correlation_haircut: float = 1.0
    raw_ratio: float = 0.0
    capped_ratio: float = 0.0
    notional: Decimal = Decimal(0)
    quantity: Decimal = Decimal(0)
    quote_rate: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Permission for one order: never more than `quantity`, never worse than `limit_price`.

    `source`: who believed in it, as its recommendation says.
    """

    decision_id: DecisionId
    recommendation_id: RecommendationId
    account: AccountId
    symbol: Symbol
    interval: Interval
    side: Side
    purpose: Purpose
    quantity: Decimal
    price: Decimal
    limit_price: Decimal
    notional: Decimal
    decided_at: datetime
    expires_at: datetime
    limits_version: int
    bracket: BracketPlan | None
    exit_reason: ExitReason | None
    sizing: Sizing
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    decision_id: DecisionId
    recommendation_id: RecommendationId
    account: AccountId
    symbol: Symbol
    side: Side
    purpose: Purpose
    decided_at: datetime
    limits_version: int
    breaches: tuple[Breach, ...]
    sizing: Sizing


def decision_id(recommendation: RecommendationId) -> DecisionId:
    """Return the id of the one verdict a recommendation can get."""
    return DecisionId(derive("decision", recommendation))
