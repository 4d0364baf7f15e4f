"""Every endpoint: what it costs, who may use it, what it is about, and who answers it.

Weights and pools are KuCoin's own (specification of 2025-11); its abandoned endpoints are not here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from simulator.wire.kucoin import account, history, market, trading
from simulator.wire.kucoin.desk import Call, Desk
from simulator.wire.port import Operation

Answer = Callable[[Desk, Call], Any]


class Pool(StrEnum):
    """Whose quota a request uses up: `public` is counted by address, the others by key."""

    PUBLIC = "public"
    SPOT = "spot"
    MANAGEMENT = "management"


class Access(StrEnum):
    ANYONE = "anyone"
    READ = "read"
    TRADE = "trade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    method: str
    path: str
    pool: Pool
    weight: int
    access: Access
    operation: Operation
    answer: Answer


def _public(path: str, weight: int, operation: Operation, answer: Answer) -> Endpoint:
    return Endpoint(
        method="GET",
        path=path,
        pool=Pool.PUBLIC,
        weight=weight,
        access=Access.ANYONE,
        operation=operation,
        answer=answer,
    )


def _read(
    path: str, weight: int, operation: Operation, answer: Answer, pool: Pool = Pool.SPOT
) -> Endpoint:
    return Endpoint(
        method="GET",
        path=path,
        pool=pool,
        weight=weight,
        access=Access.READ,
        operation=operation,
        answer=answer,
    )


def _act(method: str, path: str, weight: int, operation: Operation, answer: Answer) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        pool=Pool.SPOT,
        weight=weight,
        access=Access.TRADE,
        operation=operation,
        answer=answer,
    )


_MARKET = (
    _public("/api/v1/timestamp", 3, Operation.TIME, market.time),
    _public("/api/v1/status", 3, Operation.OTHER, market.status),
    _public("/api/v1/markets", 3, Operation.OTHER, market.markets),
    _public("/api/v2/symbols", 4, Operation.RULES, market.symbols),
    _public("/api/v2/symbols/{symbol}", 4, Operation.RULES, market.symbol),
    _public("/api/v3/currencies", 3, Operation.OTHER, market.currencies),
    _public("/api/v3/currencies/{currency}", 3, Operation.OTHER, market.currency),
    _public("/api/v1/market/orderbook/level1", 2, Operation.BOOK, market.ticker),
    _public("/api/v1/market/orderbook/level2_20", 2, Operation.BOOK, market.book_of_20),
    _public("/api/v1/market/orderbook/level2_100", 4, Operation.BOOK, market.book_of_100),
    _public("/api/v1/market/allTickers", 15, Operation.BOOK, market.tickers),
    _public("/api/v1/market/stats", 15, Operation.BOOK, market.day),
    _public("/api/v1/market/candles", 3, Operation.CANDLES, market.candles),
    _read("/api/v3/market/orderbook/level2", 3, Operation.BOOK, market.whole_book),
    _read("/api/v3/margin/symbols", 2, Operation.OTHER, market.no_cross_margin),
    _read("/api/v1/isolated/symbols", 2, Operation.OTHER, market.no_isolated_margin),
)
_ACCOUNT = (
    _read("/api/v1/accounts", 5, Operation.BALANCES, account.accounts, Pool.MANAGEMENT),
    _read("/api/v1/accounts/{account_id}", 5, Operation.BALANCES, account.account, Pool.MANAGEMENT),
    _read("/api/v1/hf/accounts/opened", 30, Operation.OTHER, account.is_high_frequency),
    _read("/api/ua/v1/account/mode", 5, Operation.OTHER, account.mode, Pool.MANAGEMENT),
    _read("/api/v1/user/api-key", 20, Operation.PERMISSIONS, account.key, Pool.MANAGEMENT),
    _read("/api/v2/user-info", 20, Operation.OTHER, account.user, Pool.MANAGEMENT),
    _read("/api/v1/trade-fees", 3, Operation.FEES, account.trade_fees),
    _read("/api/v1/base-fee", 3, Operation.FEES, account.base_fee),
    Endpoint(
        method="POST",
        path="/api/v1/bullet-public",
        pool=Pool.PUBLIC,
        weight=10,
        access=Access.ANYONE,
        operation=Operation.STREAM,
        answer=account.public_token,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/bullet-private",
        pool=Pool.SPOT,
        weight=10,
        access=Access.READ,
        operation=Operation.STREAM,
        answer=account.private_token,
    ),
)
_ORDERS = "/api/v1/hf/orders"
_QUERIES = (
    _read(f"{_ORDERS}/active", 2, Operation.OPEN_ORDERS, history.active),
    _read(f"{_ORDERS}/active/page", 2, Operation.OPEN_ORDERS, history.active_page),
    _act("GET", f"{_ORDERS}/active/symbols", 2, Operation.OPEN_ORDERS, history.active_symbols),
    _read(f"{_ORDERS}/done", 2, Operation.HISTORY, history.done),
    _act("GET", f"{_ORDERS}/dead-cancel-all/query", 2, Operation.DEAD_MAN, trading.switch),
    _read(f"{_ORDERS}/client-order/{{client_id}}", 2, Operation.QUERY, history.order_by_client_id),
    _read(f"{_ORDERS}/{{order_id}}", 2, Operation.QUERY, history.order),
    _read("/api/v1/hf/fills", 2, Operation.FILLS, history.fills),
)
_BY_CLIENT = "client-order/{client_id}"
_TRADING = (
    _act("POST", _ORDERS, 1, Operation.CREATE, trading.place),
    _act("POST", f"{_ORDERS}/sync", 1, Operation.CREATE, trading.place_and_wait),
    _act("POST", f"{_ORDERS}/test", 1, Operation.OTHER, trading.place_test),
    _act("POST", f"{_ORDERS}/multi", 1, Operation.CREATE, trading.place_many),
    _act("POST", f"{_ORDERS}/multi/sync", 1, Operation.CREATE, trading.place_many_and_wait),
    _act("POST", f"{_ORDERS}/dead-cancel-all", 2, Operation.DEAD_MAN, trading.arm_switch),
    _act("DELETE", _ORDERS, 2, Operation.CANCEL, trading.cancel_on_symbol),
    _act("DELETE", f"{_ORDERS}/cancelAll", 30, Operation.CANCEL, trading.cancel_all),
    _act("DELETE", f"{_ORDERS}/{_BY_CLIENT}", 1, Operation.CANCEL, trading.cancel_by_client_id),
    _act(
        "DELETE",
        f"{_ORDERS}/sync/{_BY_CLIENT}",
        1,
        Operation.CANCEL,
        trading.cancel_by_client_id_and_wait,
    ),
    _act("DELETE", f"{_ORDERS}/sync/{{order_id}}", 1, Operation.CANCEL, trading.cancel_and_wait),
    _act("DELETE", f"{_ORDERS}/{{order_id}}", 1, Operation.CANCEL, trading.cancel),
)
ENDPOINTS = (*_MARKET, *_ACCOUNT, *_QUERIES, *_TRADING)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


def find(method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
    """Return the endpoint and what stands in the places of its path; the first one that fits."""
    for endpoint in ENDPOINTS:
        fit = _pattern(endpoint.path).fullmatch(path) if endpoint.method == method else None
        if fit is not None:
            return endpoint, fit.groupdict()
    return None


def operation(method: str, path: str) -> Operation:
    if path == "/":
        return Operation.STREAM
    found = find(method, path)
    return Operation.OTHER if found is None else found[0].operation
