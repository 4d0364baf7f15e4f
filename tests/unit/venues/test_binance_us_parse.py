"""Every document of Binance.US that is used, field by field."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.domain.enums import Interval, Liquidity, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.ids import ClientOrderId, Symbol, TradeId, VenueOrderId
from shared.domain.venue import Balance, FeeRates, KeyPermissions, OrderReport, TopOfBook, VenueFill
from tests.unit.venues import binance_us_documents as documents
from venues.binance_us import listing, market, parse
from venues.reading import Document, Unreadable, read

BTC = Symbol("BTC-USDT")
NAME = "BTCUSDT"


def document(value) -> Document:
    return read(json.dumps(value).encode())


def at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(
        microsecond=milliseconds % 1000 * 1000
    )


def test_an_order():
    assert parse.order(document(documents.ORDER), BTC, NAME) == OrderReport(
        client_order_id=ClientOrderId(documents.OURS),
        venue_order_id=VenueOrderId("4711"),
        symbol=BTC,
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        status=OrderStatus.PARTIAL,
        quantity=Decimal("0.002"),
        limit_price=Decimal("37000.01"),
        filled_quantity=Decimal("0.0005"),
        at=at(1700000004321),
    )


def test_a_placed_order_with_its_first_fills():
    found = parse.placed_order(document(documents.PLACED), BTC, NAME)
    assert found.status is OrderStatus.EXPIRED
    assert found.filled_quantity == Decimal("0.0015")
    assert found.at == at(1700000000500)
    assert found.fills[0] == VenueFill(
        trade_id=TradeId("901"),
        venue_order_id=VenueOrderId("4712"),
        client_order_id=ClientOrderId(documents.OURS),
        symbol=BTC,
        side=Side.BUY,
        quantity=Decimal("0.001"),
        price=Decimal("36999.5"),
        fee=Decimal("0.000001"),
        fee_asset="BTC",
        liquidity=Liquidity.TAKER,
        filled_at=at(1700000000500),
    )
    assert sum(one.quantity for one in found.fills) == found.filled_quantity


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("NEW", OrderStatus.OPEN),
        ("PARTIALLY_FILLED", OrderStatus.PARTIAL),
        ("PENDING_CANCEL", OrderStatus.CANCELING),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELED", OrderStatus.CANCELED),
        ("REJECTED", OrderStatus.REJECTED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderStatus.EXPIRED),
    ],
)
def test_every_status(word, status):
    assert (
        parse.order(document(documents.changed(documents.ORDER, status=word)), BTC, NAME).status
        is status
    )


@pytest.mark.parametrize(
    ("word", "order_type"),
    [
        ("LIMIT", OrderType.LIMIT),
        ("LIMIT_MAKER", OrderType.LIMIT),
        ("MARKET", OrderType.MARKET),
        ("STOP_LOSS", OrderType.MARKET),
        ("TAKE_PROFIT", OrderType.MARKET),
        ("STOP_LOSS_LIMIT", OrderType.STOP_LIMIT),
        ("TAKE_PROFIT_LIMIT", OrderType.STOP_LIMIT),
    ],
)
def test_every_type(word, order_type):
    found = parse.order(document(documents.changed(documents.ORDER, type=word)), BTC, NAME)
    assert found.order_type is order_type


def test_a_market_order_has_no_limit_price():
    market_order = documents.changed(documents.ORDER, type="MARKET", price="0.00000000")
    assert parse.order(document(market_order), BTC, NAME).limit_price is None


def test_an_order_of_somebody_else_may_have_no_client_order_id():
    for nothing in ("", None, ...):
        found = parse.order(
            document(documents.changed(documents.ORDER, clientOrderId=nothing)), BTC, NAME
        )
        assert found.client_order_id is None


@pytest.mark.parametrize(
    "fields",
    [
        {"orderId": ...},
        {"orderId": "4711"},
        {"orderId": -1},
        {"orderId": True},
        {"orderId": None},
        {"symbol": "ETHUSDT"},
        {"status": "SOMETHING_NEW"},
        {"type": "OTO"},
        {"side": "HOLD"},
        {"executedQty": "-1"},
        {"executedQty": None},
        {"origQty": "NaN"},
        {"price": ...},
        {"updateTime": 1, "time": 1},
    ],
)
def test_an_order_that_is_not_as_documented_cannot_be_read(fields):
    with pytest.raises(Unreadable):
        parse.order(document(documents.changed(documents.ORDER, **fields)), BTC, NAME)


def test_an_execution():
    assert parse.fill(document(documents.TRADE), BTC, NAME) == VenueFill(
        trade_id=TradeId("901"),
        venue_order_id=VenueOrderId("4712"),
        client_order_id=None,
        symbol=BTC,
        side=Side.BUY,
        quantity=Decimal("0.001"),
        price=Decimal("36999.5"),
        fee=Decimal("0.000001"),
        fee_asset="BTC",
        liquidity=Liquidity.TAKER,
        filled_at=at(1700000000500),
    )


def test_the_rules_of_an_instrument():
    (found,) = listing.trading_rules(document(documents.EXCHANGE))
    assert found.instrument.symbol == BTC
    assert found.instrument.tick_size == Decimal("0.01")
    assert found.instrument.lot_size == Decimal("0.00001")
    assert found.instrument.min_notional == 10
    assert found.venue_symbol == NAME
    assert found.min_quantity == Decimal("0.00001")
    assert found.max_quantity == 9000
    assert found.max_notional == 9_000_000
    assert found.market_lot_size is None
    assert found.is_trading
    assert not found.is_limit_only
    assert found.order_types == {OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT}
    assert found.time_in_forces == {TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}


def test_rules_without_filters_follow_from_the_precisions():
    bare = documents.changed(documents.LISTED, filters=[], quotePrecision=2, baseAssetPrecision=4)
    (found,) = listing.trading_rules(document({"symbols": [bare]}))
    assert found.instrument.tick_size == Decimal("0.01")
    assert found.instrument.lot_size == found.min_quantity == Decimal("0.0001")
    assert found.instrument.min_notional == 0
    assert found.max_quantity is None
    assert found.max_notional is None


def test_the_older_filter_of_notionals_counts_as_well():
    older = documents.changed(
        documents.LISTED,
        filters=[
            {
                "filterType": "MIN_NOTIONAL",
                "minNotional": "5.0",
                "applyToMarket": True,
                "avgPriceMins": 5,
            }
        ],
    )
    (found,) = listing.trading_rules(document({"symbols": [older]}))
    assert found.instrument.min_notional == 5


@pytest.mark.parametrize(
    "fields", [{"status": "HALT"}, {"status": "BREAK"}, {"isSpotTradingAllowed": False}]
)
def test_an_instrument_that_rests_is_not_trading(fields):
    resting = documents.changed(documents.LISTED, **fields)
    (found,) = listing.trading_rules(document({"symbols": [resting]}))
    assert not found.is_trading


def test_an_instrument_whose_name_cannot_be_ours_is_left_out():
    strange = documents.changed(documents.LISTED, baseAsset="b.t-c")
    assert listing.trading_rules(document({"symbols": [strange]})) == ()


def test_a_candle():
    (candle,) = market.candles(document([documents.CANDLE]), BTC, Interval.M1)
    assert candle.open_at == at(1700000040000)
    assert candle.closed_at == at(1700000100000)
    prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    assert prices == tuple(map(Decimal, ("37000", "37010", "36990", "37005", "1.25")))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (6, 1700000040000),
        (6, 1700000100000),
        (1, "0"),
        (1, "1"),
        (4, "40000"),
        (5, "-1"),
        (2, "36989"),
    ],
)
def test_a_candle_that_cannot_be_is_refused(place, value):
    row = list(documents.CANDLE)
    row[place] = value
    with pytest.raises(Unreadable):
        market.candles(document([row]), BTC, Interval.M1)


def test_candles_come_in_their_order():
    with pytest.raises(Unreadable):
        market.candles(document([documents.CANDLE, documents.CANDLE]), BTC, Interval.M1)


def test_the_best_prices():
    heard_at = at(1700000000000)
    assert market.top_of_book(document(documents.BOOK), BTC, NAME, heard_at) == TopOfBook(
        symbol=BTC,
        bid=Decimal("36999.99"),
        bid_quantity=Decimal("0.25"),
        ask=Decimal("37000.01"),
        ask_quantity=Decimal("0.1"),
        at=heard_at,
    )


def test_balances():
    assert market.balances(document(documents.ACCOUNT)) == (
        Balance(asset="BTC", available=Decimal("0.5"), held=Decimal("0.002")),
        Balance(asset="USDT", available=Decimal("1234.56"), held=Decimal(0)),
    )


def test_fees_of_one_instrument():
    fees = market.fee_rates(document(documents.FEES), NAME)
    assert fees == FeeRates(maker=Decimal("0.004"), taker=Decimal("0.006"))
    with pytest.raises(Unreadable):
        market.fee_rates(document(documents.FEES), "ETHUSDT")


def test_what_the_key_may_do():
    assert market.key_permissions(document(documents.RESTRICTIONS)) == KeyPermissions(
        may_read=True, may_trade=True, may_withdraw=False, is_ip_restricted=True
    )


@pytest.mark.parametrize(("may_withdraw", "told"), [(True, None), (False, False)])
def test_the_account_alone_does_not_tell_what_its_key_may(may_withdraw, told):
    account = documents.changed(documents.ACCOUNT, canWithdraw=may_withdraw)
    assert market.account_permissions(document(account)) == KeyPermissions(
        may_read=True, may_trade=True, may_withdraw=told, is_ip_restricted=None
    )
