"""The documents the executor reads and answers with."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Row

from executor.core.matching import Listing
from executor.core.reconciliation import Difference
from shared.http.values import MoneyText


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


class BracketOut(Document):
    """Distances from the anchor price, as ratios, and the candles a trade may live."""

    stop_ratio: float
    target_ratio: float
    horizon_candles: int


class OrderOut(Document):
    """`open_quantity`: what of an entry is held; `anchor_price`: what its bracket hangs on."""

    client_order_id: str
    venue_order_id: str | None
    decision_id: str
    recommendation_id: str
    account: str
    venue: str
    symbol: str
    interval: str
    side: str
    purpose: str
    order_type: str
    time_in_force: str
    quantity: MoneyText
    price: MoneyText
    limit_price: MoneyText
    stop_price: MoneyText | None
    good_until: datetime | None
    is_post_only: bool
    filled_quantity: MoneyText
    open_quantity: MoneyText
    anchor_price: MoneyText | None
    status: str
    decided_at: datetime
    expires_at: datetime
    claimed_at: datetime | None
    updated_at: datetime
    horizon_at: datetime | None
    bracket: BracketOut | None
    exit_reason: str | None
    parent: str | None
    detail: str


class FillOut(Document):
    trade_id: str
    client_order_id: str
    venue: str
    symbol: str
    side: str
    purpose: str
    quantity: MoneyText
    price: MoneyText
    reference_price: MoneyText
    fee: MoneyText
    fee_asset: str
    liquidity: str
    filled_at: datetime


class EventOut(Document):
    """`learned` is what this event added to the facts the status follows from."""

    kind: str
    at: datetime
    learned: dict[str, Any]

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        learned = {name: value for name, value in row.payload.items() if value not in _NOTHING}
        return cls(kind=row.kind, at=row.at, learned=learned)


_NOTHING = (None, False, "0", [])


class OrderDetailOut(OrderOut):
    events: list[EventOut] = []
    fills: list[FillOut] = []


class ForceExitIn(Document):
    """Name one instrument, or say that everything is meant."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"symbol": "BTC-USDT"}, {"all": True}]},
    )

    symbol: str | None = Field(None, min_length=3, max_length=32)
    all: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.symbol is not None) == self.all:
            raise ValueError('give either "symbol" or "all": true')
        return self


class ForceExitOut(Document):
    client_order_ids: list[str]


class InstrumentOut(Document):
    symbol: str
    tick_size: MoneyText
    lot_size: MoneyText
    min_notional: MoneyText


class VenueOut(Document):
    """`is_in_process`: answers are a rule of ours; ratios are of notional, price and volume.

    For a venue behind a network there are none, and `problem` says why nothing is sent to it now.
    """

    name: str
    kind: str
    is_in_process: bool
    fee_ratio: MoneyText | None = None
    slippage_ratio: MoneyText | None = None
    participation_ratio: MoneyText | None = None
    instruments: list[InstrumentOut]
    problem: str | None = None

    @classmethod
    def of(cls, name: str, listings: list[Listing], *, is_in_process: bool) -> Self:
        rules = listings[0].rules
        return cls(
            name=name,
            kind="simulated",
            is_in_process=is_in_process,
            fee_ratio=rules.fee_ratio,
            slippage_ratio=rules.slippage_ratio,
            participation_ratio=rules.participation_ratio,
            instruments=[InstrumentOut.model_validate(one.instrument) for one in listings],
        )


class DifferenceOut(Document):
    """`ours` and `venue` are quantities, empty where one side does not know the subject."""

    kind: str
    subject: str
    ours: str
    venue: str


class ReconciliationOut(Document):
    agrees: bool
    differences: list[DifferenceOut]

    @classmethod
    def of(cls, differences: tuple[Difference, ...]) -> Self:
        found = [DifferenceOut.model_validate(one) for one in differences]
        return cls(agrees=not found, differences=found)


class FreezeOut(Document):
    """An instrument of which nothing more is bought until a person has looked."""

    symbol: str
    kind: str
    detail: str
    frozen_at: datetime


class CloseIn(Document):
    """Say where you saw that nothing more will come of an order: a ticket, a page, a statement."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"evidence": "venue ticket 4711"}]}
    )

    evidence: str = Field(min_length=8, max_length=200)


class BaselineIn(Document):
    """Take what the venue holds of an asset for right: a deposit, a withdrawal, a trade by hand."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"asset": "BTC"}]})

    asset: str = Field(min_length=1, max_length=16)


class BaselineOut(Document):
    """`amount`: what the account had of the asset beside what our fills brought and took."""

    asset: str
    amount: MoneyText
