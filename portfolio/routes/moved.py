"""The documents in which people say what moved, and how it then stands."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from portfolio.core.booking import Purse, SourceKind
from portfolio.core.movements import Moved, MovementStatus, coins_moved, trade_moved
from portfolio.core.valuing import Valuer
from portfolio.routes.answers import Document
from shared.domain.enums import Side
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.values import MONEY, ZERO
from shared.http.paging import InstantText
from shared.http.values import MoneyText, PriceText

AssetText = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,16}$", examples=["USDT"])]
SymbolText = Annotated[str, Field(max_length=32, examples=["BTC-USDT"])]
Amount = Annotated[MoneyText, Field(gt=ZERO)]


class _MovementIn(Document):
    """`moved_at` is now where it is left out; `aside`: nothing of it is to be traded with."""

    moved_at: InstantText | None = None
    aside: bool = False
    reason: Annotated[str, Field(max_length=500)] = ""

    @property
    def purse(self) -> Purse:
        return Purse.ASIDE if self.aside else Purse.TRADING


class TransferIn(_MovementIn):
    """Came or went; coins of a position come at `price`, or at the last mark, and go at cost.

    `new_asset` has to be said of what neither an instrument nor the books know yet.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "deposit", "asset": "USDT", "amount": "2500"}]},
    )

    kind: Literal["deposit", "withdrawal"]
    asset: AssetText
    amount: Amount
    symbol: SymbolText | None = None
    price: PriceText | None = None
    new_asset: bool = False

    def moved(self, valuer: Valuer) -> Moved:
        goes = self.kind == "withdrawal"
        coins = Moved(
            kind=SourceKind(self.kind),
            asset=self.asset,
            amount=MONEY.minus(self.amount) if goes else self.amount,
            symbol=None if self.symbol is None else Symbol(self.symbol),
            price=self.price,
            purse=self.purse,
        )
        return coins_moved(coins, valuer)


class ExternalTradeIn(_MovementIn):
    """Traded on the account by somebody else; `aside` where its coins lie aside."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "external_trade",
                    "symbol": "BTC-USDT",
                    "side": "buy",
                    "quantity": "0.01",
                    "price": "60000",
                    "fee": "0.6",
                    "fee_asset": "USDT",
                }
            ]
        },
    )

    kind: Literal["external_trade"]
    symbol: SymbolText
    side: Side
    quantity: Amount
    price: PriceText
    fee: Annotated[MoneyText, Field(ge=ZERO)] = ZERO
    fee_asset: AssetText | None = None

    def moved(self, valuer: Valuer) -> Moved:
        traded = _known(valuer, self.symbol)
        amount = self.quantity if self.side is Side.BUY else MONEY.minus(self.quantity)
        trade = trade_moved(traded, amount, self.price, self.purse)
        return replace(trade, fee=self.fee, fee_asset=self.fee_asset or trade.fee_asset)


class AdjustmentIn(_MovementIn):
    """Corrects the books by a signed amount, once a second person has approved of it.

    `from_aside`: the coins lie on the account already, aside, and are to be traded with from now
    on (or the other way round, if the amount is negative); the venue holds the same as before.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "adjustment",
                    "asset": "BTC",
                    "amount": "-0.0001",
                    "reason": "swept as dust by the venue",
                }
            ]
        },
    )

    kind: Literal["adjustment"]
    asset: AssetText
    amount: MoneyText
    symbol: SymbolText | None = None
    price: PriceText | None = None
    from_aside: bool = False
    new_asset: bool = False
    reason: Annotated[str, Field(min_length=1, max_length=500)]  # pyright: ignore[reportGeneralTypeIssues] - here it must be said

    def moved(self, valuer: Valuer) -> Moved:
        if not self.amount:
            raise BadInput("amount", "zero corrects nothing", "give what is to be added")
        if self.aside and self.from_aside:
            raise BadInput("from_aside", "coins aside cannot come from aside", "leave one out")
        coins = Moved(
            kind=SourceKind.ADJUSTMENT,
            asset=self.asset,
            amount=self.amount,
            symbol=None if self.symbol is None else Symbol(self.symbol),
            price=self.price,
            purse=self.purse,
            is_internal=self.from_aside,
        )
        placed = coins_moved(coins, valuer)
        if self.from_aside and placed.purse is Purse.ASIDE:
            raise BadInput("from_aside", f"{self.asset} is not traded here", "leave it aside")
        return placed


AnyMovement = TransferIn | ExternalTradeIn | AdjustmentIn
MovementIn = Annotated[
    AnyMovement,
    Field(
        discriminator="kind",
        examples=[{"kind": "deposit", "asset": "USDT", "amount": "2500", "reason": "payday"}],
    ),
]


class MovementOut(Document):
    """`amount` is signed; `pending` has changed nothing yet."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    movement_id: str
    kind: SourceKind
    status: MovementStatus
    asset: str
    amount: MoneyText
    symbol: str | None
    price: MoneyText | None
    purse: Purse
    is_internal: bool
    fee: MoneyText
    fee_asset: str
    reason: str
    moved_at: datetime
    asked_by: str
    asked_at: datetime
    settled_by: str | None
    settled_at: datetime | None


def _known(valuer: Valuer, symbol: str) -> Symbol:
    """Return an instrument that is traded here.

    Raises:
        BadInput: it is not; the remedy lists what is.
    """
    if symbol not in valuer.policy.symbols:
        choices = ", ".join(sorted(valuer.policy.symbols))
        raise BadInput("symbol", f"'{symbol}' is not traded here", f"choose one of {choices}")
    return Symbol(symbol)
