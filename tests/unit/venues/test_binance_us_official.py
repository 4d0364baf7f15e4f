"""Every example of the venue's own documentation that belongs to an endpoint we use."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from shared.domain.enums import Interval, Liquidity, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import Symbol
from shared.domain.venue import Accepted, Ambiguous, OrderHint, OrderRequest
from venues.binance_us import listing, market, outcome, parse
from venues.binance_us.stream import BinanceUsStream
from venues.budget import LocalBudget
from venues.opening import Credentials
from venues.port import VenueAddress, VenueKeys, VenueName
from venues.reading import read
from venues.transport import Reply

FOLDER = Path(__file__).parents[4] / "shared" / "fixtures" / "binance_us" / "official_docs"
LTC = Symbol("LTC-BTC")

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the venue's examples are not on this machine"
)


def example(name: str) -> bytes:
    """Return an example; where the documentation holds comments and forgot commas, without and with."""
    path = FOLDER / f"{name}.json"
    if path.exists():
        return path.read_bytes()
    text = (FOLDER / f"{name}.raw.txt").read_text()
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r'(-1|false)\s*\n(\s*")', r"\1,\n\2", text)
    return json.dumps(json.loads(text)).encode()


def at(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def test_server_time():
    assert read(example("rest_api_Check_server_time_0"))["serverTime"].instant() == at(
        1499827319559
    )


@pytest.mark.parametrize(
    "name",
    [
        "rest_api_Query_order_USER_DATA_0",
        "rest_api_All_orders_USER_DATA_0",
        "rest_api_Current_open_orders_USER_DATA_0",
    ],
)
def test_an_order_asked_for_and_listed(name):
    document = read(example(name))
    (one,) = document.items() if isinstance(document.value, list) else (document,)
    found = parse.order(one, LTC, "LTCBTC")
    assert found.client_order_id == "myOrder1"
    assert found.venue_order_id == "1"
    assert found.symbol == LTC
    assert found.side is Side.BUY
    assert found.order_type is OrderType.LIMIT
    assert found.status is OrderStatus.OPEN
    assert found.quantity == 1
    assert found.limit_price == Decimal("0.1")
    assert found.filled_quantity == 0
    assert found.at == at(1499827319559)


def request(client_order_id="6gCrw2kRUAF9CvJDGP16IP"):
    return OrderRequest(
        client_order_id=client_order_id,
        symbol=Symbol("BTC-USDT"),
        side=Side.SELL,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        quantity=Decimal(10),
        limit_price=None,
        signed_at=at(1507725176595),
        window=timedelta(seconds=5),
        send_by=0.0,
    )


def test_a_new_order_of_the_full_form():
    reply = Reply(status=200, headers={}, body=example("rest_api_New_order_TRADE_2"))
    answer = outcome.of_submit(request(), "BTCUSDT", reply)
    assert isinstance(answer, Accepted)
    assert answer.venue_order_id == "28"
    found = answer.report
    assert found is not None
    assert found.client_order_id == "6gCrw2kRUAF9CvJDGP16IP"
    assert found.status is OrderStatus.FILLED
    assert found.side is Side.SELL
    assert found.order_type is OrderType.MARKET
    assert found.limit_price is None
    assert found.quantity == found.filled_quantity == 10
    assert found.at == at(1507725176595)
    assert [one.trade_id for one in found.fills] == ["56", "57", "58", "59", "60"]
    assert [one.price for one in found.fills] == [4000, 3999, 3998, 3997, 3995]
    assert [one.quantity for one in found.fills] == [1, 5, 2, 1, 1]
    assert sum(one.fee for one in found.fills) == Decimal("39.983")
    assert {one.fee_asset for one in found.fills} == {"USDT"}
    assert {one.liquidity for one in found.fills} == {Liquidity.TAKER}


@pytest.mark.parametrize("name", ["rest_api_New_order_TRADE_0", "rest_api_New_order_TRADE_1"])
def test_a_new_order_of_a_shorter_form_is_accepted_without_a_report(name):
    reply = Reply(status=200, headers={}, body=example(name))
    assert outcome.of_submit(request(), "BTCUSDT", reply) == Accepted(venue_order_id="28")


def test_an_answer_to_another_order_is_not_ours():
    reply = Reply(status=200, headers={}, body=example("rest_api_New_order_TRADE_2"))
    assert isinstance(outcome.of_submit(request("other"), "BTCUSDT", reply), Ambiguous)


def test_a_canceled_order():
    document = read(example("rest_api_Cancel_order_TRADE_0"))
    parse.expect(document["symbol"], "LTCBTC")
    assert parse.order_id(document["orderId"]) == "4"


def test_the_trades_of_the_account():
    (one,) = read(example("rest_api_Account_trade_list_USER_DATA_0")).items()
    found = parse.fill(one, Symbol("BNB-BTC"), "BNBBTC")
    assert (found.trade_id, found.venue_order_id) == ("28457", "100234")
    assert (found.price, found.quantity) == (Decimal("4.000001"), 12)
    assert (found.fee, found.fee_asset) == (Decimal("10.1"), "BNB")
    assert found.side is Side.BUY
    assert found.liquidity is Liquidity.TAKER
    assert found.filled_at == at(1499865549590)


def test_the_account():
    document = read(example("rest_api_Account_information_USER_DATA_0"))
    bitcoin, litecoin = market.balances(document)
    assert (bitcoin.asset, bitcoin.available, bitcoin.held) == (
        "BTC",
        Decimal("4723846.89208129"),
        0,
    )
    assert (litecoin.asset, litecoin.available, litecoin.held) == (
        "LTC",
        Decimal("4763368.68006011"),
        0,
    )
    permissions = market.account_permissions(document)
    assert permissions.may_trade
    assert permissions.may_withdraw is None


def test_the_listing():
    (found,) = listing.trading_rules(read(example("rest_api_Exchange_information_0")))
    assert found.instrument.symbol == "ETH-BTC"
    assert found.instrument.tick_size == found.instrument.lot_size == Decimal("1E-8")
    assert found.venue_symbol == "ETHBTC"
    assert found.is_trading
    assert found.order_types == {OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT}


def test_a_candle_of_a_week_is_none_of_ours():
    document = read(example("rest_api_Kline_Candlestick_data_0"))
    (row,) = document.items()
    fields = [one.value for one in row.items()]
    assert fields[6] - fields[0] + 1 == 7 * 86_400_000
    day = json.dumps([[*fields[:6], fields[0] + 86_400_000 - 1, *fields[7:]]]).encode()
    (candle,) = market.candles(read(day), LTC, Interval.D1)
    assert candle.open_at == at(1499040000000)
    assert candle.closed_at - candle.open_at == timedelta(days=1)
    assert (candle.open, candle.high) == (Decimal("0.0163479"), Decimal("0.8"))
    assert (candle.low, candle.close) == (Decimal("0.015758"), Decimal("0.015771"))
    assert candle.volume == Decimal("148976.11427815")


def test_the_best_prices():
    found = market.top_of_book(
        read(example("rest_api_Symbol_order_book_ticker_0")), LTC, "LTCBTC", at(0)
    )
    assert (found.bid, found.bid_quantity) == (4, 431)
    assert (found.ask, found.ask_quantity) == (Decimal("4.000002"), 9)


def test_an_error():
    reply = Reply(status=400, headers={}, body=example("rest_api_Error_Codes_0"))
    assert outcome.complaint(reply) == outcome.Complaint(-1121, "Invalid symbol.")


def stream():
    address = VenueAddress(rest="http://127.0.0.1:9", stream="ws://127.0.0.1:9")
    budget = LocalBudget(venue=VenueName.BINANCE_US)
    return BinanceUsStream(Credentials(keys=VenueKeys(), address=address, budget=budget))


def test_an_order_update_on_the_stream():
    (hint,) = stream().hints(example("user_data_stream_Order_Update_0").decode())
    assert hint == OrderHint(client_order_id="mUvoqJxFIILMdfAW5iGSOW", venue_order_id="4293153")


@pytest.mark.parametrize(
    "name",
    [
        "user_data_stream_Account_Update_0",
        "user_data_stream_Balance_Update_0",
        "user_data_stream_Conditional_Fields_in_Execution_Report_0",
    ],
)
def test_other_news_of_the_stream_is_no_hint(name):
    assert stream().hints(example(name).decode()) == ()


@pytest.mark.parametrize(
    "name",
    ["rest_api_Start_user_data_stream_USER_STREAM_0", "user_data_stream_Create_a_listenKey_0"],
)
def test_a_listen_key(name):
    assert (
        read(example(name))["listenKey"].text().startswith("pqia91ma19a5s61cv6a81va65sdf19v8a65a1")
    )


@pytest.mark.parametrize(
    "name",
    [
        "rest_api_Keepalive_user_data_stream_USER_STREAM_0",
        "user_data_stream_Ping_Keep_alive_a_listenKey_0",
    ],
)
def test_a_key_kept_alive_says_nothing(name):
    assert read(example(name)).value == {}
