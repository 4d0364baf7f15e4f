"""What the simulated exchange knows and says; money is Decimal, time is aware UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain.enums import Liquidity, OrderType, Side, TimeInForce
from shared.domain.ids import Symbol


class Rejection(StrEnum):
    """Why an order or a cancel is refused; each wire says it in its venue's words."""

    UNKNOWN_SYMBOL = "unknown_symbol"
    MARKET_CLOSED = "market_closed"
    UNSUPPORTED = "unsupported"
    INVALID_CLIENT_ORDER_ID = "invalid_client_order_id"
    DUPLICATE_CLIENT_ORDER_ID = "duplicate_client_order_id"
    PRICE_INCREMENT = "price_increment"
    PRICE_BAND = "price_band"
    QUANTITY_INCREMENT = "quantity_increment"
    MIN_QUANTITY = "min_quantity"
    MAX_QUANTITY = "max_quantity"
    MIN_NOTIONAL = "min_notional"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    POST_ONLY_WOULD_TAKE = "post_only_would_take"
    STOP_WOULD_TRIGGER = "stop_would_trigger"
    TOO_MANY_ORDERS = "too_many_orders"
    UNKNOWN_ORDER = "unknown_order"


class Refusal(Exception):
    """The exchange says no; nothing of it exists."""

    def __init__(self, rejection: Rejection, detail: str = "") -> None:
        super().__init__(detail or rejection)
        self.rejection = rejection
        self.detail = detail


class DuplicateIds(StrEnum):
    """What happens to a second order with the same client id."""

    RETURN_FIRST = "return_first"  # Coinbase: the first order again, whatever became of it
    UNIQUE_AMONG_OPEN = "unique_among_open"  # Binance.US, KuCoin: accepted again once it has ended


class State(StrEnum):
    """`PENDING`: a stop that has not triggered."""

    PENDING = "pending"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def is_over(self) -> bool:
        return self in (State.FILLED, State.CANCELED, State.EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One instrument; quantities in base, prices and notionals in quote."""

    symbol: Symbol
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    is_trading: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What differs between exchanges; ratios are of notional.

    `is_fee_in_received`: a buy pays its fee in base (Binance.US), otherwise always in quote.
    `has_trades_by_symbol`: the trades of each instrument are counted apart, all from one number, so
    that two have the same one.
    """

    name: str
    duplicate_ids: DuplicateIds
    is_fee_in_received: bool
    maker_ratio: Decimal
    taker_ratio: Decimal
    order_types: frozenset[OrderType]
    time_in_forces: frozenset[TimeInForce]
    has_trades_by_symbol: bool = False
    price_band_ratio: Decimal = Decimal("0.5")
    max_open_orders: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order as asked for; exactly one of the quantities is given."""

    account: str
    client_order_id: str
    symbol: Symbol
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    good_until: datetime | None = None
    is_post_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One trade of one order; `fee` is a positive amount of `fee_asset`."""

    trade_id: str
    venue_order_id: str
    client_order_id: str
    account: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: Liquidity
    at: datetime


@dataclass(slots=True, kw_only=True)
class SimulatedOrder:
    """An accepted order while it changes; wires read it under the exchange's lock, as a copy."""

    venue_order_id: str
    number: int
    asked: NewOrder
    quantity: Decimal
    state: State
    accepted_at: datetime
    updated_at: datetime
    executions: list[Execution] = field(default_factory=list[Execution])
    has_triggered: bool = False

    @property
    def filled_quantity(self) -> Decimal:
        return sum((one.quantity for one in self.executions), Decimal(0))

    @property
    def filled_notional(self) -> Decimal:
        return sum((one.quantity * one.price for one in self.executions), Decimal(0))

    @property
    def fees(self) -> Mapping[str, Decimal]:
        total: dict[str, Decimal] = {}
        for one in self.executions:
            total[one.fee_asset] = total.get(one.fee_asset, Decimal(0)) + one.fee
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    available: Decimal
    held: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """(price, quantity) from the best outwards."""

    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
    at: datetime


class Change(StrEnum):
    ACCEPTED = "accepted"
    EXECUTED = "executed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanged:
    """What the private stream tells: `execution` where one caused it."""

    change: Change
    order: SimulatedOrder
    execution: Execution | None = None
