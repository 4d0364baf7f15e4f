"""Orders on the simulated Binance.US: what it takes, what it refuses, and in which words."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.enums import OrderType, Side, TimeInForce
from simulator.engine.clocks import ManualClock
from simulator.engine.model import NewOrder
from simulator.wire.binance_us.endpoints import operation_of
from simulator.wire.port import Operation
from tests.unit.simulator.binance_us_served import BTC, PRICE, Served, served


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def venue(clock: ManualClock) -> Iterator[Served]:
    with served(clock) as one:
        yield one


def told(response) -> tuple[int, str]:
    assert response.status_code == 400
    return response.json()["code"], response.json()["msg"]


MARKET = {"type": "MARKET", "timeInForce": None, "price": None}
STOP = {"type": "STOP_LOSS_LIMIT", "side": "SELL", "price": "44000", "stopPrice": "44500"}


def test_the_answer_is_as_long_as_asked_for(venue: Served) -> None:
    short = venue.place(newOrderRespType="ACK").json()
    assert set(short) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    result = venue.place(newOrderRespType="RESULT").json()
    assert result["status"] == "NEW"
    assert "fills" not in result
    assert venue.place().json()["fills"] == []
    assert "status" not in venue.place(type="LIMIT_MAKER", timeInForce=None).json()


def test_an_immediate_order_that_fills_in_part_has_expired(venue: Served) -> None:
    venue.exchange.set_price(BTC, PRICE, Decimal("0.01"))
    taken = venue.place(timeInForce="IOC", quantity="1", price="50011").json()
    assert taken["status"] == "EXPIRED"
    assert Decimal(0) < Decimal(taken["executedQty"]) < 1
    killed = venue.place(timeInForce="FOK", quantity="1", price="50011").json()
    assert (killed["status"], killed["executedQty"]) == ("EXPIRED", "0.00000000")


def test_the_fee_is_paid_in_what_is_received(venue: Served) -> None:
    bought = venue.place(**MARKET, quantity="0.1").json()["fills"][0]
    assert (bought["commissionAsset"], bought["commission"]) == ("BTC", "0.00010000")
    sold = venue.place(**MARKET, side="SELL", quantity="0.1").json()["fills"][0]
    assert sold["commissionAsset"] == "USDT"
    assert Decimal(sold["commission"]) == Decimal(sold["price"]) * Decimal("0.0001")


def test_a_market_order_by_quote_spends_about_that(venue: Served) -> None:
    spent = venue.place(**MARKET, quantity=None, quoteOrderQty="100").json()
    assert spent["status"] == "FILLED"
    assert Decimal(99) < Decimal(spent["cummulativeQuoteQty"]) <= Decimal(100)
    order = venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", orderId=spent["orderId"]).json()
    assert order["origQuoteOrderQty"] == "100.00000000"


def test_an_id_is_unique_among_open_orders_only(venue: Served) -> None:
    first = venue.place(newClientOrderId="twice").json()
    assert told(venue.place(newClientOrderId="twice")) == (-2010, "Duplicate order sent.")
    venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="twice")
    second = venue.place(newClientOrderId="twice").json()
    assert second["orderId"] > first["orderId"]
    found = venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="twice").json()
    assert found["orderId"] == second["orderId"]


def test_an_order_without_an_id_gets_one(venue: Served) -> None:
    ids = {venue.place().json()["clientOrderId"] for _ in range(3)}
    assert len(ids) == 3
    assert {len(one) for one in ids} == {22}


def test_a_stop_waits_beside_the_book(venue: Served, clock: ManualClock) -> None:
    stop = venue.place(**STOP, newOrderRespType="FULL").json()
    assert (stop["status"], stop["stopPrice"], stop["workingTime"]) == ("NEW", "44500.00000000", -1)
    wanted = {"symbol": "BTCUSDT", "orderId": stop["orderId"]}
    assert venue.signed("GET", "/api/v3/order", **wanted).json()["isWorking"] is False
    assert len(venue.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT").json()) == 1
    clock.go_on(timedelta(seconds=5))
    venue.exchange.set_price(BTC, Decimal(44_400))
    after = venue.signed("GET", "/api/v3/order", **wanted).json()
    assert (after["status"], after["type"]) == ("FILLED", "STOP_LOSS_LIMIT")


def test_a_cancel_has_an_id_of_its_own(venue: Served) -> None:
    order = venue.place(newClientOrderId="mine").json()
    ways = {"orderId": order["orderId"], "origClientOrderId": "something-else"}  # the number counts
    done = venue.signed(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", newClientOrderId="the-cancel", **ways
    ).json()
    assert (done["origClientOrderId"], done["clientOrderId"]) == ("mine", "the-cancel")
    again = venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine")
    assert told(again) == (-2011, "Unknown order sent.")
    found = venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine").json()
    assert (found["status"], found["clientOrderId"]) == ("CANCELED", "mine")


def test_a_cancel_needs_an_order(venue: Served) -> None:
    said = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
    assert told(venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT")) == (-1102, said)
    assert told(venue.signed("GET", "/api/v3/order", symbol="BTCUSDT")) == (-1102, said)
    unknown = venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=1)
    assert told(unknown) == (-2011, "Unknown order sent.")


def test_a_cancel_may_be_restricted(venue: Served) -> None:
    venue.place(newClientOrderId="whole")
    asked = {"symbol": "BTCUSDT", "origClientOrderId": "whole"}
    wrong = venue.signed("DELETE", "/api/v3/order", cancelRestrictions="NONE", **asked)
    assert told(wrong) == (-1145, "Invalid cancelRestrictions")
    partly = venue.signed(
        "DELETE", "/api/v3/order", cancelRestrictions="ONLY_PARTIALLY_FILLED", **asked
    )
    assert told(partly) == (-2011, "Order was not canceled due to cancel restrictions.")
    new = venue.signed("DELETE", "/api/v3/order", cancelRestrictions="ONLY_NEW", **asked)
    assert new.json()["status"] == "CANCELED"


def test_everything_on_a_symbol_can_be_canceled(venue: Served) -> None:
    placed = {venue.place().json()["orderId"] for _ in range(3)}
    done = venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert {one["orderId"] for one in done} == placed
    again = venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert told(again) == (-2011, "Unknown order sent.")


def test_cancels_reach_what_reads_do_not_show_yet(venue: Served) -> None:
    venue.exchange.set_lag(timedelta(seconds=30))
    venue.place(newClientOrderId="hidden")
    venue.place(newClientOrderId="hidden-too")
    asked = {"symbol": "BTCUSDT", "origClientOrderId": "hidden"}
    assert told(venue.signed("GET", "/api/v3/order", **asked)) == (-2013, "Order does not exist.")
    assert venue.signed("DELETE", "/api/v3/order", **asked).json()["status"] == "CANCELED"
    done = venue.signed("DELETE", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert [one["origClientOrderId"] for one in done] == ["hidden-too"]


def test_old_orders_without_a_fill_are_archived(venue: Served, clock: ManualClock) -> None:
    venue.place(newClientOrderId="old")
    venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="old")
    clock.go_on(timedelta(days=91))
    code, _ = told(venue.signed("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="old"))
    assert code == -2026


def test_lists_are_paged_oldest_first(venue: Served, clock: ManualClock) -> None:
    numbers: list[int] = []
    times: list[int] = []
    for _ in range(5):
        clock.go_on(timedelta(seconds=1))
        times.append(venue.now())
        numbers.append(venue.place(**MARKET).json()["orderId"])

    def listed(path: str, **parameters: object) -> list[int]:
        rows = venue.signed("GET", path, symbol="BTCUSDT", **parameters).json()
        return [one["orderId"] for one in rows]

    for path in ("/api/v3/allOrders", "/api/v3/myTrades"):
        assert listed(path) == numbers
        assert listed(path, limit=2) == numbers[-2:]
        assert listed(path, startTime=times[1], limit=2) == numbers[1:3]
        assert listed(path, startTime=times[1], endTime=times[2]) == numbers[1:3]
        assert listed(path, endTime=times[2]) == numbers[:3]
    assert listed("/api/v3/allOrders", orderId=numbers[2], limit=2) == numbers[2:4]
    assert listed("/api/v3/myTrades", orderId=numbers[2]) == [numbers[2]]
    trades = venue.signed("GET", "/api/v3/myTrades", symbol="BTCUSDT").json()
    assert listed("/api/v3/myTrades", fromId=trades[3]["id"]) == numbers[3:]


def test_an_order_that_did_not_come_through_the_wire_is_shown_and_can_be_canceled(
    venue: Served,
) -> None:
    by_hand = NewOrder(
        account="main",
        client_order_id="by-hand",
        symbol=BTC,
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal("0.01"),
        limit_price=Decimal(51_000),
    )
    number = venue.exchange.submit(by_hand).number
    listed = venue.signed("GET", "/api/v3/openOrders", symbol="BTCUSDT").json()
    assert [(one["orderId"], one["clientOrderId"]) for one in listed] == [(number, "by-hand")]
    done = venue.signed("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="by-hand")
    assert done.json()["status"] == "CANCELED"


def test_what_the_symbol_does_not_offer_says_so(venue: Served) -> None:
    oco = venue.signed("POST", "/api/v3/order/oco", symbol="BTCUSDT", side="SELL", quantity="1")
    assert told(oco) == (-2010, "OCO orders are not supported for this symbol")
    replace = venue.signed("POST", "/api/v3/order/cancelReplace", symbol="BTCUSDT")
    assert told(replace) == (-2010, "Order cancel-replace is not supported for this symbol.")
    assert venue.signed("GET", "/api/v3/openOrderList").json() == []


def test_trying_an_order_out_judges_it_and_keeps_nothing(venue: Served) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    good = {**order, "quantity": "0.001", "price": "45000"}
    assert venue.signed("POST", "/api/v3/order/test", **good).json() == {}
    bad = venue.signed("POST", "/api/v3/order/test", **{**good, "price": "45000.001"})
    assert told(bad) == (-1013, "Filter failure: PRICE_FILTER")
    assert venue.exchange.everything() == ((), ())


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("POST", "/api/v3/order", Operation.CREATE),
        ("DELETE", "/api/v3/order", Operation.CANCEL),
        ("DELETE", "/api/v3/openOrders", Operation.CANCEL),
        ("GET", "/api/v3/order", Operation.QUERY),
        ("GET", "/api/v3/openOrders", Operation.OPEN_ORDERS),
        ("GET", "/api/v3/allOrders", Operation.HISTORY),
        ("GET", "/api/v3/myTrades", Operation.FILLS),
        ("GET", "/api/v3/account", Operation.BALANCES),
        ("GET", "/sapi/v1/asset/query/trading-fee", Operation.FEES),
        ("POST", "/api/v3/userDataStream", Operation.STREAM),
        ("GET", "/ws/key", Operation.STREAM),
        ("GET", "/api/v3/time", Operation.TIME),
        ("GET", "/api/v3/exchangeInfo", Operation.RULES),
        ("GET", "/api/v3/depth", Operation.BOOK),
        ("GET", "/api/v3/klines", Operation.CANDLES),
        ("GET", "/nothing", Operation.OTHER),
    ],
)
def test_requests_are_named_for_the_plan_of_faults(
    method: str, path: str, operation: Operation
) -> None:
    assert operation_of(method, path) is operation
