"""One thing that happened to an account, exactly as it is booked.

The bookings of an account, in their order, are its books: entries, balances, positions, lots and
round trips follow from them, today and whenever somebody works them out again.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain.enums import BalanceKind, ExitReason, Side
from shared.domain.ids import AccountId, DecisionId, Symbol
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact

EXTERNAL = "external"
"""What the source of everything begins with that is not a fill of ours, its trips and lots too."""


class SourceKind(StrEnum):
    """Why something is booked; all but `fill` and `unexplained` are kinds of `BalanceKind`."""

    OPENING = "opening"
    FILL = "fill"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    EXTERNAL_TRADE = "external_trade"
    ADJUSTMENT = "adjustment"
    ACCEPTED = "accepted"
    ROUNDING = "rounding"
    UNEXPLAINED = "unexplained"  # entries only: what a fill sold and nobody had

    @property
    def is_trade(self) -> bool:
        return self in (SourceKind.FILL, SourceKind.EXTERNAL_TRADE)


class Purse(StrEnum):
    """Two places of one account: what the platform trades with, and what else lies there."""

    TRADING = "trading"
    ASIDE = "aside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """`amount` of `asset` came, or went if it is negative, before the fee.

    `symbol` is the instrument that was traded, or whose position a movement of coins changes.
    `price` is in its quote: what was paid, or what coins that came are worth. `fee_price` is what
    one unit of a fee in a third asset is worth in quote, where that is known. `worth` is what it
    put into trading beside fills (negative: took out of it), in the quote everything is valued in.
    Of a fill `reference_price` is the market before slippage, `decision_id` what it was made for
    and `origin` the source that believed in it.
    """

    account: AccountId
    kind: SourceKind
    source_id: str
    asset: str
    amount: Decimal
    counterparty: str
    booked_at: datetime
    symbol: Symbol | None = None
    price: Decimal | None = None
    purse: Purse = Purse.TRADING
    fee: Decimal = ZERO
    fee_asset: str = ""
    fee_price: Decimal | None = None
    fee_purse: Purse = Purse.TRADING
    exit_reason: ExitReason | None = None
    worth: Decimal = ZERO
    reference_price: Decimal | None = None
    origin: str = ""
    decision_id: DecisionId | None = None

    @property
    def is_external(self) -> bool:
        return self.kind is not SourceKind.FILL

    @property
    def changed_symbol(self) -> Symbol | None:
        """The position it changes: coins that lie aside are nobody's position."""
        return self.symbol if self.purse is Purse.TRADING else None


def source_of(fill: Fill) -> str:
    """Return the key under which a fill is booked, once."""
    return f"{fill.venue}:{fill.account}:{fill.trade_id}"


def external_source(account: AccountId, reference: str) -> str:
    """Return the key of what moved beside our fills."""
    return f"{EXTERNAL}:{account}:{reference}"


def is_external_source(source_id: str) -> bool:
    """Tell whether a trip or a lot was begun by something else than a fill of ours."""
    return source_id.startswith(f"{EXTERNAL}:")


def booking_of(
    fill: Fill,
    reason: ExitReason | None,
    *,
    fee_price: Decimal | None = None,
    fee_purse: Purse | None = None,
) -> Booking:
    """Return how a fill is booked.

    A fee in a third asset is paid out of what lies aside, unless another purse is named.
    """
    base, quote = split_symbol(fill.symbol)
    is_third = fill.fee_asset not in (base, quote)
    usual = Purse.ASIDE if is_third else Purse.TRADING
    return Booking(
        account=fill.account,
        kind=SourceKind.FILL,
        source_id=source_of(fill),
        asset=base,
        amount=fill.quantity if fill.side is Side.BUY else MONEY.minus(fill.quantity),
        counterparty=f"venue:{fill.venue}",
        booked_at=fill.filled_at,
        symbol=fill.symbol,
        price=fill.price,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        fee_price=fee_price if is_third else None,
        fee_purse=fee_purse or usual,
        exit_reason=reason,
        reference_price=exact(fill.reference_price),
    )


def kind_of(kind: BalanceKind) -> SourceKind:
    return SourceKind(kind)
