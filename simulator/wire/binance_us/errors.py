"""How the venue says no: HTTP status, code and the words of its list of errors."""

from typing import Any

from simulator.engine.model import Refusal, Rejection
from simulator.wire.binance_us.house import CLIENT_ID_PATTERN

NOT_FOUND_PAGE = "<html><body><h2>404 Not found</h2></body></html>"


class VenueError(Exception):
    """A request is refused; `document` is the body that says so."""

    def __init__(
        self, code: int, message: str, status: int = 400, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after

    @property
    def document(self) -> dict[str, Any]:
        return {"code": self.code, "msg": self.message}


_ON_NEW: dict[Rejection, tuple[int, str]] = {
    Rejection.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Rejection.MARKET_CLOSED: (-1013, "Market is closed."),
    Rejection.UNSUPPORTED: (-1014, "Unsupported order combination."),
    Rejection.INVALID_CLIENT_ORDER_ID: (
        -1100,
        (
            "Illegal characters found in parameter 'newClientOrderId'; "
            f"legal range is '{CLIENT_ID_PATTERN}'."
        ),
    ),
    Rejection.DUPLICATE_CLIENT_ORDER_ID: (-2010, "Duplicate order sent."),
    Rejection.PRICE_INCREMENT: (-1013, "Filter failure: PRICE_FILTER"),
    Rejection.PRICE_BAND: (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    Rejection.QUANTITY_INCREMENT: (-1013, "Filter failure: LOT_SIZE"),
    Rejection.MIN_QUANTITY: (-1013, "Filter failure: LOT_SIZE"),
    Rejection.MAX_QUANTITY: (-1013, "Filter failure: LOT_SIZE"),
    Rejection.MIN_NOTIONAL: (-1013, "Filter failure: NOTIONAL"),
    Rejection.INSUFFICIENT_FUNDS: (
        -2010,
        "Account has insufficient balance for requested action.",
    ),
    Rejection.POST_ONLY_WOULD_TAKE: (-2010, "Order would immediately match and take."),
    Rejection.STOP_WOULD_TRIGGER: (-2010, "Order would trigger immediately."),
    Rejection.TOO_MANY_ORDERS: (-1013, "Filter failure: MAX_NUM_ORDERS"),
    Rejection.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
}


def in_venue_words(refusal: Refusal) -> VenueError:
    return VenueError(*_ON_NEW[refusal.rejection])


def mandatory(name: str) -> VenueError:
    return VenueError(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def one_of_two(first: str, second: str) -> VenueError:
    return VenueError(
        -1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!"
    )


def illegal(name: str, pattern: str) -> VenueError:
    return VenueError(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'."
    )


def not_required(name: str) -> VenueError:
    return VenueError(-1106, f"Parameter '{name}' sent when not required.")


def rejected(message: str) -> VenueError:
    return VenueError(-2010, message)


def unknown_order() -> VenueError:
    return VenueError(-2011, "Unknown order sent.")


def bad_key_format() -> VenueError:
    return VenueError(-2014, "API-key format invalid.", status=401)


def key_refused() -> VenueError:
    return VenueError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
