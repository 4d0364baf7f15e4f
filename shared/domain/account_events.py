"""Facts about an account: its positions, its worth, its money, and whether it may trade."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from shared.domain.enums import (
    AlarmKind,
    BalanceKind,
    ExitReason,
    TradingState,
)
from shared.domain.ids import AccountId, Symbol, TradeId


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReconciled:
    """Everything the venue did on this account up to `as_of` has been announced."""

    topic: ClassVar[str] = "account.reconciled"
    account: AccountId
    venue: str
    as_of: datetime
    shard: int

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.venue, self.as_of.isoformat(), str(self.shard))

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChanged:
    """One position after one fill or movement; `quantity` zero means it is closed.

    `moved`: what a movement beside our fills added, or took if negative; None after a fill.
    `booking`: the number of what changed it in portfolio's books.
    """

    topic: ClassVar[str] = "position.changed"
    account: AccountId
    symbol: Symbol
    quantity: Decimal
    average_cost: Decimal
    realized_pnl: Decimal
    changed_at: datetime
    trade_id: TradeId
    moved: Decimal | None = None
    booking: int = 0

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.symbol, self.trade_id)

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionMark:
    """`price` is in the instrument's own quote, `notional` in the currency of the account."""

    symbol: Symbol
    quantity: Decimal
    price: Decimal
    notional: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMark:
    """Cash in one quote; `rate` is what a unit is worth in the currency of the account.

    None where nobody knows: then it counts for nothing, and nothing may be bought with it.
    """

    asset: str
    amount: Decimal
    rate: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityMarked:
    """The account at one instant, in its currency; every fill announced up to `as_of` is in it.

    `cash_by_asset` is empty where every instrument is paid in the currency of the account.
    `bookings`: the number of the last booking in it, and all before that are.
    """

    topic: ClassVar[str] = "equity.marked"
    account: AccountId
    as_of: datetime
    equity: Decimal
    cash: Decimal
    peak_equity: Decimal
    day_start_equity: Decimal
    drawdown_ratio: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    positions: tuple[PositionMark, ...]
    cash_by_asset: tuple[CashMark, ...] = ()
    bookings: int = 0

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.as_of.isoformat())

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStateChanged:
    topic: ClassVar[str] = "trading_state.changed"
    account: AccountId
    state: TradingState
    version: int
    actor: str
    reason: str
    changed_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, str(self.version))

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingAlarmed:
    """Something makes entering unsafe; risk answers, and a person resumes."""

    topic: ClassVar[str] = "trading.alarmed"
    account: AccountId
    kind: AlarmKind
    subject: str
    detail: str
    raised_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.kind, self.subject, self.raised_at.isoformat())

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTripClosed:
    """From flat to a position and back; `pnl` and `cost` in quote, fees in."""

    topic: ClassVar[str] = "round_trip.closed"
    account: AccountId
    trip_id: str
    symbol: Symbol
    opened_at: datetime
    closed_at: datetime
    cost: Decimal
    pnl: Decimal
    exit_reason: ExitReason | None

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.trip_id, self.closed_at.isoformat())

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceFound:
    """The venue holds `amount` more of an asset than was booked, and how that is explained.

    Said by the executor, once per `reference`; kinds `opening`, `accepted`, `rounding`.
    """

    topic: ClassVar[str] = "balance.found"
    account: AccountId
    venue: str
    asset: str
    amount: Decimal
    kind: BalanceKind
    reference: str
    actor: str
    found_at: datetime

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.asset, self.reference)

    @property
    def stream(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceMoved:
    """What a person says moved an asset beside our fills: `amount` came, or went if negative.

    Said by portfolio, once per `reference` and asset; the executor expects it at the venue.
    `booking`: its number in portfolio's books.
    """

    topic: ClassVar[str] = "balance.moved"
    account: AccountId
    asset: str
    amount: Decimal
    kind: BalanceKind
    reference: str
    actor: str
    moved_at: datetime
    booking: int | None = None

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.account, self.asset, self.reference)

    @property
    def stream(self) -> str:
        return self.account
