"""Our books beside the venue's: pure comparison, nothing is ever repaired by guessing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain.ids import ClientOrderId, TradeId
from shared.domain.values import ZERO, to_text


def _no_amounts() -> Mapping[str, Decimal]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """One trade as one side has it; the two may date it apart, by a candle at most."""

    quantity: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """Open orders with what has filled of each, recent trades, balances by asset."""

    open_orders: Mapping[ClientOrderId, Decimal] = field(
        default_factory=dict[ClientOrderId, Decimal]
    )
    trades: Mapping[TradeId, Traded] = field(default_factory=dict[TradeId, Traded])
    balances: Mapping[str, Decimal] = field(default_factory=_no_amounts)


class DifferenceKind(StrEnum):
    ORDER_NOT_AT_VENUE = "order_not_at_venue"
    ORDER_NOT_IN_BOOKS = "order_not_in_books"
    FILLED_QUANTITY = "filled_quantity"
    TRADE_NOT_AT_VENUE = "trade_not_at_venue"
    TRADE_NOT_IN_BOOKS = "trade_not_in_books"
    TRADE_QUANTITY = "trade_quantity"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    kind: DifferenceKind
    subject: str
    ours: str
    venue: str


def compare(ours: AccountView, venue: AccountView, since: datetime) -> tuple[Difference, ...]:
    """Return every difference; of trades before `since` only those that both sides still show."""
    orders = _differences(
        ours.open_orders,
        venue.open_orders,
        (
            DifferenceKind.ORDER_NOT_AT_VENUE,
            DifferenceKind.ORDER_NOT_IN_BOOKS,
            DifferenceKind.FILLED_QUANTITY,
        ),
    )
    trades = _differences(
        _due(ours, venue, since),
        _due(venue, ours, since),
        (
            DifferenceKind.TRADE_NOT_AT_VENUE,
            DifferenceKind.TRADE_NOT_IN_BOOKS,
            DifferenceKind.TRADE_QUANTITY,
        ),
    )
    return (*orders, *trades, *_balance_differences(ours.balances, venue.balances))


def _due(one: AccountView, other: AccountView, since: datetime) -> dict[TradeId, Decimal]:
    return {
        trade_id: trade.quantity
        for trade_id, trade in one.trades.items()
        if trade.at >= since or trade_id in other.trades
    }


def _differences(
    ours: Mapping[ClientOrderId, Decimal] | Mapping[TradeId, Decimal],
    venue: Mapping[ClientOrderId, Decimal] | Mapping[TradeId, Decimal],
    kinds: tuple[DifferenceKind, DifferenceKind, DifferenceKind],
) -> list[Difference]:
    not_there, not_here, other_amount = kinds
    left: dict[str, Decimal] = dict(ours.items())
    right: dict[str, Decimal] = dict(venue.items())
    found = [_difference(not_there, one, left[one], None) for one in left.keys() - right.keys()]
    found += [_difference(not_here, one, None, right[one]) for one in right.keys() - left.keys()]
    found += [
        _difference(other_amount, one, left[one], right[one])
        for one in left.keys() & right.keys()
        if left[one] != right[one]
    ]
    return sorted(found, key=lambda difference: difference.subject)


def _balance_differences(
    ours: Mapping[str, Decimal], venue: Mapping[str, Decimal]
) -> list[Difference]:
    """Compare assets; one that is not listed is one of which nothing is held."""
    pairs = {
        asset: (ours.get(asset, ZERO), venue.get(asset, ZERO)) for asset in sorted({*ours, *venue})
    }
    return [
        _difference(DifferenceKind.BALANCE, asset, mine, theirs)
        for asset, (mine, theirs) in pairs.items()
        if mine != theirs
    ]


def _difference(
    kind: DifferenceKind, subject: str, ours: Decimal | None, venue: Decimal | None
) -> Difference:
    return Difference(kind=kind, subject=subject, ours=_text(ours), venue=_text(venue))


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else to_text(amount)
