"""What the simulated Binance.US refuses, and in which words."""

from collections.abc import Iterator

import pytest

from simulator.engine.model import Refusal, Rejection
from simulator.wire.binance_us.errors import in_venue_words
from tests.unit.simulator.binance_us_served import Served, served


@pytest.fixture
def venue() -> Iterator[Served]:
    with served() as one:
        yield one


def told(response) -> tuple[int, str]:
    assert response.status_code == 400
    return response.json()["code"], response.json()["msg"]


def missing(name: str) -> tuple[int, str]:
    return -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."


def useless(name: str) -> tuple[int, str]:
    return -1106, f"Parameter '{name}' sent when not required."


MARKET = {"type": "MARKET", "timeInForce": None, "price": None}
STOP = {"type": "STOP_LOSS_LIMIT", "side": "SELL", "price": "44000", "stopPrice": "44500"}
REFUSALS = [
    ({"symbol": None}, missing("symbol")),
    ({"symbol": "BTC-USDT"}, (-1121, "Invalid symbol.")),
    ({"side": "buy"}, (-1117, "Invalid side.")),
    ({"type": "LIMITS"}, (-1116, "Invalid orderType.")),
    ({"timeInForce": "GTX"}, (-1115, "Invalid timeInForce.")),
    ({"timeInForce": None}, missing("timeInForce")),
    ({"quantity": None}, missing("quantity")),
    ({"price": ""}, missing("price")),
    ({"stopPrice": "44000"}, useless("stopPrice")),
    ({**MARKET, "timeInForce": "IOC"}, useless("timeInForce")),
    ({**MARKET, "price": "1"}, useless("price")),
    (
        {**MARKET, "quantity": None},
        (-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"),
    ),
    (
        {**MARKET, "quoteOrderQty": "100"},
        (-1128, "Combination of optional parameters invalid."),
    ),
    (
        {"quantity": "1e-3"},
        (
            -1100,
            (
                "Illegal characters found in parameter 'quantity'; "
                r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."
            ),
        ),
    ),
    ({"quantity": "0.000000001"}, (-1111, "Precision is over the maximum defined for this asset.")),
    ({"quantity": "0"}, (-1013, "Invalid quantity.")),
    ({"price": "0.00"}, (-1013, "Invalid price.")),
    ({"price": "45000.001"}, (-1013, "Filter failure: PRICE_FILTER")),
    ({"price": "20000"}, (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE")),
    ({"quantity": "0.001001"}, (-1013, "Filter failure: LOT_SIZE")),
    ({"quantity": "0.000001"}, (-1013, "Filter failure: LOT_SIZE")),
    ({"quantity": "101"}, (-1013, "Filter failure: LOT_SIZE")),
    ({"quantity": "0.0002"}, (-1013, "Filter failure: NOTIONAL")),
    ({"price": "74000", "quantity": "200"}, (-1013, "Filter failure: NOTIONAL")),
    ({"price": "10000000.01"}, (-1013, "Filter failure: PRICE_FILTER")),
    (
        {"newClientOrderId": "a:b"},
        (
            -1100,
            (
                "Illegal characters found in parameter 'newClientOrderId'; "
                "legal range is '^[a-zA-Z0-9-_]{1,36}$'."
            ),
        ),
    ),
    (
        {"newClientOrderId": "a" * 37},
        (
            -1100,
            (
                "Illegal characters found in parameter 'newClientOrderId'; "
                "legal range is '^[a-zA-Z0-9-_]{1,36}$'."
            ),
        ),
    ),
    ({"quantity": "3"}, (-2010, "Account has insufficient balance for requested action.")),
    (
        {"type": "LIMIT_MAKER", "timeInForce": None, "price": "50100"},
        (-2010, "Order would immediately match and take."),
    ),
    ({**STOP, "stopPrice": "50100"}, (-2010, "Order would trigger immediately.")),
    ({"type": "STOP_LOSS"}, (-2010, "Stop loss orders are not supported for this symbol.")),
    ({"type": "TAKE_PROFIT"}, (-2010, "Take profit orders are not supported for this symbol.")),
    ({"icebergQty": "0.0001"}, (-2010, "Iceberg orders are not supported for this symbol.")),
    ({"trailingDelta": "10"}, (-2010, "Trailing stop orders are not supported for this symbol.")),
    (
        {"newOrderRespType": "LONG"},
        (-1130, "Data sent for parameter 'newOrderRespType' is not valid."),
    ),
]


@pytest.mark.parametrize(("changes", "answer"), REFUSALS, ids=lambda one: str(one)[:60])
def test_a_wrong_order_is_refused_in_the_venues_words(
    venue: Served, changes: dict, answer: tuple
) -> None:
    assert told(venue.place(**changes)) == answer
    orders, _ = venue.exchange.everything()
    assert orders == ()


@pytest.mark.parametrize("rejection", Rejection)
def test_every_refusal_of_the_exchange_has_words(rejection: Rejection) -> None:
    error = in_venue_words(Refusal(rejection))
    assert error.status == 400
    assert error.code < -1000
    assert error.message
