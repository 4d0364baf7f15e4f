"""How KuCoin says no: an HTTP status, a code and a sentence.

What concerns the request itself (key, time, path, rate) has a 4xx status; what concerns an order
comes with 200. Codes 102xxx are those of the high-frequency endpoints.
"""

from shared.domain.values import to_text
from simulator.engine.model import Listing, Refusal, Rejection


class Complaint(Exception):
    """The answer is `{"code": code, "msg": message}` with this HTTP status."""

    def __init__(self, code: str, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    @property
    def body(self) -> dict[str, str]:
        return {"code": self.code, "msg": self.message}


def missing_header() -> Complaint:
    return Complaint(
        "400001",
        "Please check the header of your request for KC-API-KEY, KC-API-SIGN, KC-API-TIMESTAMP,"
        " KC-API-PASSPHRASE",
        401,
    )


def bad_timestamp() -> Complaint:
    return Complaint("400002", "Invalid KC-API-TIMESTAMP", 400)


def unknown_key() -> Complaint:
    return Complaint("400003", "KC-API-KEY not exists", 401)


def bad_passphrase() -> Complaint:
    return Complaint("400004", "Invalid KC-API-PASSPHRASE", 401)


def bad_signature() -> Complaint:
    return Complaint("400005", "Invalid KC-API-SIGN", 401)


def no_permission() -> Complaint:
    return Complaint("400007", "Access denied, require more permission.", 403)


def bad_parameter(message: str) -> Complaint:
    return Complaint("400100", message)


def missing_in_order(name: str) -> Complaint:
    return Complaint("400100", f"validation.createOrder.{name}IsRequired")


def too_late() -> Complaint:
    """KuCoin has not published the code of an order that missed its time window."""
    return Complaint("400100", "clientTimestamp parameter error")


def time_range_too_long() -> Complaint:
    return Complaint("102425", "The time range cannot exceed 7 * 24 hours")


def unknown_symbol() -> Complaint:
    return Complaint("900001", "symbol not exists")


def unknown_order() -> Complaint:
    return Complaint("400100", "order not exist")


def unknown_path() -> Complaint:
    return Complaint("404000", "Url Not Found", 404)


def not_json() -> Complaint:
    return Complaint("415000", "Unsupported Media Type", 415)


def too_many_requests() -> Complaint:
    return Complaint("429000", "Too Many Requests", 429)


_WORDS: dict[Rejection, tuple[str, str]] = {
    Rejection.UNKNOWN_SYMBOL: ("400600", "validation.createOrder.symbolNotAvailable"),
    Rejection.MARKET_CLOSED: ("200001", "Order creation for this pair suspended"),
    Rejection.UNSUPPORTED: ("400100", "Parameter Error"),
    Rejection.INVALID_CLIENT_ORDER_ID: ("400100", "validation.createOrder.clientOidInvalid"),
    Rejection.DUPLICATE_CLIENT_ORDER_ID: ("102426", "clientOid duplicate"),
    Rejection.PRICE_INCREMENT: ("600100", "Price increment invalid."),
    Rejection.PRICE_BAND: ("102429", "The order price is beyond the price limit."),
    Rejection.QUANTITY_INCREMENT: ("600100", "Order size increment invalid."),
    Rejection.MIN_QUANTITY: ("400100", "Order size below the minimum requirement."),
    Rejection.MAX_QUANTITY: ("102434", "The order quantity is too large."),
    Rejection.INSUFFICIENT_FUNDS: ("200004", "Balance insufficient!"),
    Rejection.POST_ONLY_WOULD_TAKE: ("400100", "The post only order would be matched at once."),
    Rejection.STOP_WOULD_TRIGGER: ("400100", "Parameter Error"),
    Rejection.TOO_MANY_ORDERS: ("102427", "The number of active orders exceeds the limit."),
    Rejection.UNKNOWN_ORDER: ("400100", "order_not_exist_or_not_allow_to_cancel"),
}


def in_kucoins_words(refusal: Refusal, listing: Listing | None = None) -> Complaint:
    if refusal.rejection is Rejection.MIN_NOTIONAL:
        least = "0" if listing is None else f"{to_text(listing.min_notional)} {listing.quote}"
        # their grammar
        return Complaint("600101", f"The order funds should more then {least}.")
    return Complaint(*_WORDS[refusal.rejection])
