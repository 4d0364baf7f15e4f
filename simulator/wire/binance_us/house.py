"""What is Binance.US's own: fees, order types, the rule of client ids, the sizes of its windows."""

from decimal import Decimal

from shared.domain.enums import OrderType, TimeInForce
from simulator.engine.model import DuplicateIds, House

# the schedule that clients of the venue carry; one recorded fill of 2025-10 paid a tenth of it
HOUSE = House(
    name="binance_us",
    duplicate_ids=DuplicateIds.UNIQUE_AMONG_OPEN,
    is_fee_in_received=True,
    has_trades_by_symbol=True,
    maker_ratio=Decimal("0.001"),
    taker_ratio=Decimal("0.001"),
    order_types=frozenset({OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT}),
    time_in_forces=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
)

CLIENT_ID_PATTERN = r"^[a-zA-Z0-9-_]{1,36}$"
DEFAULT_RECV_WINDOW = 5_000
MAX_RECV_WINDOW = 60_000
MAX_AHEAD = 1_000  # milliseconds that a timestamp may lie in the venue's future
DECIMALS = 8
DEFAULT_ROWS = 500
MAX_ROWS = 1_000
WEIGHT_PER_MINUTE = 1_200
ORDERS_PER_10_SECONDS = 100
ORDERS_PER_DAY = 200_000
ARCHIVE_DAYS = 90
LISTEN_KEY_MINUTES = 60
CONNECTION_HOURS = 24
MESSAGES_PER_SECOND = 5  # that a client may send on one connection of the stream
