"""What becomes of orders: states, refusals, ids, pages, cancels, the dead-man switch."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.simulator.kucoin_served import BTC, Served, served_kucoin

ORDERS = "/api/v1/hf/orders"


@pytest.fixture
def kucoin():
    with served_kucoin() as served:
        yield served


def by_client_id(kucoin: Served, client_id: str, symbol="BTC-USDT"):
    return kucoin.get(f"{ORDERS}/client-order/{client_id}", symbol=symbol)


def test_a_resting_order_is_active_and_found_by_both_ids(kucoin: Served):
    placed = kucoin.place(remark="mine", postOnly=True)

    order = by_client_id(kucoin, "id-1")

    assert placed == {"orderId": order["id"], "clientOid": "id-1"}
    assert kucoin.get(f"{ORDERS}/{order['id']}", symbol="BTC-USDT") == order
    assert (order["active"], order["inOrderBook"], order["cancelExist"]) == (True, True, False)
    assert (order["price"], order["size"], order["funds"]) == ("40000", "0.01", "400")
    assert (order["dealSize"], order["remainSize"], order["fee"]) == ("0", "0.01", "0")
    assert (order["timeInForce"], order["postOnly"], order["remark"]) == ("GTC", True, "mine")
    assert kucoin.get(f"{ORDERS}/active", symbol="BTC-USDT") == [order]
    assert kucoin.get(f"{ORDERS}/active/symbols") == {"symbols": ["BTC-USDT"]}
    page = kucoin.get(f"{ORDERS}/active/page", symbol="BTC-USDT", pageNum=1, pageSize=20)
    assert (page["totalNum"], page["totalPage"], page["items"]) == (1, 1, [order])


def test_a_filled_order_is_done_and_paid_its_fee_in_quote(kucoin: Served):
    kucoin.place(type="market", price=None, size="0.01")

    order = by_client_id(kucoin, "id-1")
    fills = kucoin.get("/api/v1/hf/fills", symbol="BTC-USDT")["items"]

    assert (order["active"], order["cancelExist"]) == (False, False)
    assert (order["dealSize"], order["size"]) == ("0.01", "0.01")
    assert (order["timeInForce"], order["feeCurrency"]) == ("GTC", "USDT")
    assert Decimal(order["fee"]) == Decimal(order["dealFunds"]) * Decimal("0.001")
    assert sum(Decimal(fill["fee"]) for fill in fills) == Decimal(order["fee"])
    assert {(fill["orderId"], fill["liquidity"], fill["feeRate"]) for fill in fills} == {
        (order["id"], "taker", "0.001")
    }
    balances = {one["currency"]: one for one in kucoin.get("/api/v1/accounts", type="trade")}
    assert balances["BTC"]["balance"] == "1.01"


def test_an_ioc_that_fills_in_part_is_done_with_its_rest_canceled(kucoin: Served):
    kucoin.exchange.set_price(BTC, Decimal(50_000), Decimal("0.001"))

    kucoin.place(price="50200", size="0.5", timeInForce="IOC")

    order = by_client_id(kucoin, "id-1")
    assert (order["active"], order["cancelExist"], order["timeInForce"]) == (False, True, "IOC")
    assert Decimal(0) < Decimal(order["dealSize"]) < Decimal("0.5")
    assert Decimal(order["dealSize"]) + Decimal(order["cancelledSize"]) == Decimal("0.5")
    assert order["remainSize"] == "0"


def test_a_market_order_by_funds_names_no_size(kucoin: Served):
    kucoin.place(type="market", price=None, size=None, funds="100")

    order = by_client_id(kucoin, "id-1")
    assert (order["size"], order["funds"], order["active"]) == ("0", "100", False)
    assert Decimal(order["dealFunds"]) <= 100


def test_a_gtt_order_ends_by_itself(kucoin: Served):
    kucoin.place(timeInForce="GTT", cancelAfter=60)
    assert by_client_id(kucoin, "id-1")["cancelAfter"] == 60

    kucoin.exchange.set_offset(timedelta(seconds=61))

    order = by_client_id(kucoin, "id-1")
    assert (order["active"], order["cancelExist"], order["cancelledSize"]) == (False, True, "0.01")


def test_waiting_endpoints_tell_sizes(kucoin: Served):
    placed = kucoin.post(f"{ORDERS}/sync", {**_limit(), "clientOid": "a"})
    ended = kucoin.delete(f"{ORDERS}/sync/{placed['orderId']}", symbol="BTC-USDT")
    kucoin.post(f"{ORDERS}/sync", {**_limit(), "clientOid": "b"})
    by_name = kucoin.delete(f"{ORDERS}/sync/client-order/b", symbol="BTC-USDT")

    assert (placed["status"], placed["remainSize"], placed["canceledSize"]) == ("open", "0.01", "0")
    assert (ended["status"], ended["remainSize"], ended["canceledSize"]) == ("done", "0", "0.01")
    assert by_name == {"clientOid": "b", **{k: v for k, v in ended.items() if k != "orderId"}}


def _limit():
    return {"symbol": "BTC-USDT", "side": "buy", "type": "limit", "price": "40000", "size": "0.01"}


def test_an_id_is_refused_while_its_order_is_open_and_taken_again_after(kucoin: Served):
    first = kucoin.place()

    assert kucoin.refusal() == ("102426", "clientOid duplicate")
    assert kucoin.delete(f"{ORDERS}/client-order/id-1", symbol="BTC-USDT") == {"clientOid": "id-1"}
    second = kucoin.place()

    assert second["orderId"] != first["orderId"]
    assert by_client_id(kucoin, "id-1")["id"] == second["orderId"]


def test_an_order_without_an_id_has_none(kucoin: Served):
    placed = kucoin.place(clientOid=None)

    assert set(placed) == {"orderId"}
    assert kucoin.get(f"{ORDERS}/{placed['orderId']}", symbol="BTC-USDT")["clientOid"] == ""


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"symbol": "XRP-USDT"}, "400600", "validation.createOrder.symbolNotAvailable"),
        ({"symbol": None}, "400100", "validation.createOrder.symbolIsRequired"),
        ({"side": "hold"}, "400100", "side not in the given range!"),
        ({"type": "stop"}, "400100", "type not in the given range!"),
        ({"price": None}, "400100", "validation.createOrder.priceIsRequired"),
        ({"size": None}, "400100", "validation.createOrder.sizeIsRequired"),
        ({"price": "-1"}, "400100", "price not in the given range!"),
        ({"size": "NaN"}, "400100", "size not in the given range!"),
        ({"timeInForce": "DAY"}, "400100", "timeInForce not in the given range!"),
        ({"timeInForce": "GTT"}, "400100", "cancelAfter not in the given range!"),
        ({"clientOid": "a b"}, "400100", "validation.createOrder.clientOidInvalid"),
        ({"clientOid": "a" * 41}, "400100", "validation.createOrder.clientOidInvalid"),
        ({"price": "40000.05"}, "600100", "Price increment invalid."),
        ({"size": "0.000015"}, "600100", "Order size increment invalid."),
        ({"size": "0.000001"}, "400100", "Order size below the minimum requirement."),
        ({"size": "1001"}, "102434", "The order quantity is too large."),
        ({"price": "100000"}, "102429", "The order price is beyond the price limit."),
        ({"size": "10"}, "200004", "Balance insufficient!"),
        (
            {"symbol": "ETH-USDT", "price": "2900", "size": "0.00001"},
            "600101",
            "The order funds should more then 0.1 USDT.",
        ),
        (
            {"price": "50100", "postOnly": True},
            "400100",
            "The post only order would be matched at once.",
        ),
        (
            {"type": "market", "funds": "10"},
            "400100",
            "size or funds: exactly one of them is required",
        ),
        (
            {"type": "market", "size": None, "funds": "10.0000001"},
            "600100",
            "Funds increment invalid.",
        ),
        ({"allowMaxTimeWindow": 2000}, "400100", "clientTimestamp parameter error"),
    ],
)
def test_refusals_are_in_kucoins_words_and_leave_nothing(kucoin: Served, changes, code, message):
    assert kucoin.refusal(**changes) == (code, message)
    assert kucoin.get(f"{ORDERS}/active/symbols") == {"symbols": []}


def test_an_order_that_comes_after_its_window_is_refused(kucoin: Served):
    late = kucoin.refusal(clientTimestamp=kucoin.now_ms() - 3_000, allowMaxTimeWindow=2_000)
    timely = kucoin.place(clientTimestamp=kucoin.now_ms() - 1_000, allowMaxTimeWindow=2_000)

    assert late[0] == "400100"
    assert timely["clientOid"] == "id-1"


def test_orders_are_placed_many_at_once_each_with_its_own_answer(kucoin: Served):
    bodies = [{**_limit(), "clientOid": "a"}, {**_limit(), "clientOid": "b", "price": "1.05"}]

    answers = kucoin.post(f"{ORDERS}/multi", {"orderList": bodies})

    assert (answers[0]["success"], answers[0]["clientOid"]) == (True, "a")
    assert answers[1] == {"success": False, "failMsg": "Price increment invalid."}


def test_a_test_order_leaves_nothing(kucoin: Served):
    answer = kucoin.post(f"{ORDERS}/test", {**_limit(), "clientOid": "a"})

    assert (set(answer), answer["clientOid"]) == ({"orderId", "clientOid"}, "a")
    assert kucoin.get(f"{ORDERS}/active", symbol="BTC-USDT") == []


def test_what_is_unknown_cannot_be_found_or_canceled(kucoin: Served):
    order_id = kucoin.place()["orderId"]
    kucoin.delete(f"{ORDERS}/{order_id}", symbol="BTC-USDT")
    cancels = [
        (f"{ORDERS}/{order_id}", "BTC-USDT"),
        (f"{ORDERS}/client-order/id-1", "BTC-USDT"),
        (f"{ORDERS}/sync/client-order/nobody", "BTC-USDT"),
    ]

    for path, symbol in cancels:
        answer = kucoin.send("DELETE", path, {"symbol": symbol}).json()
        assert answer == {"code": "400100", "msg": "order_not_exist_or_not_allow_to_cancel"}
    for path, symbol in [
        (f"{ORDERS}/client-order/nobody", "BTC-USDT"),
        (f"{ORDERS}/{order_id}", "ETH-USDT"),
    ]:
        answer = kucoin.send("GET", path, {"symbol": symbol}).json()
        assert answer == {"code": "400100", "msg": "order not exist"}


def test_orders_are_canceled_by_symbol_and_all_together(kucoin: Served):
    kucoin.place(clientOid="a")
    kucoin.place(clientOid="b", symbol="ETH-USDT", price="2000")
    kucoin.place(clientOid="c")

    assert kucoin.delete(ORDERS, symbol="BTC-USDT") == "success"
    assert kucoin.get(f"{ORDERS}/active/symbols") == {"symbols": ["ETH-USDT"]}
    assert kucoin.delete(f"{ORDERS}/cancelAll") == {
        "succeedSymbols": ["ETH-USDT"],
        "failedSymbols": [],
    }
    assert kucoin.get(f"{ORDERS}/active/symbols") == {"symbols": []}


def test_another_accounts_orders_are_not_seen(kucoin: Served):
    order_id = kucoin.place()["orderId"]

    assert kucoin.exchange.orders("other") == []
    assert kucoin.get(f"{ORDERS}/{order_id}", symbol="BTC-USDT")["id"] == order_id


def test_ended_orders_come_in_pages_without_a_gap(kucoin: Served):
    for number in range(5):
        kucoin.place(clientOid=f"id-{number}")
        kucoin.delete(f"{ORDERS}/client-order/id-{number}", symbol="BTC-USDT")
    kucoin.place(clientOid="open")

    seen, last = [], {}
    while True:
        page = kucoin.get(f"{ORDERS}/done", symbol="BTC-USDT", limit=2, **last)
        if not page["items"]:
            break
        seen += [item["clientOid"] for item in page["items"]]
        last = {"lastId": page["lastId"]}

    assert seen == ["id-4", "id-3", "id-2", "id-1", "id-0"]


def test_fills_come_in_pages_and_of_one_order(kucoin: Served):
    for number in range(3):
        kucoin.place(clientOid=f"id-{number}", type="market", price=None, size="0.01")
    sold = kucoin.place(clientOid="sold", side="sell", type="market", price=None, size="0.01")

    first = kucoin.get("/api/v1/hf/fills", symbol="BTC-USDT", limit=2)
    rest = kucoin.get("/api/v1/hf/fills", symbol="BTC-USDT", limit=2, lastId=first["lastId"])
    of_one = kucoin.get("/api/v1/hf/fills", symbol="BTC-USDT", orderId=sold["orderId"])
    bought = kucoin.get("/api/v1/hf/fills", symbol="BTC-USDT", side="buy")

    trades = [item["tradeId"] for item in first["items"] + rest["items"]]
    assert trades == sorted(set(trades), reverse=True)
    assert len(trades) == 4
    assert [item["side"] for item in of_one["items"]] == ["sell"]
    assert len(bought["items"]) == 3


def test_history_is_asked_for_a_week_at_most(kucoin: Served):
    now = kucoin.now_ms()
    query = {"symbol": "BTC-USDT", "startAt": now - 8 * 86_400_000, "endAt": now}

    assert kucoin.send("GET", f"{ORDERS}/done", query).json()["code"] == "102425"
    assert kucoin.get(f"{ORDERS}/done", symbol="BTC-USDT", startAt=now)["items"] == []


def test_reads_may_lag_behind_what_was_accepted(kucoin: Served):
    kucoin.exchange.set_lag(timedelta(seconds=30))

    kucoin.place()
    unseen = kucoin.send("GET", f"{ORDERS}/client-order/id-1", {"symbol": "BTC-USDT"}).json()
    canceled = kucoin.delete(f"{ORDERS}/client-order/id-1", symbol="BTC-USDT")

    assert unseen["msg"] == "order not exist"
    assert canceled == {"clientOid": "id-1"}


def test_a_dead_man_takes_his_orders_with_him(kucoin: Served):
    kucoin.place(clientOid="a")
    kucoin.place(clientOid="b", symbol="ETH-USDT", price="2000")

    armed = kucoin.post(f"{ORDERS}/dead-cancel-all", {"timeout": 5, "symbols": "BTC-USDT"})
    setting = kucoin.get(f"{ORDERS}/dead-cancel-all/query")
    kucoin.exchange.set_offset(timedelta(seconds=6))

    assert armed["triggerTime"] - armed["currentTime"] == 5
    assert (setting["timeout"], setting["symbols"]) == (5, "BTC-USDT")
    assert kucoin.get(f"{ORDERS}/active/symbols") == {"symbols": ["ETH-USDT"]}
    assert kucoin.get(f"{ORDERS}/dead-cancel-all/query") is None


def test_a_disarmed_switch_does_nothing(kucoin: Served):
    kucoin.place()
    kucoin.post(f"{ORDERS}/dead-cancel-all", {"timeout": 5})
    kucoin.post(f"{ORDERS}/dead-cancel-all", {"timeout": -1})

    kucoin.exchange.set_offset(timedelta(seconds=6))

    assert by_client_id(kucoin, "id-1")["active"] is True
    refused = kucoin.send("POST", f"{ORDERS}/dead-cancel-all", body={"timeout": 4}).json()
    assert refused["code"] == "400100"


@pytest.mark.parametrize(("length", "seconds"), [("1min", 60), ("3min", 180), ("6hour", 21_600)])
def test_candles_come_newest_first_and_join(kucoin: Served, length, seconds):
    end = int(time.time())
    start = end - 10 * seconds

    rows = kucoin.get(
        "/api/v1/market/candles", symbol="ETH-USDT", type=length, startAt=start, endAt=end
    )

    opens = [int(row[0]) for row in rows]
    assert opens == sorted(opens, reverse=True)
    assert len(rows) == 10
    assert all(opened % seconds == 0 and start <= opened < end for opened in opens)
    for _, opened, closed, high, low, volume, turnover in rows:
        assert Decimal(low) <= min(Decimal(opened), Decimal(closed))
        assert Decimal(high) >= max(Decimal(opened), Decimal(closed))
        assert Decimal(low) * Decimal(volume) <= Decimal(turnover) + 1


def test_no_more_than_1500_candles_come_at_once(kucoin: Served):
    now = int(time.time())
    rows = kucoin.get(
        "/api/v1/market/candles", symbol="ETH-USDT", type="1min", startAt=now - 200_000, endAt=now
    )

    assert len(rows) == 1500


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/api/v1/market/candles", {"symbol": "BTC-USDT", "type": "7min"}, "400100"),
        ("/api/v1/market/candles", {"symbol": "BTC-USDT"}, "400100"),
        ("/api/v1/market/orderbook/level1", {"symbol": "NO-NE"}, "900001"),
        ("/api/v2/symbols/NO-NE", {}, "900001"),
        ("/api/v3/currencies/NONE", {}, "400100"),
        ("/api/v1/hf/fills", {}, "400100"),
        ("/api/v1/hf/fills", {"symbol": "BTC-USDT", "limit": 101}, "400100"),
        ("/api/v1/accounts", {"type": "piggy"}, "400100"),
        ("/api/v1/accounts/0", {}, "400100"),
        ("/api/v1/trade-fees", {"symbols": ",".join(["BTC-USDT"] * 11)}, "400100"),
    ],
)
def test_questions_that_make_no_sense_are_refused(kucoin: Served, path, query, code):
    assert kucoin.send("GET", path, query).json()["code"] == code
