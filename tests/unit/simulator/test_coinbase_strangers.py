"""Clients that were not written for the simulator use it unchanged, over TLS, as they use Coinbase."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from requests import HTTPError

from shared.domain.clock import SystemClock
from simulator.wire.port import SimulatedKey
from tests.unit.simulator.coinbase_served import (
    EDWARDS,
    READER,
    TRADER,
    Served,
    certify,
    limit,
    served,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ccxt
    from coinbase.rest import RESTClient


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certify(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def venue(authority: Path) -> Iterator[Served]:
    with served(clock=SystemClock(), tls=authority) as place:
        yield place


@contextmanager
def sdk_with(key: SimulatedKey, venue: Served, authority: Path) -> Iterator[Any]:
    client = RESTClient(
        api_key=key.key, api_secret=key.secret, base_url=f"localhost:{venue.port}", timeout=10
    )
    client.session.verify = str(authority / "ca.crt")
    client.session.trust_env = False
    with client.session:
        yield client


@pytest.fixture
def client(venue: Served, authority: Path) -> Iterator[Any]:
    with sdk_with(TRADER, venue, authority) as one:
        yield one


@pytest.fixture
def exchange(venue: Served, authority: Path) -> Iterator[Any]:
    exchange = ccxt.coinbase({"apiKey": TRADER.key, "secret": TRADER.secret, "timeout": 10_000})
    exchange.urls["api"]["rest"] = f"https://localhost:{venue.port}"
    exchange.options["createMarketBuyOrderRequiresPrice"] = False
    exchange.validateServerSsl = str(authority / "ca.crt")  # ccxt hands on `verify and` this
    with exchange.session:
        yield exchange


def test_the_sdk_reads_the_market_and_the_account(client: Any, venue: Served):
    assert client.get_unix_time().epoch_millis.isdigit()
    products = client.get_products(product_type="SPOT").products
    assert [one.product_id for one in products] == ["BTC-USD", "ETH-USD"]
    assert client.get_public_product("BTC-USD").price_increment == "0.01"
    assert client.get_product_book("BTC-USD", limit=3).pricebook.bids[0].price < "50000"
    assert len(client.get_best_bid_ask(["ETH-USD"]).pricebooks) == 1
    now = int(venue.clock.now().timestamp())
    told = client.get_candles("BTC-USD", str(now - 3600), str(now), "ONE_MINUTE").candles
    assert 58 <= len(told) <= 61
    assert int(told[0].start) > int(told[-1].start)
    funds = {one.currency: one for one in client.get_accounts(limit=250).accounts}
    assert funds["USD"].available_balance["value"] == "100000"
    fees = client.get_transaction_summary(product_type="SPOT").fee_tier
    assert (fees["maker_fee_rate"], fees["taker_fee_rate"]) == ("0.006", "0.012")
    assert client.get_api_key_permissions().can_trade is True
    assert client.get_portfolios().portfolios[0]["type"] == "DEFAULT"


def test_the_sdk_trades(client: Any):
    resting = client.limit_order_gtc("one", "BTC-USD", "BUY", "0.01", "49000").to_dict()
    order_id = resting["success_response"]["order_id"]
    assert client.get_order(order_id).order.status == "OPEN"
    assert [one.order_id for one in client.list_orders(order_status=["OPEN"]).orders] == [order_id]
    assert client.cancel_orders([order_id]).results[0].success is True
    assert client.get_order(order_id).order.status == "CANCELLED"
    bought = client.market_order_buy("two", "BTC-USD", quote_size="100")
    done = client.get_order(bought.success_response["order_id"]).order
    assert done.status == "FILLED"
    assert done.order_configuration.market_market_ioc.quote_size == "100"
    fills = client.get_fills(order_ids=[done.order_id]).fills
    assert sum(Decimal(one.commission) for one in fills) == Decimal(done.total_fees)
    again = client.market_order_sell("two", "BTC-USD", base_size="0.01")
    assert again.success_response["order_id"] == done.order_id
    preview = client.preview_limit_order_gtc("BTC-USD", "BUY", "0.1", "49000")
    assert preview.errs == []
    refused = client.limit_order_gtc("three", "BTC-USD", "BUY", "100", "49000")
    assert refused.success is False
    assert refused.error_response["error"] == "INSUFFICIENT_FUND"


def test_the_sdk_takes_an_edwards_key(venue: Served, authority: Path):
    with sdk_with(EDWARDS, venue, authority) as client:
        assert client.get_accounts().accounts


def test_the_sdk_hears_what_is_missing(venue: Served, authority: Path):
    with sdk_with(READER, venue, authority) as reader:
        with pytest.raises(HTTPError, match="Missing Required Scopes"):
            reader.create_order("one", "BTC-USD", "BUY", limit())
        with pytest.raises(HTTPError, match="404"):
            reader.get_order("none")


def test_ccxt_reads_the_market_and_the_account(exchange: Any):
    market = exchange.load_markets()["BTC/USD"]
    assert (market["precision"]["amount"], market["precision"]["price"]) == (1e-8, 0.01)
    assert (market["maker"], market["taker"]) == (0.006, 0.012)
    assert exchange.fetch_time() > 1_700_000_000_000
    assert exchange.fetch_balance()["USD"]["free"] == 100_000
    assert exchange.fetch_balance({"v3": True})["BTC"]["total"] == 2
    book = exchange.fetch_order_book("BTC/USD", 5)
    assert book["bids"][0][0] < book["asks"][0][0]
    assert exchange.fetch_ticker("BTC/USD")["bid"] == book["bids"][0][0]
    assert len(exchange.fetch_ohlcv("BTC/USD", "1m", limit=10)) == 10


def test_ccxt_trades(exchange: Any):
    resting = exchange.create_order("BTC/USD", "limit", "buy", 0.01, 49_000)
    fetched = exchange.fetch_order(resting["id"])
    assert (fetched["status"], fetched["price"], fetched["amount"]) == ("open", 49_000, 0.01)
    assert [one["id"] for one in exchange.fetch_open_orders("BTC/USD")] == [resting["id"]]
    exchange.cancel_order(resting["id"])
    assert exchange.fetch_order(resting["id"])["status"] == "canceled"
    assert exchange.fetch_open_orders("BTC/USD") == []
    bought = exchange.create_order("BTC/USD", "market", "buy", 100)
    assert exchange.fetch_order(bought["id"])["status"] == "closed"
    trades = exchange.fetch_my_trades("BTC/USD")
    assert {one["order"] for one in trades} == {bought["id"]}
    assert sum(one["cost"] + one["fee"]["cost"] for one in trades) == pytest.approx(100, abs=0.01)
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order("BTC/USD", "limit", "buy", 1000, 49_000)
    with pytest.raises(ccxt.BadRequest):
        exchange.cancel_order("none")


def test_ccxt_hears_that_its_key_is_wrong(exchange: Any):
    exchange.secret = READER.secret
    with pytest.raises(ccxt.AuthenticationError):
        exchange.fetch_balance()
