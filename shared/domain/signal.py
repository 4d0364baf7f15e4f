"""A belief about one instrument at one closed candle."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain.bracket import BracketPlan
from shared.domain.enums import Action, Interval
from shared.domain.ids import SignalId, Symbol, derive


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How much of its size a bet keeps: factors 0..1, multiplied; one that is 0 refuses.

    coverage    share of the features that are there, and none missing unlike in training
    drift       whether the model still says what it said in training (PSI of its probabilities)
    age         1 up to the retrain interval, 0 at three times that
    live        whether its probabilities have come true since (z of matured labels)
    standing    0.5 where a pooled model stands in for an own one that cannot be used
    """

    coverage: float = 1.0
    drift: float = 1.0
    age: float = 1.0
    live: float = 1.0
    standing: float = 1.0

    @property
    def product(self) -> float:
        return self.coverage * self.drift * self.age * self.live * self.standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What Kelly needs, measured on exactly the trade that the bracket describes.

    probability         calibrated P(net > 0)
    probability_raw     the booster's own output
    neighbours          effective number of out-of-fold labels near this prediction
    gross_win           expected gross win as a ratio of the entry price (a_w * barrier)
    gross_loss          expected gross loss as a positive ratio (a_l * barrier)
    barrier_ratio       width of the bracket as a ratio of the entry price
    reference_kelly     90th percentile of positive out-of-fold Kelly fractions (sets lambda)
    factors             what the confidence is made of
    confidence          their product, 0..1; 0 refuses
    release_id          the model that spoke
    """

    probability: float
    probability_raw: float
    neighbours: float
    gross_win: float
    gross_loss: float
    barrier_ratio: float
    reference_kelly: float
    factors: Confidence
    confidence: float
    release_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """`reasons` say why a source held or refused; only a model's signal carries an edge."""

    signal_id: SignalId
    source: str
    symbol: Symbol
    interval: Interval
    closed_at: datetime
    expires_at: datetime
    action: Action
    confidence: float
    price: Decimal
    bracket: BracketPlan | None = None
    edge: Edge | None = None
    coverage: float = 1.0
    reasons: tuple[str, ...] = ()


def signal_id(source: str, symbol: Symbol, interval: Interval, closed_at: datetime) -> SignalId:
    return SignalId(derive("signal", source, symbol, interval, closed_at.isoformat()))
