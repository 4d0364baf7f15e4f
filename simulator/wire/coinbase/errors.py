"""How the venue says no: a status and a body; a refused order is 200 with `success: false`."""

from collections.abc import Mapping
from typing import Any

from simulator.engine.model import Refusal, Rejection


class VenueError(Exception):
    """An answer that is no success; `body` text is sent as such, a mapping as JSON."""

    def __init__(
        self, status: int, body: str | Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = headers


def _told(status: int, code: str, details: str) -> VenueError:
    return VenueError(status, {"error": code, "error_details": details, "message": details})


def unauthorized() -> VenueError:
    return VenueError(401, "Unauthorized\n")


def missing_scope() -> VenueError:
    return _told(403, "PERMISSION_DENIED", "Missing required scopes")


def invalid(details: str) -> VenueError:
    return _told(400, "INVALID_ARGUMENT", details)


def no_such_order() -> VenueError:
    return _told(404, "NOT_FOUND", "order with this orderID was not found")


def no_such_account() -> VenueError:
    return _told(404, "NOT_FOUND", "account not found")


def no_such_product() -> VenueError:
    return _told(404, "NOT_FOUND", "valid product_id is required")


def too_fast(headers: Mapping[str, str]) -> VenueError:
    details = "Rate limit exceeded"
    body = {"error": "rate_limit_exceeded", "error_details": details, "message": details}
    return VenueError(429, body, headers)


def no_such_path(path: str) -> VenueError:
    """Version 2, the older interface beside this one, has errors of another form."""
    if path.startswith("/v2/"):
        return VenueError(404, {"errors": [{"id": "not_found", "message": "Not found"}]})
    return _told(404, "NOT_FOUND", "Not Found")


_UNKNOWN = "UNKNOWN_FAILURE_REASON"
_NO_PREVIEW = "UNKNOWN_PREVIEW_FAILURE_REASON"
# rejection: error, preview_failure_reason, message
_WORDS: Mapping[Rejection, tuple[str, str, str]] = {
    Rejection.UNKNOWN_SYMBOL: (
        "INVALID_PRODUCT_ID",
        "PREVIEW_INVALID_PRODUCT_ID",
        "Invalid product_id",
    ),
    Rejection.MARKET_CLOSED: ("ORDER_ENTRY_DISABLED", _NO_PREVIEW, "Order entry is disabled"),
    Rejection.UNSUPPORTED: (
        "UNSUPPORTED_ORDER_CONFIGURATION",
        "PREVIEW_INVALID_ORDER_CONFIG",
        "The order configuration was invalid",
    ),
    Rejection.INVALID_CLIENT_ORDER_ID: (
        "INVALID_REQUEST",
        _NO_PREVIEW,
        "client_order_id is invalid",
    ),
    Rejection.DUPLICATE_CLIENT_ORDER_ID: (
        "DUPLICATE_CLIENT_ORDER_ID",
        _NO_PREVIEW,
        "Duplicate client_order_id",
    ),
    Rejection.PRICE_INCREMENT: (
        "INVALID_PRICE_PRECISION",
        "PREVIEW_INVALID_PRICE_PRECISION",
        "Too many decimals in order price",
    ),
    Rejection.PRICE_BAND: (
        _UNKNOWN,
        "PREVIEW_LIMIT_PRICE_TOO_FAR_FROM_MARKET",
        "Limit price is too far from the market",
    ),
    Rejection.QUANTITY_INCREMENT: (
        "INVALID_SIZE_PRECISION",
        "PREVIEW_INVALID_SIZE_PRECISION",
        "Too many decimals in order amount",
    ),
    Rejection.MIN_QUANTITY: (_UNKNOWN, "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL", ""),
    Rejection.MAX_QUANTITY: (_UNKNOWN, "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE", ""),
    Rejection.MIN_NOTIONAL: (_UNKNOWN, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL", ""),
    Rejection.INSUFFICIENT_FUNDS: (
        "INSUFFICIENT_FUND",
        "PREVIEW_INSUFFICIENT_FUND",
        "Insufficient balance in source account",
    ),
    Rejection.POST_ONLY_WOULD_TAKE: (
        "INVALID_LIMIT_PRICE_POST_ONLY",
        "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY",
        "Post only order would have crossed the book",
    ),
    Rejection.STOP_WOULD_TRIGGER: (_UNKNOWN, "PREVIEW_INVALID_STOP_PRICE", ""),
    Rejection.TOO_MANY_ORDERS: (
        "COMMANDER_REJECTED_NEW_ORDER",
        _NO_PREVIEW,
        "Too many open orders",
    ),
    Rejection.UNKNOWN_ORDER: (_UNKNOWN, _NO_PREVIEW, ""),
}
_STOP_BEYOND = {  # by the direction in which the price would have to move
    "STOP_DIRECTION_STOP_DOWN": "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
    "STOP_DIRECTION_STOP_UP": "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE",
}


def preview_reason(rejection: Rejection) -> str:
    return _WORDS[rejection][1]


def error_response(refusal: Refusal, stop_direction: str = "") -> dict[str, str]:
    error, preview, message = _WORDS[refusal.rejection]
    if refusal.rejection is Rejection.STOP_WOULD_TRIGGER:
        preview = _STOP_BEYOND.get(stop_direction, preview)
    details = refusal.detail if refusal.rejection is Rejection.UNSUPPORTED else ""
    return {
        "error": error,
        "message": message,
        "error_details": details,
        "preview_failure_reason": preview,
        "new_order_failure_reason": error,
    }
