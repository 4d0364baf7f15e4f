"""Strangers' clients, unmodified, do their business with the simulated Binance.US."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import ccxt
import pytest
from binance.client import Client
from binance.exceptions import BinanceAPIException

from shared.domain.clock import SystemClock
from tests.unit.simulator.binance_us_served import KEY, SECRET, Served, served


@pytest.fixture(scope="module")
def venue() -> Iterator[Served]:
    with served(SystemClock()) as one:
        yield one


@pytest.fixture
def sdk(venue: Served) -> Iterator[Client]:
    loop = asyncio.new_event_loop()  # the package would make one, and close it never
    asyncio.set_event_loop(loop)
    client = Client(KEY, SECRET, tld="us", ping=False)
    client.API_URL = f"{venue.url}/api"
    client.MARGIN_API_URL = f"{venue.url}/sapi"
    client.session.trust_env = False
    yield client
    client.close_connection()
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def stranger(venue: Served) -> Iterator[ccxt.binanceus]:
    exchange = ccxt.binanceus({"apiKey": KEY, "secret": SECRET})
    api = exchange.urls["api"]
    api.update(
        public=f"{venue.url}/api/v3",
        private=f"{venue.url}/api/v3",
        sapi=f"{venue.url}/sapi/v1",
    )
    exchange.enableRateLimit = False
    yield exchange
    exchange.session.close()


def test_python_binance_reads_the_market(sdk: Client) -> None:
    assert sdk.ping() == {}
    assert sdk.get_server_time()["serverTime"] > 0
    info = sdk.get_symbol_info("BTCUSDT")
    assert info["status"] == "TRADING"
    assert {one["filterType"] for one in info["filters"]} >= {
        "PRICE_FILTER",
        "LOT_SIZE",
        "NOTIONAL",
    }
    assert Decimal(sdk.get_orderbook_ticker(symbol="BTCUSDT")["bidPrice"]) < 50_000
    assert len(sdk.get_order_book(symbol="BTCUSDT", limit=5)["bids"]) == 5
    rows = sdk.get_klines(symbol="BTCUSDT", interval="1m", limit=10)
    assert len(rows) == 10
    assert rows == sorted(rows)
    assert sdk.get_ticker(symbol="BTCUSDT")["symbol"] == "BTCUSDT"
    assert len(sdk.get_all_tickers()) == 2
    assert sdk.get_avg_price(symbol="BTCUSDT")["mins"] == 5


def test_python_binance_creates_queries_cancels_and_lists(sdk: Client) -> None:
    resting = sdk.order_limit_buy(
        symbol="BTCUSDT", quantity="0.001", price="45000", newClientOrderId="sdk-1"
    )
    assert (resting["status"], resting["fills"]) == ("NEW", [])
    by_id = sdk.get_order(symbol="BTCUSDT", origClientOrderId="sdk-1")
    assert by_id["orderId"] == resting["orderId"]
    assert [one["clientOrderId"] for one in sdk.get_open_orders(symbol="BTCUSDT")] == ["sdk-1"]
    canceled = sdk.cancel_order(symbol="BTCUSDT", origClientOrderId="sdk-1")
    assert (canceled["status"], canceled["origClientOrderId"]) == ("CANCELED", "sdk-1")
    assert sdk.get_open_orders() == []
    bought = sdk.order_market_buy(symbol="BTCUSDT", quantity="0.002", newClientOrderId="sdk-2")
    assert (bought["status"], bought["executedQty"]) == ("FILLED", "0.00200000")
    assert bought["fills"][0]["commissionAsset"] == "BTC"
    trades = sdk.get_my_trades(symbol="BTCUSDT", orderId=bought["orderId"])
    assert [one["id"] for one in trades] == [one["tradeId"] for one in bought["fills"]]
    assert "sdk-1" in [one["clientOrderId"] for one in sdk.get_all_orders(symbol="BTCUSDT")]
    assert sdk.create_test_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1") == {}


def test_python_binance_reads_its_account_and_stream_key(sdk: Client) -> None:
    account = sdk.get_account()
    assert account["canTrade"] is True
    assert {one["asset"] for one in account["balances"]} == {"BTC", "ETH", "USDT"}
    assert sdk.get_asset_balance("USDT")["locked"] == "0.00000000"
    fees = sdk.get_trade_fee(symbol="BTCUSDT")
    assert fees == [{"symbol": "BTCUSDT", "makerCommission": "0.001", "takerCommission": "0.001"}]
    key = sdk.stream_get_listen_key()
    assert len(key) == 64
    assert sdk.stream_keepalive(key) == {}
    assert sdk.stream_close(key) == {}


def test_python_binance_sees_the_venues_errors(sdk: Client) -> None:
    with pytest.raises(BinanceAPIException) as refused:
        sdk.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price="45000.001")
    assert (refused.value.status_code, refused.value.code) == (400, -1013)
    assert refused.value.message == "Filter failure: PRICE_FILTER"
    with pytest.raises(BinanceAPIException) as absent:
        sdk.get_order(symbol="BTCUSDT", origClientOrderId="nobody")
    assert (absent.value.code, absent.value.message) == (-2013, "Order does not exist.")


def test_ccxt_reads_markets_balance_and_fees(stranger: ccxt.binanceus) -> None:
    markets = stranger.load_markets()
    assert set(markets) == {"BTC/USDT", "ETH/USDT"}
    btc = markets["BTC/USDT"]
    assert (btc["precision"]["price"], btc["limits"]["cost"]["min"]) == (0.01, 10)
    assert stranger.fetch_balance()["total"]["USDT"] > 0
    assert stranger.fetch_time() > 0
    assert stranger.sapi_get_asset_query_trading_fee()[0]["takerCommission"] == "0.001"
    with pytest.raises(ccxt.ExchangeNotAvailable, match="404"):  # as at the venue: not its path
        stranger.fetch_trading_fee("BTC/USDT")
    assert stranger.fetch_ticker("BTC/USDT")["bid"] < 50_000
    assert stranger.fetch_order_book("BTC/USDT", 5)["asks"][0][0] > 50_000
    assert len(stranger.fetch_ohlcv("BTC/USDT", "1h", limit=5)) == 5


def test_ccxt_creates_fetches_cancels_and_lists(stranger: ccxt.binanceus) -> None:
    resting = stranger.create_order(
        "BTC/USDT", "limit", "buy", 0.001, 45_000, {"clientOrderId": "ccxt-1"}
    )
    assert resting["status"] == "open"
    assert stranger.fetch_order(resting["id"], "BTC/USDT")["clientOrderId"] == "ccxt-1"
    assert [one["id"] for one in stranger.fetch_open_orders("BTC/USDT")] == [resting["id"]]
    assert stranger.cancel_order(resting["id"], "BTC/USDT")["status"] == "canceled"
    bought = stranger.create_order("BTC/USDT", "market", "buy", 0.002)
    assert (bought["status"], bought["filled"]) == ("closed", 0.002)
    mine = stranger.fetch_my_trades("BTC/USDT")
    assert bought["id"] in {one["order"] for one in mine}
    assert mine[-1]["fee"]["currency"] == "BTC"
    stop = stranger.create_order(
        "BTC/USDT", "limit", "sell", 0.001, 44_000, {"stopLossPrice": 44_500}
    )
    assert stranger.fetch_order(stop["id"], "BTC/USDT")["type"] == "limit"
    assert stranger.cancel_all_orders("BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        stranger.cancel_order(stop["id"], "BTC/USDT")
    with pytest.raises(ccxt.InsufficientFunds):
        stranger.create_order("BTC/USDT", "limit", "sell", 50, 51_000)
