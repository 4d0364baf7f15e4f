"""A proposal to enter or leave a position, before risk has seen it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain.bracket import BracketPlan
from shared.domain.enums import ExitReason, Interval, Purpose, Side
from shared.domain.ids import AccountId, RecommendationId, SignalId, Symbol, derive
from shared.domain.signal import Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """An entry carries a bracket (and a model's edge, where one spoke) and is sized by risk.

    An exit is reduce-only and carries the quantity to close. `price` is the close it was decided
    on. `is_rebalance`: a person's target weight asks for it; an entry then carries its quantity,
    may add to what is held, and needs no bracket.
    """

    recommendation_id: RecommendationId
    account: AccountId
    symbol: Symbol
    interval: Interval
    side: Side
    purpose: Purpose
    decided_at: datetime
    expires_at: datetime
    price: Decimal
    source: str
    signal_id: SignalId | None = None
    bracket: BracketPlan | None = None
    edge: Edge | None = None
    quantity: Decimal | None = None
    exit_reason: ExitReason | None = None
    is_rebalance: bool = False

    @property
    def is_reduce_only(self) -> bool:
        return self.purpose is Purpose.EXIT


def recommendation_id(
    account: AccountId, symbol: Symbol, decided_at: datetime, side: Side, origin: str = "pipeline"
) -> RecommendationId:
    """Return the id of the one recommendation per account, instrument, candle, side and origin."""
    return RecommendationId(
        derive("recommendation", account, symbol, decided_at.isoformat(), side, origin)
    )


REBALANCE = "rebalance"


def rebalance_recommendation_id(
    account: AccountId, symbol: Symbol, side: Side, rebalance_id: str, wanted_at: datetime
) -> RecommendationId:
    """Return the id that the recommendation of one step will have, known before it is issued."""
    return recommendation_id(account, symbol, wanted_at, side, f"{REBALANCE}:{rebalance_id}")
