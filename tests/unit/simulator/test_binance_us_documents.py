"""What the simulated Binance.US answers has the fields and the shapes of the venue's own examples."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from simulator.engine.clocks import ManualClock
from tests.unit.simulator.binance_us_served import KEY, Served, served

EXAMPLES = Path(__file__).parents[4] / "shared" / "fixtures" / "binance_us" / "official_docs"
needs_examples = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="the venue's own examples (../shared/fixtures) are not here"
)
MARKET = {"type": "MARKET", "timeInForce": None, "price": None}


@pytest.fixture(scope="module")
def venue() -> Iterator[Served]:
    with served(ManualClock()) as one:
        yield one


def shape(document: Any) -> Any:
    """Return names and types; of a list what its first row is, of a text whether it is a number."""
    if isinstance(document, dict):
        return {name: shape(value) for name, value in document.items()}
    if isinstance(document, list):
        return [shape(document[0])] if document else []
    if isinstance(document, str):
        return "amount" if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", document) else "text"
    return type(document).__name__


def example(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text(), parse_float=str)


def candle_shape(document: list[list[Any]]) -> list[str]:
    return [shape(value) for value in document[0]]


@needs_examples
@pytest.mark.parametrize(
    ("name", "path", "parameters"),
    [
        ("rest_api_Test_connectivity_0", "ping", {}),
        ("rest_api_Check_server_time_0", "time", {}),
        ("rest_api_Order_book_0", "depth", {"symbol": "BTCUSDT"}),
        ("rest_api_Recent_trades_list_0", "trades", {"symbol": "BTCUSDT"}),
        ("rest_api_Compressed_Aggregate_trades_list_0", "aggTrades", {"symbol": "BTCUSDT"}),
        ("rest_api_Current_average_price_0", "avgPrice", {"symbol": "BTCUSDT"}),
        ("rest_api_24hr_ticker_price_change_statistics_0", "ticker/24hr", {"symbol": "BTCUSDT"}),
        ("rest_api_24hr_ticker_price_change_statistics_1", "ticker/24hr", {}),
        (
            "rest_api_24hr_ticker_price_change_statistics_2",
            "ticker/24hr",
            {"symbol": "BTCUSDT", "type": "MINI"},
        ),
        ("rest_api_24hr_ticker_price_change_statistics_3", "ticker/24hr", {"type": "MINI"}),
        ("rest_api_Symbol_price_ticker_0", "ticker/price", {"symbol": "BTCUSDT"}),
        ("rest_api_Symbol_price_ticker_1", "ticker/price", {}),
        ("rest_api_Symbol_order_book_ticker_0", "ticker/bookTicker", {"symbol": "BTCUSDT"}),
        ("rest_api_Symbol_order_book_ticker_1", "ticker/bookTicker", {}),
        ("rest_api_Error_Codes_0", "depth", {"symbol": "NOTHING"}),
    ],
)
def test_market_documents_are_shaped_as_documented(
    venue: Served, name: str, path: str, parameters: dict
) -> None:
    assert shape(venue.ask(f"/api/v3/{path}", **parameters).json()) == shape(example(name))


@needs_examples
def test_candles_are_shaped_as_documented(venue: Served) -> None:
    rows = venue.ask("/api/v3/klines", symbol="BTCUSDT", interval="1h").json()
    assert candle_shape(rows) == candle_shape(example("rest_api_Kline_Candlestick_data_0"))


@needs_examples
def test_exchange_information_is_shaped_as_documented(venue: Served) -> None:
    text = (EXAMPLES / "rest_api_Exchange_information_0.raw.txt").read_text()
    text = re.sub(r"//[^\n]*", "", text).replace(
        '"allowTrailingStop": false', '"allowTrailingStop": false,'
    )
    documented, ours = json.loads(text), venue.ask("/api/v3/exchangeInfo").json()
    assert set(ours) == set(documented)
    for name, value in documented["symbols"][0].items():
        if name != "filters":
            assert shape(ours["symbols"][0][name]) == shape(value), name


@needs_examples
def test_old_trades_are_shaped_as_documented_and_ask_for_a_key(venue: Served) -> None:
    asked = {"params": {"symbol": "BTCUSDT", "limit": 3}}
    assert venue.http.get("/api/v3/historicalTrades", **asked).json()["code"] == -2014
    rows = venue.http.get("/api/v3/historicalTrades", headers={"X-MBX-APIKEY": KEY}, **asked).json()
    assert shape(rows) == shape(example("rest_api_Old_trade_lookup_MARKET_DATA_0"))
    assert len(rows) == 3


@needs_examples
@pytest.mark.parametrize(("number", "detail"), list(enumerate(("ACK", "RESULT", "FULL"))))
def test_answers_to_new_orders_are_shaped_as_documented(
    venue: Served, number: int, detail: str
) -> None:
    answer = venue.place(
        **MARKET, newOrderRespType=detail, newClientOrderId=f"shape{detail}"
    ).json()
    documented = example(f"rest_api_New_order_TRADE_{number}")
    assert shape({**answer, "clientOrderId": "6g"}) == shape({**documented, "clientOrderId": "6g"})


@needs_examples
def test_orders_and_trades_are_shaped_as_documented(venue: Served) -> None:
    venue.place(**MARKET)
    venue.place(newClientOrderId="myOrder1")
    symbol = {"symbol": "BTCUSDT"}
    read = venue.signed("GET", "/api/v3/order", origClientOrderId="myOrder1", **symbol).json()
    text = (EXAMPLES / "rest_api_Query_order_USER_DATA_0.raw.txt").read_text()
    documented = json.loads(re.sub(r" *//[^\n]*", ",", text))
    assert shape(read) == shape(documented)
    listed = venue.signed("GET", "/api/v3/openOrders", **symbol).json()
    assert shape(listed[-1]) == shape(example("rest_api_Current_open_orders_USER_DATA_0")[0])
    every = venue.signed("GET", "/api/v3/allOrders", **symbol).json()
    assert shape(every[-1]) == shape(example("rest_api_All_orders_USER_DATA_0")[0])
    trades = venue.signed("GET", "/api/v3/myTrades", **symbol).json()
    assert shape(trades) == shape(example("rest_api_Account_trade_list_USER_DATA_0"))
    asked = {"origClientOrderId": "myOrder1", "newClientOrderId": "cancelMyOrder1", **symbol}
    done = venue.signed("DELETE", "/api/v3/order", **asked).json()
    assert shape(done) == shape(example("rest_api_Cancel_order_TRADE_0"))


@needs_examples
def test_the_account_is_shaped_as_documented(venue: Served) -> None:
    account = venue.signed("GET", "/api/v3/account").json()
    assert shape(account) == shape(example("rest_api_Account_information_USER_DATA_0"))


@needs_examples
def test_the_private_stream_is_shaped_as_documented(venue: Served) -> None:
    key = venue.http.post("/api/v3/userDataStream", headers={"X-MBX-APIKEY": KEY}).json()
    assert set(key) == set(example("rest_api_Start_user_data_stream_USER_STREAM_0"))
    with connect(f"{venue.stream_url}/ws/{key['listenKey']}") as stream:
        venue.place(newClientOrderId="mUvoqJxFIILMdfAW5iGSOW")
        report, position = (json.loads(stream.recv(timeout=5)) for _ in range(2))
    assert shape(report) == shape(example("user_data_stream_Order_Update_0"))
    assert shape(position) == shape(example("user_data_stream_Account_Update_0"))


def test_documents_have_the_fields_this_project_relies_on(venue: Served) -> None:
    """The same endpoints where the examples are not here, field by field."""
    placed = venue.place(**MARKET, newClientOrderId="own-shape").json()
    assert list(placed) == [
        "symbol", "orderId", "orderListId", "clientOrderId", "transactTime", "price", "origQty",
        "executedQty", "cummulativeQuoteQty", "status", "timeInForce", "type", "side",
        "workingTime", "selfTradePreventionMode", "fills",
    ]  # fmt: skip
    assert list(placed["fills"][0]) == ["price", "qty", "commission", "commissionAsset", "tradeId"]
    read = venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"]).json()
    assert set(read) - set(placed) == {
        "stopPrice", "icebergQty", "time", "updateTime", "isWorking", "origQuoteOrderQty",
    }  # fmt: skip
    trade = venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").json()[-1]
    assert list(trade) == [
        "symbol", "id", "orderId", "orderListId", "price", "qty", "quoteQty", "commission",
        "commissionAsset", "time", "isBuyer", "isMaker", "isBestMatch",
    ]  # fmt: skip
    balance = venue.signed("GET", "/api/v3/account").json()["balances"][0]
    assert list(balance) == ["asset", "free", "locked"]
    book = venue.ask("/api/v3/ticker/bookTicker", symbol="BTCUSDT").json()
    assert list(book) == ["symbol", "bidPrice", "bidQty", "askPrice", "askQty"]


def test_no_number_on_the_wire_is_a_float(venue: Served) -> None:
    def refuse(text: str) -> None:
        raise AssertionError(text)

    paths = ["exchangeInfo", "ticker/24hr", "depth?symbol=BTCUSDT", "trades?symbol=BTCUSDT"]
    for path in (*paths, "klines?symbol=BTCUSDT&interval=1d&limit=3"):
        json.loads(venue.http.get(f"/api/v3/{path}").text, parse_float=refuse)
    for path in ("account", "allOrders", "myTrades"):
        more = {} if path == "account" else {"symbol": "BTCUSDT"}
        json.loads(venue.signed("GET", f"/api/v3/{path}", **more).text, parse_float=refuse)
