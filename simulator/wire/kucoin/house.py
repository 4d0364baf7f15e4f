"""What is KuCoin's own way: fees of level 0 (class A), ids unique among open orders, no stops.

KuCoin has marked its stop and OCO endpoints as abandoned: an order is limit or market.
"""

from decimal import Decimal

from shared.domain.enums import OrderType, TimeInForce
from simulator.engine.model import DuplicateIds, House

HOUSE = House(
    name="kucoin",
    duplicate_ids=DuplicateIds.UNIQUE_AMONG_OPEN,
    is_fee_in_received=False,
    maker_ratio=Decimal("0.001"),
    taker_ratio=Decimal("0.001"),
    order_types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
    time_in_forces=frozenset(TimeInForce),
)
QUOTE_INCREMENT = Decimal("0.000001")
