"""What the simulator's own interface can be asked."""

from decimal import Decimal

import msgspec

from shared.domain.enums import OrderType, Side, TimeInForce
from shared.domain.ids import Symbol
from simulator.settings import MAIN


class AskedPrice(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    symbol: Symbol
    price: Decimal | None
    level_quantity: Decimal | None = None


class AskedAdvance(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    seconds: float


class AskedClock(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    offset_seconds: float


class AskedFunds(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    asset: str
    amount: Decimal
    account: str = MAIN


class AskedLag(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    seconds: float


class AskedOrder(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An order of somebody else on the account: by hand, or from another program."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.GTC
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    client_order_id: str = "by-hand"
    account: str = MAIN
