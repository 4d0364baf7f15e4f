"""Strangers' clients, unmodified: KuCoin's own package and ccxt."""

import ccxt
import pytest

from tests.unit.simulator.kucoin_package import Market, Trade, User
from tests.unit.simulator.kucoin_served import KEY, PASSPHRASE, SECRET, Served, served_kucoin


@pytest.fixture
def kucoin():
    with served_kucoin() as served:
        yield served


def sdk(kind, kucoin: Served, **credentials):
    given = {"key": KEY, "secret": SECRET, "passphrase": PASSPHRASE} | credentials
    return kind(url=kucoin.url, **given)


def test_kucoins_package_reads_the_market(kucoin: Served):
    market = sdk(Market, kucoin)

    assert abs(market.get_server_timestamp() - kucoin.now_ms()) < 5_000
    assert market.get_server_status()["status"] == "open"
    assert [one["symbol"] for one in market.get_symbol_list_v2()] == ["BTC-USDT", "ETH-USDT"]
    assert market.get_symbol_detail("BTC-USDT")["priceIncrement"] == "0.1"
    ticker = market.get_ticker("BTC-USDT")
    assert float(ticker["bestBid"]) < 50_000 < float(ticker["bestAsk"])
    assert len(market.get_part_order(20, "BTC-USDT")["bids"]) == 10
    assert len(market.get_kline("BTC-USDT", "1min")) == 100
    assert Market(url=kucoin.url).get_currencies is not None


def test_kucoins_package_trades(kucoin: Served):
    trade, user = sdk(Trade, kucoin), sdk(User, kucoin)

    placed = trade.create_limit_hf_order("BTC-USDT", "buy", "0.01", "40000", clientOid="a")
    order = trade.get_single_hf_order_by_client_oid("BTC-USDT", "a")
    assert order["id"] == placed["orderId"]
    assert [one["id"] for one in trade.get_active_hf_orders("BTC-USDT")] == [order["id"]]
    held = {one["currency"]: one for one in user.get_account_list(account_type="trade")}
    assert float(held["USDT"]["holds"]) >= 400
    trade.sync_cancel_hf_order_by_client_id("BTC-USDT", "a")
    assert trade.get_single_hf_order("BTC-USDT", order["id"])["cancelExist"] is True

    trade.create_hf_market_order("BTC-USDT", "buy", clientOid="b", funds="100")
    assert trade.get_single_hf_order_by_client_oid("BTC-USDT", "b")["active"] is False
    assert trade.get_hf_filled_list("BTC-USDT", limit=100)["items"][0]["side"] == "buy"
    assert len(trade.get_hf_completed_orders("BTC-USDT")["items"]) == 2
    ioc = trade.sync_create_limit_hf_order(
        "BTC-USDT", "sell", "0.01", "49900", clientOid="c", timeInForce="IOC"
    )
    assert ioc["status"] == "done"

    assert trade.set_hf_auto_cancel(5, symbols="BTC-USDT")["triggerTime"] > 0
    assert trade.query_hf_auto_cancel_setting()["timeout"] == 5
    assert user.get_actual_fee("BTC-USDT")[0]["takerFeeRate"] == "0.001"
    assert user.get_base_fee()["makerFeeRate"] == "0.001"


def test_kucoins_package_hears_the_true_errors(kucoin: Served):
    wrong = sdk(Trade, kucoin, secret="another")

    with pytest.raises(Exception, match=r"401-.*400005.*Invalid KC-API-SIGN"):
        wrong.get_active_hf_orders("BTC-USDT")
    with pytest.raises(Exception, match=r"200-.*200004.*Balance insufficient!"):
        sdk(Trade, kucoin).create_limit_hf_order("BTC-USDT", "buy", "9", "40000")


@pytest.fixture
def stranger(kucoin: Served):
    exchange = ccxt.kucoin(
        {
            "apiKey": KEY,
            "secret": SECRET,
            "password": PASSPHRASE,
            "enableRateLimit": False,
            "options": {"fetchMarkets": {"types": ["spot"], "fetchTickersFees": True}},
        }
    )
    exchange.session.trust_env = False
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], kucoin.url)
    yield exchange
    exchange.session.close()


def test_ccxt_trades_as_at_kucoin(kucoin: Served, stranger):
    markets = stranger.load_markets()
    assert markets["BTC/USDT"]["precision"]["price"] == 0.1
    assert markets["BTC/USDT"]["limits"]["cost"]["min"] == 0.1
    assert set(stranger.currencies) == {"BTC", "ETH", "USDT"}

    resting = stranger.create_order(
        "BTC/USDT", "limit", "buy", 0.01, 40_000, {"clientOrderId": "stranger-1"}
    )
    opened = stranger.fetch_open_orders("BTC/USDT")
    assert [(one["id"], one["clientOrderId"]) for one in opened] == [(resting["id"], "stranger-1")]
    assert stranger.fetch_order(resting["id"], "BTC/USDT")["status"] == "open"
    assert stranger.fetch_balance()["USDT"]["used"] >= 400
    stranger.cancel_order(resting["id"], "BTC/USDT")
    assert stranger.fetch_order(resting["id"], "BTC/USDT")["status"] == "canceled"

    taken = stranger.create_order("BTC/USDT", "market", "buy", 0.01)
    filled = stranger.fetch_order(taken["id"], "BTC/USDT")
    assert (filled["status"], filled["filled"]) == ("closed", 0.01)
    trades = stranger.fetch_my_trades("BTC/USDT")
    assert {(one["order"], one["takerOrMaker"]) for one in trades} == {(taken["id"], "taker")}
    assert trades[0]["fee"]["currency"] == "USDT"
    assert stranger.fetch_balance()["BTC"]["total"] == 1.01


def test_ccxt_reads_the_market(kucoin: Served, stranger):
    assert abs(stranger.fetch_time() - kucoin.now_ms()) < 5_000
    assert stranger.fetch_ticker("BTC/USDT")["bid"] < 50_000
    assert len(stranger.fetch_order_book("BTC/USDT", 20)["asks"]) == 10
    candles = stranger.fetch_ohlcv("BTC/USDT", "1m", limit=10)
    assert candles == sorted(candles)
    assert stranger.fetch_trading_fee("BTC/USDT")["taker"] == 0.001


def test_ccxt_understands_the_refusals(kucoin: Served, stranger):
    with pytest.raises(ccxt.InsufficientFunds):
        stranger.create_order("BTC/USDT", "limit", "buy", 10, 40_000)
    with pytest.raises(ccxt.OrderNotFound):
        stranger.fetch_order("0123", "BTC/USDT")
    with pytest.raises(ccxt.InvalidOrder):
        stranger.cancel_order("0123", "BTC/USDT")
    stranger.secret = "another"
    with pytest.raises(ccxt.AuthenticationError):
        stranger.fetch_balance()
