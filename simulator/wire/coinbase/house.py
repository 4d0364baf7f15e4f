"""What is particular to Coinbase as an exchange."""

from decimal import Decimal

from shared.domain.enums import OrderType, TimeInForce
from simulator.engine.model import DuplicateIds, House

# the fees of the lowest tier, "Intro 1", as its interface told them until September 2026
HOUSE = House(
    name="coinbase",
    duplicate_ids=DuplicateIds.RETURN_FIRST,
    is_fee_in_received=False,
    maker_ratio=Decimal("0.006"),
    taker_ratio=Decimal("0.012"),
    order_types=frozenset({OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT}),
    time_in_forces=frozenset({TimeInForce.GTC, TimeInForce.GTD, TimeInForce.IOC, TimeInForce.FOK}),
)
PRICING_TIER = "Intro 1"
