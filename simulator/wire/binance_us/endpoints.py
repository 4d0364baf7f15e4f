"""Every endpoint of the venue: what it costs, asks, reads, and who answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.wire.binance_us import private, public, trading
from simulator.wire.binance_us.auth import Security
from simulator.wire.binance_us.office import Call
from simulator.wire.binance_us.orders import NEW_ORDER_READS
from simulator.wire.port import Operation

Weigh = Callable[[Mapping[str, str]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`reads` names the parameters it understands; None: it looks at no others.

    `is_slow`: it may take seconds, so it is answered beside the others, by a thread.
    """

    operation: Operation
    answer: Callable[[Call], Any]
    security: Security = Security.NONE
    weigh: Weigh = lambda _values: 1
    reads: frozenset[str] | None = frozenset()
    counts_as_order: bool = False
    is_slow: bool = False


def _always(weight: int) -> Weigh:
    return lambda _values: weight


def _with_symbol(weight: int, otherwise: int) -> Weigh:
    return lambda values: weight if values.get("symbol") else otherwise


def _depth(values: Mapping[str, str]) -> int:
    return public.depth_weight(values.get("limit"))


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SYMBOLS = _names("symbol symbols")
_ONE_ORDER = _names("symbol orderId origClientOrderId")
_PAGE = _names("symbol orderId startTime endTime limit")

_PUBLIC: dict[tuple[str, str], Endpoint] = {
    ("GET", "/api/v3/ping"): Endpoint(operation=Operation.TIME, answer=public.ping),
    ("GET", "/api/v3/time"): Endpoint(operation=Operation.TIME, answer=public.server_time),
    ("GET", "/api/v3/exchangeInfo"): Endpoint(
        operation=Operation.RULES,
        answer=public.exchange_information,
        weigh=_always(10),
        reads=_SYMBOLS | _names("permissions"),
    ),
    ("GET", "/api/v3/depth"): Endpoint(
        operation=Operation.BOOK,
        answer=public.depth,
        weigh=_depth,
        reads=_names("symbol limit"),
    ),
    ("GET", "/api/v3/trades"): Endpoint(
        operation=Operation.OTHER, answer=public.recent_trades, reads=_names("symbol limit")
    ),
    ("GET", "/api/v3/historicalTrades"): Endpoint(
        operation=Operation.OTHER,
        answer=public.old_trades,
        security=Security.USER_STREAM,  # a key and no signature: MARKET_DATA asks the same
        weigh=_always(5),
        reads=_names("symbol limit fromId"),
    ),
    ("GET", "/api/v3/aggTrades"): Endpoint(
        operation=Operation.OTHER,
        answer=public.aggregate_trades,
        reads=_names("symbol fromId startTime endTime limit"),
    ),
    ("GET", "/api/v3/klines"): Endpoint(
        operation=Operation.CANDLES,
        answer=public.candles,
        reads=_names("symbol interval startTime endTime limit"),
        is_slow=True,
    ),
    ("GET", "/api/v3/avgPrice"): Endpoint(
        operation=Operation.BOOK, answer=public.mean_price, reads=_names("symbol")
    ),
    ("GET", "/api/v3/ticker/price"): Endpoint(
        operation=Operation.BOOK,
        answer=public.prices,
        weigh=_with_symbol(1, 2),
        reads=_SYMBOLS,
    ),
    ("GET", "/api/v3/ticker/bookTicker"): Endpoint(
        operation=Operation.BOOK,
        answer=public.book_tops,
        weigh=_with_symbol(1, 2),
        reads=_SYMBOLS,
    ),
    ("GET", "/api/v3/ticker/24hr"): Endpoint(
        operation=Operation.BOOK,
        answer=public.day_figures,
        weigh=_with_symbol(1, 40),
        reads=_SYMBOLS | _names("type"),
        is_slow=True,
    ),
}

_TRADE: dict[tuple[str, str], Endpoint] = {
    ("POST", "/api/v3/order"): Endpoint(
        operation=Operation.CREATE,
        answer=trading.place,
        security=Security.TRADE,
        reads=NEW_ORDER_READS,
        counts_as_order=True,
    ),
    ("POST", "/api/v3/order/test"): Endpoint(
        operation=Operation.OTHER,
        answer=trading.try_out,
        security=Security.TRADE,
        reads=NEW_ORDER_READS,
    ),
    ("DELETE", "/api/v3/order"): Endpoint(
        operation=Operation.CANCEL,
        answer=trading.cancel,
        security=Security.TRADE,
        reads=_ONE_ORDER | _names("newClientOrderId cancelRestrictions"),
    ),
    ("DELETE", "/api/v3/openOrders"): Endpoint(
        operation=Operation.CANCEL,
        answer=trading.cancel_all,
        security=Security.TRADE,
        reads=_names("symbol"),
    ),
    ("POST", "/api/v3/order/oco"): Endpoint(
        operation=Operation.OTHER, answer=trading.no_oco, security=Security.TRADE, reads=None
    ),
    ("POST", "/api/v3/order/cancelReplace"): Endpoint(
        operation=Operation.OTHER,
        answer=trading.no_cancel_replace,
        security=Security.TRADE,
        reads=None,
    ),
    ("DELETE", "/api/v3/orderList"): Endpoint(
        operation=Operation.OTHER,
        answer=trading.unknown_list,
        security=Security.TRADE,
        reads=None,
    ),
}

_USER_DATA: dict[tuple[str, str], Endpoint] = {
    ("GET", path): Endpoint(
        operation=operation,
        answer=answer,
        security=Security.USER_DATA,
        weigh=weigh,
        reads=reads,
    )
    for path, operation, answer, weigh, reads in (
        ("/api/v3/order", Operation.QUERY, private.query_order, _always(2), _ONE_ORDER),
        (
            "/api/v3/openOrders",
            Operation.OPEN_ORDERS,
            private.open_orders,
            _with_symbol(3, 40),
            _names("symbol"),
        ),
        ("/api/v3/allOrders", Operation.HISTORY, private.all_orders, _always(10), _PAGE),
        (
            "/api/v3/myTrades",
            Operation.FILLS,
            private.my_trades,
            _always(10),
            _PAGE | _names("fromId"),
        ),
        (
            "/api/v3/account",
            Operation.BALANCES,
            private.account,
            _always(10),
            _names(""),
        ),
        ("/api/v3/rateLimit/order", Operation.OTHER, private.order_limits, _always(20), _names("")),
        ("/api/v3/openOrderList", Operation.OTHER, private.no_lists, _always(3), _names("")),
        ("/api/v3/allOrderList", Operation.OTHER, private.no_lists, _always(10), None),
        ("/api/v3/orderList", Operation.OTHER, private.unknown_list, _always(2), None),
        (
            "/sapi/v1/asset/query/trading-fee",
            Operation.FEES,
            private.trading_fees,
            _always(1),
            _names("symbol"),
        ),
    )
}

_STREAM: dict[tuple[str, str], Endpoint] = {
    (method, "/api/v3/userDataStream"): Endpoint(
        operation=Operation.STREAM,
        answer=answer,
        security=Security.USER_STREAM,
        reads=_names("listenKey"),
    )
    for method, answer in (
        ("POST", trading.open_stream),
        ("PUT", trading.prolong_stream),
        ("DELETE", trading.close_stream),
    )
}

ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {**_PUBLIC, **_TRADE, **_USER_DATA, **_STREAM}


def operation_of(method: str, path: str) -> Operation:
    """Return what a request is about; a WebSocket's path is the stream."""
    endpoint = ENDPOINTS.get((method.upper(), path))
    if endpoint is not None:
        return endpoint.operation
    is_stream = path in ("/stream", "/ws") or path.startswith("/ws/")
    return Operation.STREAM if is_stream else Operation.OTHER
