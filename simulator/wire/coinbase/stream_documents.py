"""What the stream says: one envelope for all channels, numbered by the connection."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.domain.enums import OrderType
from shared.domain.values import to_text
from simulator.engine.model import Depth, House, Listing, SimulatedOrder
from simulator.wire.coinbase.documents import (
    average_price,
    completion,
    held_amount,
    portfolio_id,
    status,
    time_in_force,
    total_fees,
    trigger_status,
    value_after_fees,
)
from simulator.wire.coinbase.market_documents import middle
from simulator.wire.coinbase.times import stamp

Document = dict[str, Any]

NEVER = "0001-01-01T00:00:00Z"
AUTHENTICATION_FAILURE: Mapping[str, str] = {
    "type": "error",
    "message": "authentication failure",
}
_ORDER_TYPES = {
    OrderType.LIMIT: "Limit",
    OrderType.MARKET: "Market",
    OrderType.STOP_LIMIT: "Stop Limit",
}


def envelope(channel: str, events: Sequence[Document], now: datetime, number: int) -> Document:
    return {
        "channel": channel,
        "client_id": "",
        "timestamp": stamp(now),
        "sequence_num": number,
        "events": list(events),
    }


def user_event(kind: str, orders: Sequence[Document]) -> Document:
    """`kind` is `snapshot` or `update`."""
    positions = {"perpetual_futures_positions": [], "expiring_futures_positions": []}
    return {"type": kind, "orders": list(orders), "positions": positions}


def user_order(order: SimulatedOrder, house: House) -> Document:
    """Everything is cumulative; no execution is told by itself."""
    asked = order.asked
    left = Decimal(0) if order.state.is_over else order.quantity - order.filled_quantity
    is_canceled = status(order) == "CANCELLED"
    return {
        "avg_price": average_price(order),
        "cancel_reason": "User requested cancel" if is_canceled else "",
        "client_order_id": asked.client_order_id,
        "completion_percentage": f"{completion(order):.2f}",
        "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
        "cumulative_quantity": to_text(order.filled_quantity),
        "filled_value": to_text(order.filled_notional),
        "leaves_quantity": to_text(left),
        "limit_price": "0" if asked.limit_price is None else to_text(asked.limit_price),
        "number_of_fills": str(len(order.executions)),
        "order_id": order.venue_order_id,
        "order_side": asked.side.upper(),
        "order_type": _ORDER_TYPES[asked.order_type],
        "outstanding_hold_amount": to_text(held_amount(order, house)),
        "post_only": "true" if asked.is_post_only else "false",
        "product_id": asked.symbol,
        "product_type": "SPOT",
        "reject_reason": "",
        "retail_portfolio_id": portfolio_id(asked.account),
        "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
        "status": status(order),
        "stop_price": "" if asked.stop_price is None else to_text(asked.stop_price),
        "time_in_force": time_in_force(asked),
        "total_fees": to_text(total_fees(order)),
        "total_value_after_fees": to_text(value_after_fees(order)),
        "trigger_status": trigger_status(order),
        "creation_time": stamp(order.accepted_at),
        "end_time": NEVER if asked.good_until is None else stamp(asked.good_until),
        "start_time": NEVER,
    }


def heartbeat_event(now: datetime, counter: int) -> Document:
    local = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f +0000 UTC")
    return {"current_time": f"{local} m=+{counter}.000000000", "heartbeat_counter": counter}


def ticker_event(kind: str, tickers: Sequence[Document]) -> Document:
    return {"type": kind, "tickers": list(tickers)}


def ticker(listing: Listing, depth: Depth, *, has_book: bool) -> Document:
    """`has_book`: the batched channel tells no best prices. The last day is told as none."""
    mid = middle(depth)
    said = {
        "type": "ticker",
        "product_id": listing.symbol,
        "price": "" if mid is None else to_text(mid),
        "volume_24_h": "0",
        "low_24_h": "0",
        "high_24_h": "0",
        "low_52_w": "0",
        "high_52_w": "0",
        "price_percent_chg_24_h": "0",
    }
    if mid is None or not has_book:
        return said
    (bid, bid_quantity), (ask, ask_quantity) = depth.bids[0], depth.asks[0]
    return {
        **said,
        "best_bid": to_text(bid),
        "best_bid_quantity": to_text(bid_quantity),
        "best_ask": to_text(ask),
        "best_ask_quantity": to_text(ask_quantity),
    }


def status_event(listings: Sequence[Listing]) -> Document:
    products = [
        {
            "product_type": "SPOT",
            "id": one.symbol,
            "base_currency": one.base,
            "quote_currency": one.quote,
            "base_increment": to_text(one.lot_size),
            "quote_increment": to_text(one.tick_size),
            "display_name": f"{one.base}/{one.quote}",
            "status": "online",
            "status_message": "",
            "min_market_funds": to_text(one.min_notional),
        }
        for one in listings
    ]
    return {"type": "snapshot", "products": products}
