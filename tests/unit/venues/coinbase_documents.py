"""Small documents of Coinbase, written from its documented shapes, and what they were asked with."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from shared.domain.enums import OrderType, Side, TimeInForce
from shared.domain.ids import ClientOrderId, Symbol, VenueOrderId
from shared.domain.venue import OrderRef, OrderRequest
from venues.reading import Document, read
from venues.transport import Reply

RECORDED = Path(__file__).parents[4] / "shared" / "fixtures" / "coinbase" / "jkorf"

BTC = Symbol("BTC-USD")
OURS = ClientOrderId("f1016c1b-746c-8063-894d-12450317dafa")
THEIRS = VenueOrderId("9bd1c8a2-2fb7-4b0e-8d0e-5fd3f6b0c001")
SIGNED_AT = datetime(2026, 11, 21, 12, 0, 0, 987_000, tzinfo=UTC)

TIME = {"iso": "2026-11-21T12:00:00Z", "epochSeconds": "1795262400", "epochMillis": "1795262400123"}

CREATED = {
    "success": True,
    "success_response": {
        "order_id": THEIRS,
        "product_id": BTC,
        "side": "BUY",
        "client_order_id": OURS,
        "attached_order_id": "",
    },
    "order_configuration": {"sor_limit_ioc": {"base_size": "0.0021", "limit_price": "70000.01"}},
}
NOT_CREATED = {
    "success": False,
    "error_response": {
        "error": "INSUFFICIENT_FUND",
        "message": "Insufficient balance in source account",
        "error_details": "",
        "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND",
        "new_order_failure_reason": "UNKNOWN_FAILURE_REASON",
    },
    "order_configuration": {"sor_limit_ioc": {"base_size": "0.0021", "limit_price": "70000.01"}},
}
ORDER = {
    "order_id": THEIRS,
    "product_id": BTC,
    "user_id": "2222-000000-000000",
    "order_configuration": {
        "limit_limit_gtd": {
            "base_size": "0.0021",
            "limit_price": "70000.01",
            "end_time": "2026-11-21T12:05:00Z",
            "post_only": False,
        }
    },
    "side": "BUY",
    "client_order_id": OURS,
    "status": "OPEN",
    "time_in_force": "GOOD_UNTIL_DATE_TIME",
    "created_time": "2026-11-21T12:00:01.123456Z",
    "completion_percentage": "0",
    "filled_size": "0",
    "average_filled_price": "0",
    "number_of_fills": "0",
    "filled_value": "0",
    "pending_cancel": False,
    "size_in_quote": False,
    "total_fees": "0",
    "size_inclusive_of_fees": False,
    "trigger_status": "INVALID_ORDER_TYPE",
    "order_type": "LIMIT",
    "reject_reason": "REJECT_REASON_UNSPECIFIED",
    "settled": False,
    "product_type": "SPOT",
    "last_fill_time": None,
}
ORDERS = {"orders": [ORDER], "sequence": "0", "has_next": False, "cursor": ""}
FILL = {
    "entry_id": "a1b2",
    "trade_id": "3f7c1d52-0d64-4e57-9d2f-aa54d6f0b9aa",
    "order_id": THEIRS,
    "trade_time": "2026-11-21T12:00:01.234567Z",
    "trade_type": "FILL",
    "price": "69999.5",
    "size": "0.0011",
    "commission": "0.4619967",
    "product_id": BTC,
    "sequence_timestamp": "2026-11-21T12:00:01.240000Z",
    "liquidity_indicator": "TAKER",
    "size_in_quote": False,
    "user_id": "u",
    "side": "BUY",
    "retail_portfolio_id": "p",
}
FILLS = {"fills": [FILL], "cursor": ""}
ACCOUNT = {
    "uuid": "8bfc20d7-f7c6-4422-bf07-8243ca4169fe",
    "name": "BTC Wallet",
    "currency": "BTC",
    "available_balance": {"value": "1.23", "currency": "BTC"},
    "default": False,
    "active": True,
    "hold": {"value": "0.07", "currency": "BTC"},
}
ACCOUNTS = {"accounts": [ACCOUNT], "has_next": False, "cursor": "", "size": 1}
PRODUCT = {
    "product_id": BTC,
    "price": "70000.00",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "quote_min_size": "1",
    "quote_max_size": "150000000",
    "base_min_size": "0.00000001",
    "base_max_size": "3400",
    "is_disabled": False,
    "status": "online",
    "cancel_only": False,
    "limit_only": False,
    "post_only": False,
    "trading_disabled": False,
    "auction_mode": False,
    "product_type": "SPOT",
    "quote_currency_id": "USD",
    "base_currency_id": "BTC",
    "alias": "",
    "alias_to": ["BTC-USDC"],
    "view_only": False,
    "price_increment": "0.01",
}
PRODUCTS = {"products": [PRODUCT], "num_products": 1}
BOOK = {
    "pricebook": {
        "product_id": BTC,
        "bids": [{"price": "69999.99", "size": "0.5"}],
        "asks": [{"price": "70000.01", "size": "0.25"}],
        "time": "2026-11-21T12:00:00.1Z",
    }
}
CANDLE = {
    "start": "1795262340",
    "low": "69990.5",
    "high": "70010",
    "open": "70000",
    "close": "70001.25",
    "volume": "3.25",
}
CANDLES = {"candles": [CANDLE]}
FEES = {
    "total_volume": 0,
    "fee_tier": {
        "pricing_tier": "Intro 1",
        "taker_fee_rate": "0.012",
        "maker_fee_rate": "0.006",
    },
    "margin_rate": None,
}
PERMISSIONS = {
    "can_view": True,
    "can_trade": True,
    "can_transfer": False,
    "portfolio_uuid": "p",
    "portfolio_type": "DEFAULT",
}
CANCELED = {
    "results": [
        {"success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": THEIRS}
    ]
}
UNKNOWN_ORDER = {
    "error": "NOT_FOUND",
    "error_details": "order with this orderID was not found",
    "message": "order with this orderID was not found",
}
USER_EVENT = {
    "channel": "user",
    "client_id": "",
    "timestamp": "2026-11-21T12:00:01.609931463Z",
    "sequence_num": 2,
    "events": [
        {
            "type": "update",
            "orders": [
                {
                    "order_id": THEIRS,
                    "client_order_id": OURS,
                    "cumulative_quantity": "0.0011",
                    "leaves_quantity": "0.001",
                    "status": "OPEN",
                    "product_id": BTC,
                }
            ],
        }
    ],
}


def wanted(**changes) -> OrderRequest:
    asked = {
        "client_order_id": OURS,
        "symbol": BTC,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.IOC,
        "quantity": Decimal("0.0021"),
        "limit_price": Decimal("70000.01"),
        "signed_at": SIGNED_AT,
        "window": timedelta(seconds=20),
        "send_by": float("inf"),
    }
    return OrderRequest(**(asked | changes))


def reference(**changes) -> OrderRef:
    return OrderRef(**({"symbol": BTC, "client_order_id": OURS, "placed_at": SIGNED_AT} | changes))


def answer(document: object, status: int = 200, **headers: str) -> Reply:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Reply(status=status, headers=headers, body=body)


def documented(document: object) -> Document:
    return read(json.dumps(document))


def recorded(name: str) -> Document:
    """Return an example message of another project; skips where they are not there."""
    path = RECORDED / "Endpoints" / "AdvancedTrade" / name
    if not path.is_file():
        pytest.skip(f"the example messages are not on this machine: {name}")
    return read("".join(path.read_text().splitlines(keepends=True)[3:]))


def changed(document: Document, **changes) -> Document:
    """Return an object with some of its fields replaced."""
    return Document({**document.value, **changes}, document.path)
