"""What a client asks for, read: KuCoin's order body and its query parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.domain.enums import OrderType, Side, TimeInForce
from shared.domain.ids import Symbol
from simulator.engine.model import NewOrder, Refusal, Rejection
from simulator.wire.kucoin.desk import UNNAMED, Call, Desk, Note
from simulator.wire.kucoin.errors import (
    Complaint,
    bad_parameter,
    in_kucoins_words,
    missing_in_order,
    too_late,
)
from simulator.wire.kucoin.house import QUOTE_INCREMENT
from simulator.wire.kucoin.moments import milliseconds

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_IN_FORCE = {
    "GTC": TimeInForce.GTC,
    "GTT": TimeInForce.GTD,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_STP = ("CN", "CO", "CB", "DC")
_LONGEST_REMARK = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """How long and how large: what differs between limit and market orders."""

    time_in_force: TimeInForce
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    limit_price: Decimal | None = None
    good_until: datetime | None = None
    is_post_only: bool = False


def read_order(desk: Desk, call: Call, body: Mapping[str, Any]) -> NewOrder:
    """Return the order a body asks for.

    Raises:
        Complaint: something is missing, cannot be read, or comes too late.
    """
    now = desk.exchange.now()
    _check_time_window(body, now)
    symbol = _word(body, "symbol")
    if desk.listing(symbol) is None:
        raise in_kucoins_words(Refusal(Rejection.UNKNOWN_SYMBOL))
    side = _word(body, "side")
    kind = body.get("type", "limit")
    if side not in ("buy", "sell"):
        raise bad_parameter("side not in the given range!")
    if kind not in ("limit", "market"):
        raise bad_parameter("type not in the given range!")
    terms = _limit_terms(body, now) if kind == "limit" else _market_terms(body)
    return NewOrder(
        account=call.account,
        client_order_id=_client_id(body) or f"{UNNAMED}{desk.number()}",
        symbol=Symbol(symbol),
        side=Side(side),
        order_type=OrderType(kind),
        time_in_force=terms.time_in_force,
        quantity=terms.quantity,
        quote_quantity=terms.quote_quantity,
        limit_price=terms.limit_price,
        good_until=terms.good_until,
        is_post_only=terms.is_post_only,
    )


def read_note(body: Mapping[str, Any]) -> Note:
    stp = body.get("stp") or None
    if stp is not None and stp not in _STP:
        raise bad_parameter("stp not in the given range!")
    remark = body.get("remark")
    if remark is not None and len(str(remark)) > _LONGEST_REMARK:
        raise bad_parameter("remark length must not exceed 100")
    return Note(
        remark=None if remark is None else str(remark),
        tags=None if body.get("tags") is None else str(body["tags"]),
        stp=stp,
        is_hidden=body.get("hidden") is True,
        is_iceberg=body.get("iceberg") is True,
        visible_size=str(body.get("visibleSize") or "0"),
    )


def wanted(query: Mapping[str, str], name: str) -> str:
    """Raises Complaint where the parameter is missing."""
    value = query.get(name)
    if not value:
        raise bad_parameter(f"{name} can not be empty")
    return value


def whole(query: Mapping[str, str], name: str) -> int | None:
    """Raises Complaint where the parameter is no whole number."""
    value = query.get(name)
    if not value:
        return None
    if not (value.isascii() and value.isdigit()):
        raise bad_parameter(f"{name} not in the given range!")
    return int(value)


def _check_time_window(body: Mapping[str, Any], now: datetime) -> None:
    window = body.get("allowMaxTimeWindow")
    if window is None:
        return
    stamp = body.get("clientTimestamp")
    if stamp is None:
        raise too_late()
    try:
        latest = int(str(stamp)) + int(str(window))
    except ValueError as error:
        raise too_late() from error
    if milliseconds(now) > latest:
        raise too_late()


def _client_id(body: Mapping[str, Any]) -> str:
    given = body.get("clientOid")
    if given in (None, ""):
        return ""
    if not isinstance(given, str) or not _CLIENT_ID.fullmatch(given):
        raise in_kucoins_words(Refusal(Rejection.INVALID_CLIENT_ORDER_ID))
    return given


def _limit_terms(body: Mapping[str, Any], now: datetime) -> _Terms:
    text = body.get("timeInForce") or "GTC"
    if text not in _IN_FORCE:
        raise bad_parameter("timeInForce not in the given range!")
    in_force = _IN_FORCE[text]
    price, size = _amount(body, "price"), _amount(body, "size")
    if price is None:
        raise missing_in_order("price")
    if size is None:
        raise missing_in_order("size")
    return _Terms(
        time_in_force=in_force,
        quantity=size,
        limit_price=price,
        good_until=_good_until(body, now) if in_force is TimeInForce.GTD else None,
        # as documented, it means nothing with IOC and FOK
        is_post_only=body.get("postOnly") is True and text in ("GTC", "GTT"),
    )


def _good_until(body: Mapping[str, Any], now: datetime) -> datetime:
    given = str(body.get("cancelAfter", ""))
    if not (given.isascii() and given.isdigit()) or not 0 < int(given) < 10**9:
        raise bad_parameter("cancelAfter not in the given range!")
    return now + timedelta(seconds=int(given))


def _market_terms(body: Mapping[str, Any]) -> _Terms:
    size, funds = _amount(body, "size"), _amount(body, "funds")
    if (size is None) == (funds is None):
        raise bad_parameter("size or funds: exactly one of them is required")
    if funds is not None and funds % QUOTE_INCREMENT:
        raise Complaint("600100", "Funds increment invalid.")
    # a market order rests nowhere, whatever KuCoin shows as its time in force
    return _Terms(time_in_force=TimeInForce.IOC, quantity=size, quote_quantity=funds)


def _word(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise missing_in_order(name)
    return value


def _amount(body: Mapping[str, Any], name: str) -> Decimal | None:
    given = body.get(name)
    if given in (None, ""):
        return None
    try:
        value = Decimal(str(given))
    except InvalidOperation as error:
        raise bad_parameter(f"{name} not in the given range!") from error
    if not value.is_finite() or value <= 0:
        raise bad_parameter(f"{name} not in the given range!")
    return value
