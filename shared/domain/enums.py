"""Closed sets; the values are what goes over the wire and into the tables."""

from datetime import timedelta
from enum import StrEnum


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


_SECONDS = {"1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14400, "1d": 86400}


class Interval(StrEnum):
    """How long one candle lasts."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    seconds: int
    delta: timedelta

    def __init__(self, label: str) -> None:
        self.seconds = _SECONDS[label]
        self.delta = timedelta(seconds=self.seconds)


class Action(StrEnum):
    """What a signal believes: the price will pay a buyer, hurt a holder, or neither."""

    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"


class Purpose(StrEnum):
    ENTRY = "entry"
    EXIT = "exit"


class ExitReason(StrEnum):
    STOP = "stop"
    TARGET = "target"
    HORIZON = "horizon"
    OPPOSITE_SIGNAL = "opposite_signal"
    MANUAL = "manual"
    REBALANCE = "rebalance"


class OrderType(StrEnum):
    LIMIT = "limit"
    MARKET = "market"
    STOP_LIMIT = "stop_limit"


class TimeInForce(StrEnum):
    """How long an order works: GTD ends at an instant that the venue itself keeps."""

    IOC = "ioc"
    FOK = "fok"
    GTC = "gtc"
    GTD = "gtd"


class OrderStatus(StrEnum):
    """Derived from an order's facts (executor.core.order), never set by hand."""

    APPROVED = "approved"
    SENDING = "sending"
    UNKNOWN = "unknown"
    OPEN = "open"
    PARTIAL = "partial"
    CANCELING = "canceling"
    FILLS_MISSING = "fills_missing"
    CONFLICT = "conflict"
    FILLED = "filled"
    OVERFILLED = "overfilled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    ABSENT = "absent"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.OVERFILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
        OrderStatus.NOT_SENT,
        OrderStatus.ABSENT,
    }
)


class Liquidity(StrEnum):
    MAKER = "maker"
    TAKER = "taker"
    UNKNOWN = "unknown"


class TradingState(StrEnum):
    RUN = "run"
    REDUCE = "reduce"
    HALT = "halt"


class SurpriseKind(StrEnum):
    """What a venue did that our books cannot explain."""

    ADOPTED = "adopted"  # an order with our tag that no row was written for
    RETURNED = "returned"  # an order that was concluded to be absent is there after all
    MISSING = "missing"  # an order that rested, and that the venue no longer knows
    OVERFILLED = "overfilled"
    CONTRADICTED = "contradicted"  # refused and traded, or one trade told in two ways
    BALANCE = "balance"
    OVERSOLD = "oversold"


class AlarmKind(StrEnum):
    """Why a service asks risk to stop entries."""

    DRIFT = "drift"  # a model in use is judged red
    CLOCK = "clock"  # our clock and the venue's differ by more than may be
    STALE_DATA = "stale_data"  # no candle has come for too long


class BalanceKind(StrEnum):
    """How what an account holds beside our fills is explained."""

    OPENING = "opening"  # it was there when the account was first looked at
    ACCEPTED = "accepted"  # a person took what the venue holds for right
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    EXTERNAL_TRADE = "external_trade"  # somebody else traded on the account
    ADJUSTMENT = "adjustment"  # approved by a second person
    ROUNDING = "rounding"  # of the venue, summed up
