"""Every endpoint of the venue that is simulated: one table for access, operations and answers."""

import re
from collections.abc import Callable
from typing import Any

from simulator.wire.coinbase import accounts, market, older, preview, trading
from simulator.wire.coinbase.calls import Access, Call, Entry
from simulator.wire.port import Operation

STREAM_PATH = "/"
_V3 = "/api/v3/brokerage"
_ORDERS = f"{_V3}/orders"
_PUBLIC, _VIEW, _TRADE = Access.PUBLIC, Access.VIEW, Access.TRADE

_Row = tuple[str, str, Operation, Access, Callable[[Call], Any]]
_ROWS: tuple[_Row, ...] = (
    ("GET", f"{_V3}/time", Operation.TIME, _PUBLIC, market.time),
    ("GET", f"{_V3}/market/products", Operation.RULES, _PUBLIC, market.list_products),
    ("GET", f"{_V3}/market/products/{{product_id}}", Operation.RULES, _PUBLIC, market.get_product),
    (
        "GET",
        f"{_V3}/market/products/{{product_id}}/candles",
        Operation.CANDLES,
        _PUBLIC,
        market.candles,
    ),
    (
        "GET",
        f"{_V3}/market/products/{{product_id}}/ticker",
        Operation.BOOK,
        _PUBLIC,
        market.market_trades,
    ),
    ("GET", f"{_V3}/market/product_book", Operation.BOOK, _PUBLIC, market.product_book),
    ("GET", f"{_V3}/products", Operation.RULES, _VIEW, market.list_products),
    ("GET", f"{_V3}/products/{{product_id}}", Operation.RULES, _VIEW, market.get_product),
    ("GET", f"{_V3}/products/{{product_id}}/candles", Operation.CANDLES, _VIEW, market.candles),
    ("GET", f"{_V3}/products/{{product_id}}/ticker", Operation.BOOK, _VIEW, market.market_trades),
    ("GET", f"{_V3}/product_book", Operation.BOOK, _VIEW, market.product_book),
    ("GET", f"{_V3}/best_bid_ask", Operation.BOOK, _VIEW, market.best_bid_ask),
    ("GET", f"{_V3}/accounts", Operation.BALANCES, _VIEW, accounts.list_accounts),
    ("GET", f"{_V3}/accounts/{{account_id}}", Operation.BALANCES, _VIEW, accounts.get_account),
    ("GET", f"{_V3}/transaction_summary", Operation.FEES, _VIEW, accounts.transaction_summary),
    ("GET", f"{_V3}/key_permissions", Operation.PERMISSIONS, _VIEW, accounts.key_permissions),
    ("GET", f"{_V3}/portfolios", Operation.OTHER, _VIEW, accounts.portfolios),
    ("POST", _ORDERS, Operation.CREATE, _TRADE, trading.create),
    ("POST", f"{_ORDERS}/preview", Operation.OTHER, _VIEW, preview.preview),
    ("POST", f"{_ORDERS}/batch_cancel", Operation.CANCEL, _TRADE, trading.cancel),
    ("GET", f"{_ORDERS}/historical/batch", Operation.HISTORY, _VIEW, trading.list_orders),
    ("GET", f"{_ORDERS}/historical/fills", Operation.FILLS, _VIEW, trading.list_fills),
    ("GET", f"{_ORDERS}/historical/{{order_id}}", Operation.QUERY, _VIEW, trading.get_order),
    ("GET", "/v2/time", Operation.TIME, _PUBLIC, older.time),
    ("GET", "/v2/currencies", Operation.OTHER, _PUBLIC, older.currencies),
    ("GET", "/v2/currencies/crypto", Operation.OTHER, _PUBLIC, older.crypto_currencies),
    ("GET", "/v2/exchange-rates", Operation.OTHER, _PUBLIC, older.exchange_rates),
    ("GET", "/v2/accounts", Operation.BALANCES, _VIEW, accounts.older_accounts),
)
ENTRIES = tuple(
    Entry(method=method, path=path, operation=operation, access=access, answer=answer)
    for method, path, operation, access, answer in _ROWS
)
_PATTERNS = tuple((one, re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", one.path))) for one in ENTRIES)


def operation(method: str, path: str) -> Operation:
    """Tell what a request is about; a list of open orders is one where the query is in `path`."""
    bare, _, query = path.partition("?")
    if bare == STREAM_PATH:
        return Operation.STREAM
    for entry, pattern in _PATTERNS:
        if entry.method == method.upper() and pattern.fullmatch(bare):
            is_open = entry.operation is Operation.HISTORY and "order_status=OPEN" in query
            return Operation.OPEN_ORDERS if is_open else entry.operation
    return Operation.OTHER
