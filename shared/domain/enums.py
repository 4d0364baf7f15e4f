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


class Interval(StrEnum):
    """How long one candle lasts."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def seconds(self) -> int:
        return _SECONDS[self]

    @property
    def delta(self) -> timedelta:
        return timedelta(seconds=_SECONDS[self])


_SECONDS = {
    Interval.M1: 60,
    Interval.M5: 300,
    Interval.M15: 900,
    Interval.M30: 1800,
    Interval.H1: 3600,
    Interval.H4: 14400,
    Interval.D1: 86400,
}


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


class OrderType(StrEnum):
    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    IOC = "ioc"
    GTC = "gtc"


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


class TradingState(StrEnum):
    RUN = "run"
    REDUCE = "reduce"
    HALT = "halt"
