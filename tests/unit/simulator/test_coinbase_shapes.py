"""Field by field and type by type: what the wire says looks like what Coinbase documents.

The documented examples lie beside the repository and may be absent; the shapes written down here
cover the same answers without them.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coinbase.websocket import WebsocketResponse
from websockets.sync.client import connect

from tests.conftest import REPOSITORY
from tests.unit.simulator.coinbase_served import BTC, TRADER, V3, Served, limit, served, token

EXAMPLES = REPOSITORY.parent / "shared" / "fixtures" / "coinbase" / "jkorf"

# not in every answer: null until it happens, only of futures, or only of a refusal
NULL = {
    "$.order.last_fill_time",
    "$.orders[].last_fill_time",
    "$.accounts[].deleted_at",
    "$.products[].fcm_trading_session_details",
    "$.margin_rate",
    "$.goods_and_services_tax",
}
ABSENT = {"$.products[].future_product_details", "$.error_response"}


def kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "flag"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list():
            return "list"
        case _:
            return "object"


def differences(ours: Any, example: Any, where: str = "$") -> Iterator[str]:
    """Yield each place where a field of the example is missing or of another type."""
    if kind(ours) != kind(example):
        if not (ours is None and where in NULL):
            yield f"{where}: {kind(ours)} instead of {kind(example)}"
    elif isinstance(example, list) and example and ours:
        yield from differences(ours[0], example[0], f"{where}[]")
    elif isinstance(example, dict) and not where.endswith("order_configuration"):
        for name, value in example.items():
            if name in ours:
                yield from differences(ours[name], value, f"{where}.{name}")
            elif f"{where}.{name}" not in ABSENT:
                yield f"{where}.{name}: missing"


@pytest.fixture(scope="module")
def venue() -> Iterator[Served]:
    with served() as place:
        place.order("filled", {"market_market_ioc": {"base_size": "0.1"}})
        place.order("open", limit())
        yield place


def answers(venue: Served) -> dict[str, Any]:
    listed = venue.get("/orders/historical/batch").json()
    order_id = listed["orders"][0]["order_id"]
    now = int(venue.clock.now().timestamp())
    minutes = f"start={now - 600}&end={now}&granularity=ONE_MINUTE"
    market = f"{V3}/market"
    return {
        "Trading/GetOrders": listed,
        "Trading/GetOrder": venue.get(f"/orders/historical/{order_id}").json(),
        "Trading/PlaceOrder": venue.order("again", limit(size="0.001")),
        "Trading/CancelOrders": venue.post("/orders/batch_cancel", {"order_ids": ["none"]}).json(),
        "Trading/GetUserTrades": venue.get("/orders/historical/fills").json(),
        "ExchangeData/GetSymbols": venue.raw(f"{market}/products").json(),
        "ExchangeData/GetOrderBook": venue.raw(f"{market}/product_book?product_id={BTC}").json(),
        "ExchangeData/GetKlines": venue.raw(f"{market}/products/{BTC}/candles?{minutes}").json(),
        "ExchangeData/GetTradeHistory": venue.raw(f"{market}/products/{BTC}/ticker").json(),
        "ExchangeData/GetCryptoAssets": venue.raw("/v2/currencies/crypto").json(),
        "ExchangeData/GetFiatAssets": venue.raw("/v2/currencies").json(),
        "ExchangeData/GetExchangeRates": {},
        "Account/GetAccounts": venue.get("/accounts").json(),
        "Account/GetFeeInfo": venue.get("/transaction_summary").json(),
        "Account/GetFeeInfo2": venue.get("/transaction_summary").json(),
        "Account/GetApiKeyInfo": venue.get("/key_permissions").json(),
        "Account/GetPortfolios": venue.get("/portfolios").json(),
    }


def documented(path: Path) -> Any:
    """Return the body of an example: it follows method, path and whether it is signed."""
    return json.loads(path.read_text().split("\n", 3)[3])


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the documented examples are not here")
def test_answers_have_the_documented_fields(venue: Served):
    ours = answers(venue)
    del ours["ExchangeData/GetExchangeRates"]  # its fields are the assets themselves
    wrong = {
        name: list(differences(said, documented(EXAMPLES / f"Endpoints/AdvancedTrade/{name}.txt")))
        for name, said in ours.items()
    }
    assert {name: one for name, one in wrong.items() if one} == {}


def frames(venue: Served, channel: str, count: int) -> list[Any]:
    signed = token(TRADER, None, venue.exchange.now())
    message = {"type": "subscribe", "channel": channel, "jwt": signed}
    with connect(f"ws://{venue.host}/", close_timeout=1) as socket:
        socket.send(json.dumps(message))
        return [json.loads(socket.recv(timeout=5)) for _ in range(count)]


STREAMS = {
    "User": "user",
    "Ticker": "ticker",
    "BatchTicker": "ticker_batch",
    "Symbol": "status",
    "Klines": "candles",
    "Heartbeat": "heartbeats",
}


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the documented examples are not here")
@pytest.mark.parametrize(("name", "channel"), STREAMS.items())
def test_messages_have_the_documented_fields(venue: Served, name: str, channel: str):
    text = (EXAMPLES / f"Subscriptions/AdvancedTrade/{name}.txt").read_text()
    confirmation = next(line for line in text.splitlines() if line.startswith("<"))
    example = json.loads(text.split("\n= \n", 1)[1])
    example["events"][0].get("positions", {}).clear()  # of futures, of which there are none
    confirmed, said = frames(venue, channel, 2)
    assert list(differences(said, example)) == []
    told = json.loads(confirmation.removeprefix("<"))
    assert confirmed.keys() == told.keys()
    assert list(confirmed["events"][0]["subscriptions"]) == [channel]


@pytest.mark.parametrize("channel", STREAMS.values())
def test_the_sdk_reads_every_message(venue: Served, channel: str):
    for message in frames(venue, channel, 2):
        read = WebsocketResponse(message)
        assert read.channel in (channel, "subscriptions")


TEXTS = {
    "$.orders[]": "order_id product_id user_id side client_order_id status time_in_force"
    " created_time completion_percentage filled_size average_filled_price fee number_of_fills"
    " filled_value total_fees total_value_after_fees trigger_status order_type reject_reason"
    " product_type reject_message cancel_message order_placement_source outstanding_hold_amount"
    " leverage margin_type retail_portfolio_id",
    "$.fills[]": "entry_id trade_id order_id trade_time trade_type price size commission product_id"
    " sequence_timestamp liquidity_indicator user_id side retail_portfolio_id",
    "$.accounts[]": "uuid name currency created_at updated_at type retail_portfolio_id",
    "$.products[]": "product_id price price_percentage_change_24h volume_24h base_increment"
    " quote_increment quote_min_size quote_max_size base_min_size base_max_size status"
    " product_type quote_currency_id base_currency_id price_increment alias display_name",
    "$.candles[]": "start low high open close volume",
    "$.pricebook.bids[]": "price size",
    "$.fee_tier": "pricing_tier taker_fee_rate maker_fee_rate",
    "$.success_response": "order_id product_id side client_order_id",
    "$.results[]": "failure_reason order_id",
}
FLAGS = {
    "$.orders[]": "pending_cancel size_in_quote size_inclusive_of_fees settled is_liquidation",
    "$.fills[]": "size_in_quote",
    "$.accounts[]": "default active ready",
    "$.products[]": "is_disabled cancel_only limit_only post_only trading_disabled auction_mode"
    " view_only",
    "$.results[]": "success",
}
WHERE = {
    "$.orders[]": "Trading/GetOrders",
    "$.fills[]": "Trading/GetUserTrades",
    "$.accounts[]": "Account/GetAccounts",
    "$.products[]": "ExchangeData/GetSymbols",
    "$.candles[]": "ExchangeData/GetKlines",
    "$.pricebook.bids[]": "ExchangeData/GetOrderBook",
    "$.fee_tier": "Account/GetFeeInfo",
    "$.success_response": "Trading/PlaceOrder",
    "$.results[]": "Trading/CancelOrders",
}


def test_answers_have_the_fields_written_down_here(venue: Served):
    said = answers(venue)
    for place, name in WHERE.items():
        found: Any = said[name]
        for step in place.removeprefix("$.").split("."):
            found = found[step.removesuffix("[]")]
            found = found[0] if step.endswith("[]") else found
        for field in TEXTS[place].split():
            assert kind(found[field]) == "text", f"{name}: {field}"
        for field in FLAGS.get(place, "").split():
            assert kind(found[field]) == "flag", f"{name}: {field}"


def test_no_number_is_ever_written_with_an_exponent(venue: Served):
    venue.order("tiny", limit("49000", "0.00003"))
    for name, said in answers(venue).items():
        for text in _texts(said):
            is_number = text.replace(".", "").replace("E-", "").replace("E+", "").isdigit()
            assert not (is_number and "E" in text), f"{name}: {text}"


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict):
        for one in said.values():
            yield from _texts(one)
    elif isinstance(said, list):
        for one in said:
            yield from _texts(one)
