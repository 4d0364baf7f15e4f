"""A recommendation somebody would like to hear the verdict on."""

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.bracket import BracketPlan
from shared.domain.enums import ExitReason, Interval, Purpose, Side
from shared.domain.errors import BadInput
from shared.domain.ids import AccountId, Symbol
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.signal import Confidence, Edge
from shared.http.values import MoneyText, PriceText

ORIGIN = "evaluate"
_RELEASE = "evaluate"


class BracketBody(BaseModel):
    """Distances from the entry price as ratios, and how many candles the trade may live."""

    model_config = ConfigDict(extra="forbid")

    stop_ratio: float = Field(gt=0, lt=1, allow_inf_nan=False)
    target_ratio: float = Field(gt=0, le=10, allow_inf_nan=False)
    horizon_candles: int = Field(ge=1, le=10_000)


class FactorsBody(BaseModel):
    """What the confidence is made of; its product is what the size is multiplied by."""

    model_config = ConfigDict(extra="forbid")

    coverage: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)
    drift: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)
    age: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)
    live: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)
    standing: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)


class EdgeBody(BaseModel):
    """What a model believes about the trade; gross win and loss are ratios of the entry price."""

    model_config = ConfigDict(extra="forbid")

    probability: float = Field(ge=0, le=1, allow_inf_nan=False)
    probability_raw: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    neighbours: float = Field(ge=0, le=1e9, allow_inf_nan=False)
    gross_win: float = Field(gt=0, le=10, allow_inf_nan=False)
    gross_loss: float = Field(gt=0, lt=1, allow_inf_nan=False)
    barrier_ratio: float = Field(gt=0, le=10, allow_inf_nan=False)
    reference_kelly: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    factors: FactorsBody = Field(default_factory=FactorsBody)

    def edge(self) -> Edge:
        factors = Confidence(**self.factors.model_dump())
        values = self.model_dump(exclude={"factors"})
        values["probability_raw"] = (
            self.probability if self.probability_raw is None else self.probability_raw
        )
        return Edge(**values, factors=factors, confidence=factors.product, release_id=_RELEASE)


class WishBody(BaseModel):
    """An entry needs a bracket; without an edge it is sized by rule. An exit needs neither."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "symbol": "BTC-USDT",
                    "purpose": "entry",
                    "price": "43250.10",
                    "bracket": {"stop_ratio": 0.03, "target_ratio": 0.03, "horizon_candles": 24},
                    "edge": {
                        "probability": 0.62,
                        "neighbours": 400,
                        "gross_win": 0.03,
                        "gross_loss": 0.03,
                        "barrier_ratio": 0.03,
                        "reference_kelly": 6,
                        "factors": {"drift": 0.8},
                    },
                },
                {"symbol": "BTC-USDT", "purpose": "exit", "price": "43250.10"},
            ]
        },
    )

    symbol: str = Field(max_length=32)
    purpose: Purpose
    price: PriceText
    bracket: BracketBody | None = None
    edge: EdgeBody | None = None
    quantity: MoneyText | None = Field(default=None, gt=Decimal(0))

    def recommendation(
        self, account: AccountId, symbol: Symbol, interval: Interval, now: datetime
    ) -> Recommendation:
        """Return what would be reviewed.

        Raises:
            BadInput: fields that belong to the other purpose.
        """
        is_entry = self.purpose is Purpose.ENTRY
        if is_entry and self.quantity is not None:
            raise BadInput("quantity", "entries are sized by risk", "leave it out")
        if not is_entry and (self.bracket is not None or self.edge is not None):
            raise BadInput("bracket", "an exit has no bracket and no edge", "leave them out")
        side = Side.BUY if is_entry else Side.SELL
        return Recommendation(
            recommendation_id=recommendation_id(account, symbol, now, side, ORIGIN),
            account=account,
            symbol=symbol,
            interval=interval,
            side=side,
            purpose=self.purpose,
            decided_at=now,
            expires_at=now + interval.delta,
            price=self.price,
            source=ORIGIN,
            bracket=None if self.bracket is None else BracketPlan(**self.bracket.model_dump()),
            edge=None if self.edge is None else self.edge.edge(),
            quantity=self.quantity,
            exit_reason=None if is_entry else ExitReason.MANUAL,
        )
