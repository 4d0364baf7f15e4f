"""A venue behind a network, in the platform's words: what is asked of it and what it may answer.

Nothing of a venue's own package crosses this border: no dict, no float, no local time. What a venue
answers to an order is a value, because each answer leads somewhere else; what it is only asked for
either comes or raises (`venues.errors`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from shared.domain.enums import Liquidity, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import ClientOrderId, Symbol, TradeId, VenueOrderId
from shared.domain.instrument import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingRules:
    """One instrument as the venue lists it: quantities in base, notionals and increments in quote.

    `max_quantity`, `max_notional` None: the venue names none. `market_lot_size` None: as for limit
    orders. What is not in `order_types` is done on our side (stops) or not at all.
    """

    instrument: Instrument
    venue_symbol: str
    min_quantity: Decimal
    max_quantity: Decimal | None
    max_notional: Decimal | None
    market_lot_size: Decimal | None
    is_trading: bool
    is_limit_only: bool
    is_post_only: bool
    is_cancel_only: bool
    order_types: frozenset[OrderType]
    time_in_forces: frozenset[TimeInForce]

    @property
    def has_native_stop(self) -> bool:
        return OrderType.STOP_LIMIT in self.order_types


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """One order as it is asked for, once.

    `signed_at` is the claim's instant on the venue's clock, the only timestamp the request may
    carry: the venue itself refuses it later than `signed_at + window`. No byte may leave after
    `send_by` (`time.monotonic()`). `limit_price` None: a market order; `good_until` only with GTD.
    """

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    signed_at: datetime
    window: timedelta
    send_by: float
    stop_price: Decimal | None = None
    good_until: datetime | None = None
    is_post_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRef:
    """How an order is asked for; `placed_at` is when it was signed: nothing older is it."""

    symbol: Symbol
    client_order_id: ClientOrderId
    placed_at: datetime
    venue_order_id: VenueOrderId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFill:
    """One execution as the venue tells it; `fee` is a positive amount of `fee_asset`."""

    trade_id: TradeId
    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId | None
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: Liquidity
    filled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """What the venue says of one order; `filled_quantity` is cumulative, in base.

    `status` is OPEN, PARTIAL, CANCELING, FILLED, CANCELED, EXPIRED or REJECTED. An order that ended
    unfilled says EXPIRED or CANCELED whatever has filled of it before. `client_order_id` is None
    where somebody else gave none. `fills` holds what the venue told along with it, perhaps nothing.
    """

    client_order_id: ClientOrderId | None
    venue_order_id: VenueOrderId
    symbol: Symbol
    side: Side
    order_type: OrderType
    status: OrderStatus
    quantity: Decimal
    limit_price: Decimal | None
    filled_quantity: Decimal
    at: datetime | None
    fills: tuple[VenueFill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The order exists at the venue."""

    venue_order_id: VenueOrderId
    report: OrderReport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Final: the order does not exist at the venue. `code` is the venue's own."""

    reason: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Final: no byte left for the venue."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """The venue may or may not have acted, or says that the id exists already: ask it."""

    reason: str


Answer = Accepted | Refused | NotSent | Ambiguous


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Amounts of one asset in the account that orders spend from."""

    asset: str
    available: Decimal
    held: Decimal

    @property
    def total(self) -> Decimal:
        return self.available + self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class TopOfBook:
    """Best prices in quote, quantities in base; `at` is when we heard it."""

    symbol: Symbol
    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRates:
    """Ratios of notional."""

    maker: Decimal
    taker: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissions:
    """What the API key may do, as the venue says; None where the venue does not tell."""

    may_read: bool
    may_trade: bool
    may_withdraw: bool | None
    is_ip_restricted: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """`offset` is the venue's clock minus ours; its error is at most half of `round_trip`."""

    offset: timedelta
    round_trip: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RateUse:
    """How much of a rate limit is used up (0 to 1), and until when nothing may be sent, if so."""

    used_ratio: float
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHint:
    """Something may have happened to an order: look. Nothing else of the message is believed."""

    client_order_id: ClientOrderId | None = None
    venue_order_id: VenueOrderId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Hints may have been missed: compare everything."""

    reason: str


Hint = OrderHint | Gap
