"""KuCoin's documents, field by field: our own small ones, and its official examples."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.domain.enums import Interval, Liquidity, OrderStatus, OrderType, Side, TimeInForce
from shared.domain.venue import Accepted, Balance, FeeRates, KeyPermissions
from tests.unit.venues import kucoin_documents as documents
from venues.errors import VenueAway
from venues.kucoin import parse
from venues.kucoin.envelope import question
from venues.kucoin.listing import trading_rules
from venues.kucoin.outcome import of_cancel, of_submit
from venues.kucoin.pages import rows_and_last
from venues.kucoin.stream import KuCoinStream, ticket
from venues.port import CancelAnswer
from venues.reading import Document, Unreadable, read
from venues.transport import Reply

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "kucoin"
OFFICIAL = FIXTURES / "official_openapi_examples"
JKORF = FIXTURES / "jkorf" / "Endpoints" / "Spot"
needs_examples = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason="the examples of the venues are not on this machine"
)


def at(millisecond: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=millisecond)


def document(value: Any) -> Document:
    return read(json.dumps(value).encode())


def official(name: str) -> Document:
    example = json.loads((OFFICIAL / f"{name}.json").read_text())["response_example"]
    return question(Reply(status=200, headers={}, body=json.dumps(example).encode()))


def jkorf_body(name: str) -> bytes:
    return "".join((JKORF / f"{name}.txt").read_text().splitlines(keepends=True)[3:]).encode()


def jkorf(name: str) -> Document:
    return question(Reply(status=200, headers={}, body=jkorf_body(name)))


# our own documents


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"dealSize": "0"}, OrderStatus.OPEN),
        ({}, OrderStatus.PARTIAL),
        ({"cancelExist": True}, OrderStatus.CANCELING),
        ({"active": False, "dealSize": "0.003"}, OrderStatus.FILLED),
        ({"active": False, "dealSize": "0.003", "cancelExist": True}, OrderStatus.FILLED),
        ({"active": False, "cancelExist": True}, OrderStatus.CANCELED),
        ({"active": False}, OrderStatus.CANCELED),
        ({"active": False, "dealSize": "0", "cancelExist": True}, OrderStatus.CANCELED),
        ({"active": False, "size": "0"}, OrderStatus.FILLED),
        ({"active": False, "size": "0", "cancelExist": True}, OrderStatus.CANCELED),
        ({"active": False, "size": "0", "dealSize": "0"}, OrderStatus.CANCELED),
    ],
)
def test_the_state_of_an_order_follows_from_what_is_filled_and_active(changes, status) -> None:
    assert parse.order(document(documents.order(**changes))).status is status


def test_an_order_is_read_field_by_field() -> None:
    read_order = parse.order(document(documents.order()))
    assert read_order.client_order_id == documents.CLIENT_ORDER_ID
    assert read_order.venue_order_id == documents.ORDER_ID
    assert read_order.symbol == "BTC-USDT"
    assert (read_order.side, read_order.order_type) == (Side.BUY, OrderType.LIMIT)
    assert read_order.quantity == Decimal("0.003")
    assert read_order.limit_price == Decimal(70000)
    assert read_order.filled_quantity == Decimal("0.001")
    assert read_order.at == at(documents.PLACED_MS + 37)


@pytest.mark.parametrize("price", ["0", "", None])
def test_a_market_order_has_no_limit_price(price) -> None:
    assert parse.order(document(documents.order(type="market", price=price))).limit_price is None


@pytest.mark.parametrize(
    "changes",
    [
        {"side": "short"},
        {"type": "iceberg"},
        {"size": "-1"},
        {"size": "NaN"},
        {"dealSize": "1e400"},
        {"dealSize": None},
        {"active": "true"},
        {"cancelExist": None},
        {"id": ""},
        {"id": True},
        {"clientOid": {"a": 1}},
        {"lastUpdatedAt": "yesterday"},
        {"lastUpdatedAt": 10**18},
        {"symbol": None},
    ],
)
def test_an_order_that_is_not_as_documented_is_unreadable(changes) -> None:
    with pytest.raises(Unreadable):
        parse.order(document(documents.order(**changes)))


def test_a_fill_goes_by_the_number_of_its_row() -> None:
    fill = parse.fill(document(documents.fill()), None)
    assert fill.trade_id == "19814995255305"
    assert (fill.quantity, fill.price) == (Decimal("0.00001"), Decimal("67717.6"))
    assert (fill.fee, fill.fee_asset) == (Decimal("0.000677176"), "USDT")
    assert fill.liquidity is Liquidity.TAKER
    assert fill.filled_at == at(documents.PLACED_MS + 29)


def test_only_the_account_that_orders_spend_from_counts() -> None:
    found = parse.balances(document(documents.accounts()))
    assert found == [Balance(asset="USDT", available=Decimal("26.5"), held=Decimal("0.5"))]


def test_rates_may_pay_the_maker() -> None:
    rates = parse.fee_rates(document(documents.fees()), "BTC-USDT")
    assert rates == FeeRates(maker=Decimal("-0.00005"), taker=Decimal("0.001"))
    with pytest.raises(Unreadable):
        parse.fee_rates(document(documents.fees()), "XRP-USDT")


@pytest.mark.parametrize(
    ("changes", "permissions"),
    [
        ({}, (True, True, False, True)),
        ({"permission": "General"}, (True, False, False, True)),
        ({"permission": "General, Trade"}, (True, True, False, True)),
        ({"permission": "General,Spot,Transfer"}, (True, True, True, True)),
        ({"permission": "General,Spot,Withdrawal"}, (True, True, True, True)),
        ({"permission": "General,Spot,InnerTransfer"}, (True, True, False, True)),
        ({"ipWhitelist": ""}, (True, True, False, False)),
        ({"ipWhitelist": None}, (True, True, False, False)),
    ],
)
def test_what_a_key_may_do(changes, permissions) -> None:
    read_key = parse.key_permissions(document(documents.api_key(**changes)))
    may_read, may_trade, may_withdraw, is_ip_restricted = permissions
    assert read_key == KeyPermissions(
        may_read=may_read,
        may_trade=may_trade,
        may_withdraw=may_withdraw,
        is_ip_restricted=is_ip_restricted,
    )


def test_rules_say_increments_and_what_is_possible() -> None:
    (rules,) = trading_rules(document([documents.listing()]))
    assert rules.instrument.symbol == rules.venue_symbol == "BTC-USDT"
    assert (rules.instrument.base, rules.instrument.quote) == ("BTC", "USDT")
    assert rules.instrument.tick_size == Decimal("0.1")
    assert rules.instrument.lot_size == Decimal("0.00000001")
    assert rules.instrument.min_notional == Decimal("0.1")
    assert rules.min_quantity == Decimal("0.00001")
    assert rules.max_quantity == Decimal(10_000_000_000)
    assert rules.is_trading
    assert not rules.has_native_stop
    assert rules.time_in_forces == frozenset(TimeInForce)


def test_rules_fall_back_to_the_other_minimum_and_know_auctions() -> None:
    (rules,) = trading_rules(
        document([documents.listing(minFunds=None, callauctionIsEnabled=True, enableTrading=False)])
    )
    assert rules.instrument.min_notional == Decimal("0.2")
    assert rules.is_limit_only
    assert not rules.is_trading


def test_rules_leave_out_what_was_renamed_or_is_not_traded_and_unreadable() -> None:
    odd = [
        documents.listing(symbol="BCHSV-USDT", baseCurrency="BSV"),
        documents.listing(symbol="btc-usdt"),
        documents.listing(symbol="NEW-USDT", enableTrading=False, priceIncrement=None),
    ]
    assert trading_rules(document(odd)) == []


def test_rules_of_something_traded_must_be_readable() -> None:
    with pytest.raises(Unreadable):
        trading_rules(document([documents.listing(priceIncrement="0")]))


def test_a_candle_is_open_close_high_low() -> None:
    candle = parse.candle(document(documents.candles()[1]), "BTC-USDT", Interval.M1)
    assert candle.open_at == at(1_566_789_660_000)
    assert candle.closed_at == at(1_566_789_720_000)
    assert (candle.open, candle.close) == (Decimal(10416), Decimal("10411.5"))
    assert (candle.high, candle.low) == (Decimal("10422.3"), Decimal("10411.5"))
    assert candle.volume == Decimal("15.61")


def test_a_candle_outside_its_own_range_is_none() -> None:
    with pytest.raises(Unreadable):
        parse.candle(
            document(["1566789660", "9", "10", "8", "7", "1", "1"]), "BTC-USDT", Interval.M1
        )


# the official examples


def read_orders(data: Document) -> list[Any]:
    return [parse.placed_order(row) for row in data.items()]


@needs_examples
def test_the_official_single_orders() -> None:
    for name in ("spot.order.getOrderByClientOid", "spot.order.getOrderByOrderId"):
        order = parse.order(official(name))
        assert order.venue_order_id == "6717422bd51c29000775ea03"
        assert order.client_order_id == "5c52e11203aa677f33e493fb"
        assert order.status is OrderStatus.FILLED
        assert order.quantity == order.filled_quantity == Decimal("0.00001")
        assert order.limit_price == Decimal(70000)
        assert order.at == at(1_729_577_515_481)


@needs_examples
def test_the_official_lists_of_orders() -> None:
    ((placed, order),) = read_orders(official("spot.order.getOpenOrders"))
    assert (order.venue_order_id, order.status) == ("67120bbef094e200070976f6", OrderStatus.OPEN)
    assert placed == at(1_729_235_902_748)
    rows, last = rows_and_last(official("spot.order.getClosedOrders"))
    assert last == 19_814_995_255_305
    assert [parse.order(row).status for row in rows] == [OrderStatus.FILLED]
    symbols = official("spot.order.getSymbolsWithOpenOrder")
    assert parse.active_symbols(symbols) == ["ETH-USDT", "BTC-USDT"]


@needs_examples
def test_the_official_fills() -> None:
    rows, last = rows_and_last(official("spot.order.getTradeHistory"))
    fill = parse.fill(rows[0], None)
    assert (last, fill.trade_id) == (19_814_995_255_305, "19814995255305")
    assert fill.venue_order_id == "6717422bd51c29000775ea03"
    assert (fill.side, fill.liquidity) == (Side.BUY, Liquidity.TAKER)
    assert (fill.price, fill.quantity) == (Decimal("67717.6"), Decimal("0.00001"))
    assert (fill.fee, fill.fee_asset) == (Decimal("0.000677176"), "USDT")


@needs_examples
@pytest.mark.parametrize(
    ("name", "client_order_id", "venue_order_id"),
    [
        ("spot.order.addOrder", "5c52e11203aa677f33e493fb", "670fd33bf9406e0007ab3945"),
        ("spot.order.addOrderSync", "5c52e11203aa677f33e493f", "67111a7cb7cbdf000703e1f6"),
    ],
)
def test_the_official_new_order(name: str, client_order_id: str, venue_order_id: str) -> None:
    body = json.dumps(json.loads((OFFICIAL / f"{name}.json").read_text())["response_example"])
    answer = of_submit(Reply(status=200, headers={}, body=body.encode()), client_order_id)
    assert answer == Accepted(venue_order_id=venue_order_id)


@needs_examples
@pytest.mark.parametrize(
    "name",
    [
        "spot.order.cancelOrderByClientOid",
        "spot.order.cancelOrderByOrderId",
        "spot.order.cancelOrderByClientOidSync",
        "spot.order.cancelOrderByOrderIdSync",
    ],
)
def test_the_official_cancels(name: str) -> None:
    body = json.dumps(json.loads((OFFICIAL / f"{name}.json").read_text())["response_example"])
    answer = of_cancel(Reply(status=200, headers={}, body=body.encode()))
    assert answer is CancelAnswer.REQUESTED


@needs_examples
def test_the_official_market_and_account() -> None:
    assert parse.server_time(official("spot.market.getServerTime")) == at(1_729_100_692_873)
    heard = datetime(2026, 1, 1, tzinfo=UTC)
    top = parse.top_of_book(official("spot.market.getTicker"), "BTC-USDT", heard)
    assert (top.bid, top.bid_quantity) == (Decimal("67267.5"), Decimal("0.000025"))
    assert (top.ask, top.ask_quantity, top.at) == (Decimal("67267.6"), Decimal("1.24808993"), heard)
    rows = list(official("spot.market.getKlines").items())
    candles = [parse.candle(row, "BTC-USDT", Interval.M1) for row in rows]
    assert [one.close for one in candles] == [
        Decimal("10401.9"),
        Decimal("10411.5"),
        Decimal(10416),
    ]
    balances = parse.balances(official("account.account.getSpotAccountList"))
    assert balances == [Balance(asset="USDT", available=Decimal("26.66759503"), held=Decimal(0))]
    fees = parse.fee_rates(official("account.fee.getSpotActualFee"), "ETH-USDT")
    assert fees == FeeRates(maker=Decimal("0.001"), taker=Decimal("0.001"))
    assert parse.key_permissions(official("account.account.getApikeyInfo")) == KeyPermissions(
        may_read=True, may_trade=True, may_withdraw=True, is_ip_restricted=True
    )
    (rules,) = trading_rules(official("spot.market.getAllSymbols"))
    assert (rules.instrument.tick_size, rules.instrument.min_notional) == (
        Decimal("0.1"),
        Decimal("0.1"),
    )
    assert (
        ticket(official("spot.market.getPrivateToken")).endpoint == "wss://ws-api-spot.kucoin.com/"
    )
    assert question(Reply(status=200, headers={}, body=_example("spot.order.setDCP"))).value


def _example(name: str) -> bytes:
    example = json.loads((OFFICIAL / f"{name}.json").read_text())["response_example"]
    return json.dumps(example).encode()


# the examples of another client


@needs_examples
def test_the_other_orders() -> None:
    for name in ("GetOrder", "GetOrderByClientOrderId"):
        order = parse.order(jkorf(f"HfTrading/{name}"))
        assert (order.symbol, order.status) == ("KCS-BTC", OrderStatus.OPEN)
        assert (order.limit_price, order.quantity) == (Decimal("0.00001"), Decimal(1))
        assert order.client_order_id == "6d539dc614db312"
    ((_, open_order),) = read_orders(jkorf("HfTrading/GetOpenOrders"))
    assert (open_order.client_order_id, open_order.filled_quantity) == (None, Decimal(2))
    rows, last = rows_and_last(jkorf("HfTrading/GetClosedOrders"))
    assert (parse.order(rows[0]).status, last) == (OrderStatus.CANCELED, 2_682_265_600)
    symbols = parse.active_symbols(jkorf("HfTrading/GetSymbolsWithOpenOrders"))
    assert symbols == ["BTC-USDT"]
    rows, _ = rows_and_last(jkorf("HfTrading/GetUserTrades"))
    fill = parse.fill(rows[0], None)
    assert (fill.trade_id, fill.fee, fill.fee_asset) == ("2678765568", Decimal("0.00021"), "USDT")


@needs_examples
@pytest.mark.parametrize(
    ("name", "venue_order_id"),
    [("PlaceOrder", "5bd6e9286d99522a52e458de"), ("PlaceOrderWait", "6d539dc614db3")],
)
def test_the_other_new_orders(name: str, venue_order_id: str) -> None:
    reply = Reply(status=200, headers={}, body=jkorf_body(f"HfTrading/{name}"))
    assert of_submit(reply, "mine") == Accepted(venue_order_id=venue_order_id)


@needs_examples
@pytest.mark.parametrize("name", ["CancelOrder", "CancelOrderByClientOrderId", "CancelOrderWait"])
def test_the_other_cancels(name: str) -> None:
    reply = Reply(status=200, headers={}, body=jkorf_body(f"HfTrading/{name}"))
    assert of_cancel(reply) is CancelAnswer.REQUESTED


@needs_examples
def test_the_other_market_and_account() -> None:
    balances = parse.balances(jkorf("Account/GetAccounts"))
    assert balances == [Balance(asset="BTC", available=Decimal(1_234_356), held=Decimal(0))]
    fees = parse.fee_rates(jkorf("Account/GetSymbolTradingFees"), "KCS-USDT")
    assert fees == FeeRates(maker=Decimal("0.0005"), taker=Decimal("0.002"))
    rows = jkorf("ExchangeData/GetKlines").items()
    candles = [parse.candle(row, "BTC-USDT", Interval.M1) for row in rows]
    assert [one.volume for one in candles] == [Decimal("0.018"), Decimal("0.103")]
    top = parse.top_of_book(jkorf("ExchangeData/GetTicker"), "BTC-USDT", at(0))
    assert (top.bid, top.ask) == (Decimal("0.03710768"), Decimal("0.03715004"))
    rules = trading_rules(jkorf("ExchangeData/GetSymbols"))
    assert [one.instrument.symbol for one in rules] == ["XLM-USDT", "VET-USDT"]


@needs_examples
@pytest.mark.parametrize(
    ("name", "client_order_id"),
    [
        ("MatchOrder", "1593487481000313"),
        ("NewOrder", "1593487481000906"),
        ("OrderUpdate", "1593487481000906"),
    ],
)
def test_the_streams_examples_are_hints(name: str, client_order_id: str, dialect) -> None:
    text = (FIXTURES / "jkorf" / "Subscriptions" / "Spot" / f"{name}.txt").read_text()
    (hint,) = dialect.hints(text[text.index("\n=") + 2 :])
    assert hint.client_order_id == client_order_id


@pytest.fixture
def dialect():
    from tests.unit.venues.kucoin_recorder import Recorder

    return KuCoinStream(Recorder().credentials())


@pytest.mark.parametrize(
    "broken", [lambda data: data, lambda data: {"items": data}, lambda data: None]
)
def test_a_list_that_is_none_is_no_empty_list(broken: Callable[[Any], Any]) -> None:
    from tests.unit.venues.kucoin_recorder import Recorder
    from venues.kucoin.line import open_line

    line = open_line(Recorder().credentials())
    body = json.dumps(documents.enveloped(broken({}))).encode()
    with pytest.raises(VenueAway):
        line.understand(Reply(status=200, headers={}, body=body), parse.rows)
