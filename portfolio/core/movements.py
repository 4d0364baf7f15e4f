"""What a person says moved on an account beside our fills."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum

from portfolio.core.booking import Booking, Purse, SourceKind, external_source
from portfolio.core.books import BooksPolicy
from portfolio.core.ledger import Entry, aside_of, balances_of
from portfolio.core.position import Position
from portfolio.core.purses import Balance, balances_after
from portfolio.core.valuing import Valuer, symbols_of
from shared.domain.enums import ExitReason
from shared.domain.errors import BadInput, Conflict
from shared.domain.ids import AccountId, Symbol
from shared.domain.instrument import split_symbol
from shared.domain.values import MONEY, ZERO, to_text

_REMEDY = "say less, or say first what came"
_OTHER_SIDE: Mapping[SourceKind, str] = {
    SourceKind.DEPOSIT: "outside",
    SourceKind.WITHDRAWAL: "outside",
    SourceKind.EXTERNAL_TRADE: "external",
    SourceKind.ADJUSTMENT: "adjustments",
}


class MovementStatus(StrEnum):
    PENDING = "pending"  # asked for, and nothing has changed yet
    BOOKED = "booked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What moved; `amount` is signed.

    Of a trade `symbol` and `price` are set, and it may have a fee; of coins `symbol` is the
    position they come to or go from, if any.
    """

    kind: SourceKind
    asset: str
    amount: Decimal
    symbol: Symbol | None = None
    price: Decimal | None = None
    purse: Purse = Purse.TRADING
    is_internal: bool = False
    fee: Decimal = ZERO
    fee_asset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """`amount` of `asset` came, or went if negative; of a trade `symbol` and `price` are set.

    `is_internal`: it moves coins between what lies aside and what is traded with, so that the
    venue holds the same as before. `settled_by` is who booked or refused it.
    """

    movement_id: str
    account: AccountId
    kind: SourceKind
    status: MovementStatus
    asset: str
    amount: Decimal
    symbol: Symbol | None
    price: Decimal | None
    purse: Purse
    is_internal: bool
    fee: Decimal
    fee_asset: str
    reason: str
    moved_at: datetime
    asked_by: str
    asked_at: datetime
    settled_by: str | None = None
    settled_at: datetime | None = None

    @property
    def changed_symbol(self) -> Symbol | None:
        """The position it changes: coins that lie aside are nobody's position."""
        return self.symbol if self.purse is Purse.TRADING else None


def refuse_unknown(asset: str, policy: BooksPolicy, held: Iterable[str]) -> None:
    """See that an asset is one of an instrument, of the opening or of the books: no slip of a key.

    Raises:
        BadInput: it is none of these; the remedy names those that are spelt like it.
    """
    traded = {part for symbol in policy.symbols for part in split_symbol(symbol)}
    known = {policy.quote, *traded, *policy.opening_balances, *held}
    if asset in known:
        return
    near = get_close_matches(asset, sorted(known))
    meant = f"write {' or '.join(near)} if that is meant, or " if near else ""
    remedy = f'{meant}say "new_asset": true (--new-asset) if it is new here'
    raise BadInput("asset", f"nothing here knows '{asset}'", remedy)


def coins_moved(coins: Moved, valuer: Valuer) -> Moved:
    """Return coins or cash with the place they belong to.

    Cash is traded with, coins of what is traded have a position, and everything else lies aside,
    as does what is said to (its purse).

    Raises:
        BadInput: the position is unclear, or nobody knows what coins that come are worth.
    """
    asset = coins.asset
    is_cash = valuer.purse_of(asset) is Purse.TRADING
    positions = symbols_of(valuer.policy, asset)
    if coins.purse is Purse.ASIDE or (is_cash and coins.symbol is None):
        return replace(coins, symbol=None)
    if coins.symbol is None and not positions:
        return replace(coins, purse=Purse.ASIDE)
    symbol = coins.symbol or (positions[0] if len(positions) == 1 else None)
    if symbol is None or symbol not in positions:
        choices = " or ".join(positions) or "none: nothing traded here has a position of it"
        raise BadInput("symbol", f"which position of {asset} is meant is unclear", choices)
    price = coins.price or valuer.prices.get(symbol)
    if price is None and coins.amount > 0:
        raise BadInput("price", f"no price of {symbol} is known", "say what a unit was worth")
    return replace(coins, symbol=symbol, price=price)


def trade_moved(symbol: Symbol, amount: Decimal, price: Decimal, purse: Purse) -> Moved:
    """Return a trade of somebody else, without its fee."""
    base, quote = split_symbol(symbol)
    return Moved(
        kind=SourceKind.EXTERNAL_TRADE,
        asset=base,
        amount=amount,
        symbol=symbol,
        price=price,
        purse=purse,
        fee_asset=quote,
    )


def booking_of_movement(movement: Movement, valuer: Valuer, held: Position | None) -> Booking:
    """Return how a movement is booked, valued by what is known now; `held`: what it changes."""
    fee_price, fee_purse = None, Purse.TRADING
    if movement.fee and movement.symbol is not None:
        is_third = movement.fee_asset not in split_symbol(movement.symbol)
        fee_purse = valuer.purse_of(movement.fee_asset) if is_third else Purse.TRADING
        if is_third:
            fee_price = valuer.fee_price(movement.fee_asset, movement.symbol)
        elif movement.fee_asset == movement.asset:
            fee_purse = movement.purse
    account = movement.account
    return Booking(
        account=account,
        kind=movement.kind,
        source_id=external_source(account, movement.movement_id),
        asset=movement.asset,
        amount=movement.amount,
        counterparty=aside_of(account) if movement.is_internal else _OTHER_SIDE[movement.kind],
        booked_at=movement.moved_at,
        symbol=movement.symbol,
        price=movement.price,
        purse=movement.purse,
        fee=movement.fee,
        fee_asset=movement.fee_asset,
        fee_price=fee_price,
        fee_purse=fee_purse,
        exit_reason=ExitReason.MANUAL,
        worth=_worth(movement, valuer, held),
    )


def refuse_shortage(
    entries: Iterable[Entry], known: Mapping[str, Balance], held: Position | None, booking: Booking
) -> None:
    """See that the books hold what is said to have gone.

    Raises:
        Conflict: they hold less.
    """
    account = booking.account
    for asset, after in balances_after(known, account, entries).items():
        was = known.get(asset) or Balance(asset=asset)
        for name, before, left in (
            ("to trade with", was.free, after.free),
            ("aside", was.aside, after.aside),
        ):
            if left < 0 and left < before:
                raise Conflict(f"the books hold only {to_text(before)} {asset} {name}; {_REMEDY}")
    if held is not None and MONEY.add(held.quantity, booking.amount) < 0:
        raise Conflict(f"the books hold only {to_text(held.quantity)} of {held.symbol}; {_REMEDY}")


def moved_by(account: AccountId, entries: Iterable[Entry]) -> dict[str, Decimal]:
    """Return what an account as a whole gained of each asset, or lost if negative."""
    listed = tuple(entries)
    moved: dict[str, Decimal] = {}
    for holder in (account, aside_of(account)):
        for asset, amount in balances_of(holder, listed).items():
            moved[asset] = MONEY.add(moved.get(asset, ZERO), amount)
    return {asset: amount for asset, amount in sorted(moved.items()) if amount}


def _worth(movement: Movement, valuer: Valuer, held: Position | None) -> Decimal:
    """Return what a movement puts into trading: a trade of what lies aside brings or takes cash."""
    if movement.kind is SourceKind.EXTERNAL_TRADE:
        if movement.purse is Purse.TRADING or movement.symbol is None:
            return ZERO
        return MONEY.minus(valuer.coins(movement.symbol, movement.amount, movement.price))
    if movement.purse is Purse.ASIDE:
        return ZERO
    if movement.symbol is None:
        return valuer.cash(movement.asset, movement.amount)
    if movement.amount > 0:
        return valuer.coins(movement.symbol, movement.amount, movement.price)
    return MONEY.minus(_counted(movement.symbol, MONEY.minus(movement.amount), valuer, held))


def _counted(symbol: Symbol, gone: Decimal, valuer: Valuer, held: Position | None) -> Decimal:
    """Return what the account counted coins at that go: the last mark, else what they cost."""
    if symbol in valuer.prices or held is None or not held.quantity:
        return valuer.coins(symbol, gone, None)
    return valuer.cash(split_symbol(symbol)[1], held.cost_of(min(gone, held.quantity)))
