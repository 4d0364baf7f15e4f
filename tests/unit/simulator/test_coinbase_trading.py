"""Orders, fills and money on Coinbase's wire, over the real engine."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.simulator.coinbase_served import BTC, READER, Served, limit, served


@pytest.fixture
def venue() -> Iterator[Served]:
    with served() as place:
        yield place


def placed(venue: Served, client_order_id: str, configuration, **changed):
    answer = venue.order(client_order_id, configuration, **changed)
    assert answer["success"], answer
    return venue.get(f"/orders/historical/{answer['success_response']['order_id']}").json()["order"]


def refused(venue: Served, configuration, **changed):
    answer = venue.order("refused", configuration, **changed)
    assert not answer["success"]
    assert answer["order_configuration"] == configuration
    return answer["error_response"]["preview_failure_reason"]


def test_a_limit_order_rests_and_shows_what_was_asked(venue: Served):
    order = placed(venue, "one", limit("49000.50", "0.010", post_only=True))
    assert order["status"] == "OPEN"
    assert order["order_configuration"] == {
        "limit_limit_gtc": {"base_size": "0.01", "limit_price": "49000.5", "post_only": True}
    }
    assert (order["filled_size"], order["average_filled_price"]) == ("0", "0")
    assert order["outstanding_hold_amount"] == "495.88506"
    held = {one["currency"]: one for one in venue.get("/accounts").json()["accounts"]}
    assert held["USD"]["hold"] == {"value": "495.88506", "currency": "USD"}


def test_a_market_buy_sized_in_quote_spends_its_fee_out_of_it(venue: Served):
    order = placed(venue, "one", {"market_market_ioc": {"quote_size": "100"}})
    assert order["status"] == "FILLED"
    assert (order["size_in_quote"], order["size_inclusive_of_fees"]) == (True, True)
    spent = Decimal(order["total_value_after_fees"])
    assert Decimal("99.99") < spent <= 100
    fill = venue.get("/orders/historical/fills").json()["fills"][0]
    assert fill["size_in_quote"] is True
    assert Decimal(fill["size"]) == Decimal(order["filled_value"])
    assert Decimal(fill["commission"]) == Decimal(order["total_fees"])
    assert fill["liquidity_indicator"] == "TAKER"


def test_a_market_sell_is_told_in_base(venue: Served):
    placed(venue, "one", {"market_market_ioc": {"base_size": "0.5"}}, side="SELL")
    fills = venue.get("/orders/historical/fills").json()["fills"]
    assert sum(Decimal(one["size"]) for one in fills) == Decimal("0.5")
    assert not any(one["size_in_quote"] for one in fills)


def test_an_ioc_that_fills_in_part_is_cancelled_with_what_filled(venue: Served):
    config = {"sor_limit_ioc": {"base_size": "1.5", "limit_price": "50005"}}
    order = placed(venue, "one", config)
    assert order["status"] == "CANCELLED"
    assert 0 < Decimal(order["filled_size"]) < Decimal("1.5")
    assert order["time_in_force"] == "IMMEDIATE_OR_CANCEL"
    assert order["cancel_message"] == ""


def test_the_same_client_id_gives_the_first_order_whatever_is_asked(venue: Served):
    first = venue.order("one", limit())
    again = venue.order("one", limit("48000", "0.02"), side="SELL")
    assert again["success"]
    assert again["success_response"]["order_id"] == first["success_response"]["order_id"]
    assert again["success_response"]["side"] == "SELL"
    assert again["order_configuration"] == limit("48000", "0.02")
    assert len(venue.get("/orders/historical/batch").json()["orders"]) == 1


def test_cancelling_says_for_each_order_whether_it_worked(venue: Served):
    order = placed(venue, "one", limit())
    ids = [order["order_id"], "unknown"]
    results = venue.post("/orders/batch_cancel", {"order_ids": ids}).json()["results"]
    assert results == [
        {
            "success": True,
            "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON",
            "order_id": order["order_id"],
        },
        {"success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER", "order_id": "unknown"},
    ]
    again = venue.post("/orders/batch_cancel", {"order_ids": ids[:1]}).json()["results"]
    assert again[0]["failure_reason"] == "DUPLICATE_CANCEL_REQUEST"
    assert venue.get(f"/orders/historical/{order['order_id']}").json()["order"]["status"] == (
        "CANCELLED"
    )


def test_orders_are_listed_newest_first_page_by_page(venue: Served):
    for number in range(5):
        venue.order(f"order-{number}", limit())
    seen, cursor = [], ""
    for _ in range(3):
        page = venue.get("/orders/historical/batch", limit=2, cursor=cursor).json()
        seen += [one["client_order_id"] for one in page["orders"]]
        cursor = page["cursor"]
    assert seen == [f"order-{number}" for number in (4, 3, 2, 1, 0)]
    assert (page["has_next"], cursor) == (False, "")


def test_orders_are_filtered_by_product_status_and_time(venue: Served):
    placed(venue, "old", limit())
    venue.clock.go_on(timedelta(minutes=1))
    since = venue.clock.now().isoformat()
    newer = placed(venue, "new", limit(), product_id="ETH-USD")
    venue.post("/orders/batch_cancel", {"order_ids": [newer["order_id"]]})

    def ids(**query):
        listed = venue.get("/orders/historical/batch", **query).json()["orders"]
        return [one["client_order_id"] for one in listed]

    assert ids(product_ids=BTC) == ["old"]
    assert ids(product_id=BTC) == ["new", "old"]  # the singular is not read
    assert ids(order_status="OPEN") == ["old"]
    assert ids(order_status="CANCELLED") == ["new"]
    assert ids(start_date=since) == ["new"]
    assert ids(end_date=since) == ["old"]
    paired = venue.get("/orders/historical/batch", order_status=["OPEN", "FILLED"])
    assert (paired.status_code, paired.json()["error"]) == (400, "INVALID_ARGUMENT")


def test_a_stop_waits_until_its_price_comes(venue: Served):
    stop = {
        "stop_limit_stop_limit_gtc": {
            "base_size": "0.01",
            "limit_price": "48000",
            "stop_price": "49000",
            "stop_direction": "STOP_DIRECTION_STOP_DOWN",
        }
    }
    order = placed(venue, "stop", stop, side="SELL")
    assert (order["status"], order["trigger_status"]) == ("OPEN", "STOP_PENDING")
    assert order["order_configuration"] == stop
    venue.exchange.set_price(BTC, Decimal(48_900), Decimal(1))
    after = venue.get(f"/orders/historical/{order['order_id']}").json()["order"]
    assert (after["status"], after["trigger_status"]) == ("FILLED", "STOP_TRIGGERED")


def test_an_order_expires_at_its_end_time(venue: Served):
    end = (venue.clock.now() + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    gtd = {"base_size": "0.01", "limit_price": "49000", "end_time": end, "post_only": False}
    order = placed(venue, "gtd", {"limit_limit_gtd": gtd})
    venue.clock.go_on(timedelta(minutes=2))
    after = venue.get(f"/orders/historical/{order['order_id']}").json()["order"]
    assert after["status"] == "EXPIRED"


@pytest.mark.parametrize(
    ("configuration", "reason"),
    [
        (limit("49000.001"), "PREVIEW_INVALID_PRICE_PRECISION"),
        (limit(size="0.000000001"), "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
        (limit(size="0.010000001"), "PREVIEW_INVALID_SIZE_PRECISION"),
        (limit(size="5000"), "PREVIEW_INVALID_BASE_SIZE_TOO_LARGE"),
        (limit(size="0.00001"), "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
        (limit(size="100"), "PREVIEW_INSUFFICIENT_FUND"),
        (limit("1"), "PREVIEW_LIMIT_PRICE_TOO_FAR_FROM_MARKET"),
        (limit("51000", post_only=True), "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
        ({"trigger_bracket_gtc": {"base_size": "0.1"}}, "PREVIEW_INVALID_ORDER_CONFIG"),
        ({"market_market_ioc": {}}, "PREVIEW_INVALID_ORDER_CONFIG"),
    ],
)
def test_what_the_venue_refuses_never_exists(venue: Served, configuration, reason: str):
    assert refused(venue, configuration) == reason
    assert venue.get("/orders/historical/batch").json()["orders"] == []


def test_a_stop_that_would_trigger_at_once_is_refused(venue: Served):
    stop = {
        "base_size": "0.01",
        "limit_price": "50000",
        "stop_price": "51000",
        "stop_direction": "STOP_DIRECTION_STOP_DOWN",
    }
    said = refused(venue, {"stop_limit_stop_limit_gtc": stop}, side="SELL")
    assert said == "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE"


def test_an_unknown_product_is_refused(venue: Served):
    assert refused(venue, limit(), product_id="DOGE-USD") == "PREVIEW_INVALID_PRODUCT_ID"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"client_order_id": "one", "product_id": "BTC-USD", "side": "BUY"},
        {"product_id": "BTC-USD", "side": "BUY", "order_configuration": limit()},
        {
            "client_order_id": "one",
            "product_id": "BTC-USD",
            "side": "buy",
            "order_configuration": limit(),
        },
        {
            "client_order_id": "one",
            "product_id": "BTC-USD",
            "side": "BUY",
            "order_configuration": limit("4.9e4"),
        },
        {
            "client_order_id": "one",
            "product_id": "BTC-USD",
            "side": "BUY",
            "order_configuration": {"sor_limit_ioc": {"base_size": "0.5", "limit_price": 49000}},
        },
        {
            "client_order_id": "one",
            "product_id": "BTC-USD",
            "side": "BUY",
            "order_configuration": limit(extra=0.5),
        },
        [],
    ],
)
def test_a_malformed_order_is_an_invalid_argument(venue: Served, body):
    answer = venue.post("/orders", body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "INVALID_ARGUMENT"
    assert answer.json()["message"] == answer.json()["error_details"]


def test_a_key_that_may_not_trade_lacks_scopes(venue: Served):
    answer = venue.post("/orders", {}, READER)
    assert answer.status_code == 403
    assert '"error_details":"Missing required scopes"' in answer.text
    assert venue.get("/orders/historical/batch", READER).status_code == 200


def test_an_unknown_order_is_not_found(venue: Served):
    answer = venue.get("/orders/historical/none")
    assert answer.status_code == 404
    assert answer.json()["error_details"] == "order with this orderID was not found"


def test_fills_are_filtered_and_paged(venue: Served):
    sold = placed(venue, "one", {"market_market_ioc": {"base_size": "0.4"}}, side="SELL")
    bought = placed(venue, "two", {"market_market_ioc": {"base_size": "0.3"}})
    everything = venue.get("/orders/historical/fills").json()
    assert everything["cursor"] == ""
    page = venue.get("/orders/historical/fills", limit=1).json()
    rest = venue.get("/orders/historical/fills", cursor=page["cursor"]).json()
    assert page["fills"] + rest["fills"] == everything["fills"]
    of_one = venue.get("/orders/historical/fills", order_ids=[sold["order_id"]]).json()["fills"]
    assert {one["order_id"] for one in of_one} == {sold["order_id"]}
    of_all = {one["order_id"] for one in everything["fills"]}
    assert of_all == {sold["order_id"], bought["order_id"]}


def test_a_preview_places_nothing_and_tells_what_is_wrong(venue: Served):
    body = {"product_id": BTC, "side": "BUY", "order_configuration": limit(size="0.1")}
    told = venue.post("/orders/preview", body).json()
    assert (told["errs"], told["order_total"], told["commission_total"]) == ([], "4958.8", "58.8")
    body["order_configuration"] = limit(size="100")
    assert venue.post("/orders/preview", body).json()["errs"] == ["PREVIEW_INSUFFICIENT_FUND"]
    assert venue.get("/orders/historical/batch").json()["orders"] == []
