"""Coinbase's documents become values, field by field, or are refused by name."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain.candle import Candle
from shared.domain.enums import (
    Interval,
    Liquidity,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from shared.domain.venue import Balance, FeeRates, KeyPermissions, OrderReport, VenueFill
from tests.unit.venues import coinbase_documents as documents
from tests.unit.venues.coinbase_documents import changed, documented, recorded
from venues.coinbase import account, market, parse
from venues.reading import Unreadable

IN_2021 = datetime(2021, 5, 31, 9, 59, 59, tzinfo=UTC)
GTC = {"limit_limit_gtc": {"base_size": "0.002", "limit_price": "10000.00", "post_only": False}}


# --- the examples of another project's tests


def test_a_recorded_order_is_read_field_by_field():
    order = changed(recorded("Trading/GetOrder.txt")["order"], order_configuration=GTC)
    assert parse.order_report(order) == OrderReport(
        client_order_id="11111-000000-000000",
        venue_order_id="0000-000000-000000",
        symbol="BTC-USD",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.CANCELING,  # PENDING, and its cancel is pending
        quantity=Decimal("0.002"),
        limit_price=Decimal(10000),
        filled_quantity=Decimal("0.001"),
        at=IN_2021,
    )


def test_an_order_that_does_not_say_what_was_asked_for_is_refused():
    with pytest.raises(Unreadable, match=r"order_configuration is not exactly one known kind"):
        parse.order_report(recorded("Trading/GetOrder.txt")["order"])


def test_a_recorded_list_of_orders_is_read_order_by_order():
    page = recorded("Trading/GetOrders.txt")
    assert parse.next_cursor(page) == "789100"
    (order,) = page["orders"].items()
    with pytest.raises(Unreadable, match="exactly one known kind"):  # all kinds at once
        parse.order_report(order)
    configuration = order["order_configuration"].value
    kinds = {
        "market_market_ioc": (OrderType.MARKET, None),
        "sor_limit_ioc": (OrderType.LIMIT, Decimal(10000)),
        "limit_limit_gtc": (OrderType.LIMIT, Decimal(10000)),
        "limit_limit_gtd": (OrderType.LIMIT, Decimal(10000)),
        "limit_limit_fok": (OrderType.LIMIT, Decimal(10000)),
        "stop_limit_stop_limit_gtc": (OrderType.STOP_LIMIT, Decimal(10000)),
        "stop_limit_stop_limit_gtd": (OrderType.STOP_LIMIT, Decimal(10000)),  # its size is a number
        "trigger_bracket_gtc": (OrderType.LIMIT, Decimal(10000)),
        "trigger_bracket_gtd": (OrderType.LIMIT, Decimal(10000)),
    }
    assert set(kinds) == set(configuration)
    for kind, (order_type, limit_price) in kinds.items():
        one = changed(order, side="SELL", order_configuration={kind: configuration[kind]})
        report = parse.order_report(one)
        assert (report.order_type, report.limit_price) == (order_type, limit_price)
        assert (report.quantity, report.side) == (Decimal("0.001"), Side.SELL)
    with pytest.raises(Unreadable, match="side is not"):  # the example leaves it empty
        parse.order_report(changed(order, order_configuration=GTC))


def test_a_recorded_fill_is_read_field_by_field():
    (fill,) = recorded("Trading/GetUserTrades.txt")["fills"].items()
    assert parse.fill(fill) == VenueFill(
        trade_id="1111-11111-111111",
        venue_order_id="0000-000000-000000",
        client_order_id=None,
        symbol="BTC-USD",
        side=Side.BUY,
        quantity=Decimal("0.001"),
        price=Decimal(10000),
        fee=Decimal("1.25"),
        fee_asset="USD",
        liquidity=Liquidity.UNKNOWN,
        filled_at=IN_2021,
    )


def test_a_recorded_account_is_read_field_by_field():
    (one,) = recorded("Account/GetAccounts.txt")["accounts"].items()
    assert account.balance(one) == Balance(
        asset="BTC", available=Decimal("1.23"), held=Decimal("1.23")
    )


@pytest.mark.parametrize(
    ("name", "maker", "taker"),
    [("GetFeeInfo.txt", "0.0020", "0.0010"), ("GetFeeInfo2.txt", "0.006", "0.012")],
)
def test_recorded_fees_are_read_field_by_field(name, maker, taker):
    rates = account.fee_rates(recorded(f"Account/{name}"))
    assert rates == FeeRates(maker=Decimal(maker), taker=Decimal(taker))


def test_recorded_permissions_are_read_field_by_field():
    assert account.key_permissions(recorded("Account/GetApiKeyInfo.txt")) == KeyPermissions(
        may_read=True, may_trade=True, may_withdraw=True, is_ip_restricted=None
    )


def test_a_recorded_product_is_read_field_by_field():
    listed = recorded("ExchangeData/GetSymbols.txt")
    assert market.spot_rules(listed) == []  # its product type is unknown
    (product,) = listed["products"].items()
    rules = market.trading_rules(product)
    smallest = Decimal("0.00000001")
    assert (rules.instrument.symbol, rules.venue_symbol) == ("BTC-USD", "BTC-USD")
    assert (rules.instrument.base, rules.instrument.quote) == ("BTC", "USD")
    assert (rules.instrument.tick_size, rules.instrument.lot_size) == (smallest, smallest)
    assert (rules.instrument.min_notional, rules.max_notional) == (smallest, Decimal(1000))
    assert (rules.min_quantity, rules.max_quantity) == (smallest, Decimal(1000))
    assert rules.is_limit_only
    assert rules.is_post_only
    assert rules.is_cancel_only
    assert not rules.is_trading  # it may only be viewed
    assert rules.order_types == {OrderType.LIMIT, OrderType.STOP_LIMIT}


def test_a_recorded_book_is_read_field_by_field():
    at = datetime(2026, 11, 21, tzinfo=UTC)
    top = market.top_of_book(recorded("ExchangeData/GetOrderBook.txt"), "ETH-USDT", at)
    assert (top.bid, top.bid_quantity) == (Decimal("2452.77"), Decimal("0.32700476"))
    assert (top.ask, top.ask_quantity) == (Decimal("2453.62"), Decimal("0.38"))
    assert (top.symbol, top.at) == ("ETH-USDT", at)


def test_a_recorded_candle_is_read_field_by_field():
    (one,) = recorded("ExchangeData/GetKlines.txt")["candles"].items()
    open_at = datetime(2021, 12, 14, 18, 54, 10, tzinfo=UTC)
    price = Decimal("140.21")
    assert market.candle(one, "ETH-USDT", Interval.M1) == Candle(
        symbol="ETH-USDT",
        open_at=open_at,
        closed_at=open_at + timedelta(minutes=1),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal(56437345),
    )


# --- our own documents


def order(**changes) -> OrderReport:
    return parse.order_report(documented(documents.ORDER | changes))


def fill(**changes) -> VenueFill:
    return parse.fill(documented(documents.FILL | changes))


def test_an_order_of_ours_is_read_field_by_field():
    assert order() == OrderReport(
        client_order_id=documents.OURS,
        venue_order_id=documents.THEIRS,
        symbol="BTC-USD",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.OPEN,
        quantity=Decimal("0.0021"),
        limit_price=Decimal("70000.01"),
        filled_quantity=Decimal(0),
        at=datetime(2026, 11, 21, 12, 0, 1, 123456, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("said", "filled", "status"),
    [
        ("PENDING", "0", OrderStatus.OPEN),
        ("QUEUED", "0", OrderStatus.OPEN),
        ("OPEN", "0", OrderStatus.OPEN),
        ("OPEN", "0.001", OrderStatus.PARTIAL),
        ("EDIT_QUEUED", "0", OrderStatus.OPEN),
        ("CANCEL_QUEUED", "0.001", OrderStatus.CANCELING),
        ("FILLED", "0.0021", OrderStatus.FILLED),
        ("FILLED", "0.001", OrderStatus.FILLED),
        ("CANCELLED", "0", OrderStatus.CANCELED),
        ("CANCELLED", "0.001", OrderStatus.CANCELED),
        ("EXPIRED", "0", OrderStatus.EXPIRED),
        ("FAILED", "0", OrderStatus.REJECTED),
        ("FAILED", "0.001", OrderStatus.CANCELED),
    ],
)
def test_each_status_has_one_meaning(said, filled, status):
    assert order(status=said, filled_size=filled, completion_percentage="100").status is status


def test_an_order_called_filled_that_is_not_complete_has_ended_early():
    report = order(status="FILLED", filled_size="0.001", completion_percentage="47.6")
    assert report.status is OrderStatus.CANCELED
    assert report.filled_quantity == Decimal("0.001")


def test_an_order_in_quote_is_as_large_as_what_has_filled_of_it():
    report = order(
        order_configuration={"market_market_ioc": {"quote_size": "10.00"}},
        filled_size="0.0001428",
        status="FILLED",
        client_order_id="",
    )
    assert (report.quantity, report.client_order_id) == (Decimal("0.0001428"), None)


def test_an_order_that_hides_whose_it_is_is_refused():
    hidden = {name: value for name, value in documents.ORDER.items() if name != "client_order_id"}
    with pytest.raises(Unreadable, match="client_order_id is missing"):
        parse.order_report(documented(hidden))
    with pytest.raises(Unreadable, match="client_order_id"):
        order(client_order_id=None)


@pytest.mark.parametrize("status", ["UNKNOWN_ORDER_STATUS", "BORED", "", None, 7])
def test_a_status_nobody_documents_is_refused(status):
    with pytest.raises(Unreadable, match="status"):
        order(status=status)


def test_a_fill_in_quote_is_turned_into_base():
    assert fill(size_in_quote=True, size="70", price="70000").quantity == Decimal("0.001")
    with pytest.raises(Unreadable, match="size"):
        fill(size_in_quote=True, size="9" * 20, price="0.000000000000000001")


def test_what_the_venue_corrects_by_hand_is_no_trade_and_what_nobody_knows_is_unreadable():
    with pytest.raises(Unreadable, match="FILL"):
        fill(trade_type="REVERSAL")
    with pytest.raises(Unreadable, match="one of CORRECTION"):
        fill(trade_type="GIFT")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", "-0.1"),
        ("size", "0"),
        ("price", "NaN"),
        ("price", "1e400"),
        ("commission", "-1"),
        ("commission", None),
        ("side", "buy"),
        ("liquidity_indicator", "MIXED"),
        ("trade_time", "yesterday"),
        ("trade_time", "2026-11-21T12:00:01"),
        ("trade_id", ""),
        ("trade_id", 7),
        ("product_id", "BTCUSD"),
        ("size_in_quote", "false"),
    ],
)
def test_a_fill_that_cannot_be_meant_is_refused_by_the_name_of_its_field(field, value):
    with pytest.raises(Unreadable, match=field):
        fill(**{field: value})


def test_a_fee_of_many_digits_is_kept_as_a_table_can_hold_it():
    assert fill(commission="0.4619967000000000000049").fee == Decimal("0.4619967")


def test_a_product_is_read_field_by_field():
    (rules,) = market.spot_rules(documented(documents.PRODUCTS))
    assert rules.instrument.tick_size == Decimal("0.01")
    assert rules.instrument.lot_size == Decimal("0.00000001")
    assert rules.instrument.min_notional == Decimal(1)
    assert rules.is_trading
    assert not any((rules.is_limit_only, rules.is_post_only, rules.is_cancel_only))
    assert rules.order_types == {OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LIMIT}
    assert rules.time_in_forces == set(TimeInForce)


@pytest.mark.parametrize(
    "change",
    [
        {"is_disabled": True},
        {"trading_disabled": True},
        {"view_only": True},
        {"status": "delisted"},
    ],
)
def test_a_product_that_is_off_in_any_way_is_not_trading(change):
    assert not market.trading_rules(documented(documents.PRODUCT | change)).is_trading


def test_one_product_that_cannot_be_read_is_left_out_and_a_changed_format_is_refused():
    broken = documents.PRODUCT | {"base_increment": ""}
    other = documents.PRODUCT | {"product_type": "FUTURE"}
    products = {"products": [broken, other, documents.PRODUCT]}
    assert len(market.spot_rules(documented(products))) == 1
    with pytest.raises(Unreadable, match="base_increment"):
        market.spot_rules(documented({"products": [broken, other]}))


@pytest.mark.parametrize(
    "sides",
    [
        {"bids": []},
        {"asks": []},
        {"bids": [{"price": "70000.01", "size": "1"}]},
        {"asks": [{"price": "0", "size": "1"}]},
    ],
)
def test_a_book_without_two_prices_that_fit_is_no_book(sides):
    book = {"pricebook": documents.BOOK["pricebook"] | sides}
    with pytest.raises(Unreadable):
        market.top_of_book(documented(book), "BTC-USD", documents.SIGNED_AT)


def test_a_candle_outside_itself_is_none():
    with pytest.raises(Unreadable, match="within its own low and high"):
        market.candle(documented(documents.CANDLE | {"low": "70000.5"}), "BTC-USD", Interval.M1)


def test_a_page_says_where_the_next_begins():
    assert parse.next_cursor(documented({"has_next": False, "cursor": "a"})) is None
    assert parse.next_cursor(documented({"has_next": True, "cursor": "a"})) == "a"
    assert parse.next_cursor(documented({"cursor": "a"})) == "a"
    assert parse.next_cursor(documented({"cursor": ""})) is None
    assert parse.next_cursor(documented({"cursor": "a"}), is_empty=True) is None
    assert parse.next_cursor(documented({"has_next": True, "cursor": "a"}), is_empty=True) == "a"
    for page in ({"has_next": True, "cursor": ""}, {"has_next": True}, {}):
        with pytest.raises(Unreadable, match="cursor"):
            parse.next_cursor(documented(page))


def test_the_time_is_read_to_the_millisecond():
    assert market.server_time(documented(documents.TIME)) == datetime(
        2026, 11, 21, 12, 0, 0, 123_000, tzinfo=UTC
    )
