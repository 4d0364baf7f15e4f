"""Products, books, candles and wallets on Coinbase's wire."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.simulator.coinbase_served import BTC, V3, Served, served

MARKET = f"{V3}/market"


@pytest.fixture(scope="module")
def venue() -> Iterator[Served]:
    with served() as place:
        yield place


def candles(venue: Served, granularity: str, start: int, end: int, path: str = "market/products"):
    query = f"granularity={granularity}&start={start}&end={end}"
    return venue.raw(f"{V3}/{path}/{BTC}/candles?{query}")


def test_the_time_is_the_exchanges(venue: Served):
    told = venue.raw(f"{V3}/time").json()
    assert told == {
        "iso": "2026-01-05T12:00:00Z",
        "epochSeconds": "1767614400",
        "epochMillis": "1767614400000",
    }


def test_a_product_tells_the_rules_of_its_orders(venue: Served):
    product = venue.raw(f"{MARKET}/products/{BTC}").json()
    rules = ("price_increment", "base_increment", "base_min_size", "base_max_size")
    assert [product[one] for one in rules] == ["0.01", "0.00000001", "0.00001", "3400"]
    assert product["quote_min_size"] == "1"
    assert (product["trading_disabled"], product["cancel_only"]) == (False, False)
    assert venue.get(f"/products/{BTC}").json() == product


def test_products_are_listed_in_parts_and_by_name(venue: Served):
    listed = venue.raw(f"{MARKET}/products?limit=1&offset=1").json()
    assert [one["product_id"] for one in listed["products"]] == ["ETH-USD"]
    assert listed["num_products"] == 2
    named = venue.raw(f"{MARKET}/products?product_ids=BTC-USD").json()["products"]
    assert [one["product_id"] for one in named] == ["BTC-USD"]
    assert venue.raw(f"{MARKET}/products?product_type=FUTURE").json()["products"] == []


def test_a_book_begins_with_its_best_prices(venue: Served):
    book = venue.raw(f"{MARKET}/product_book?product_id={BTC}&limit=3").json()
    bids = [Decimal(one["price"]) for one in book["pricebook"]["bids"]]
    asks = [Decimal(one["price"]) for one in book["pricebook"]["asks"]]
    assert (len(bids), len(asks)) == (3, 3)
    assert (bids, asks) == (sorted(bids, reverse=True), sorted(asks))
    assert bids[0] < 50_000 < asks[0]
    assert Decimal(book["spread_absolute"]) == asks[0] - bids[0]
    (best,) = venue.get("/best_bid_ask", product_ids=BTC).json()["pricebooks"]
    assert best["bids"] == book["pricebook"]["bids"][:1]
    ticker = venue.raw(f"{MARKET}/products/{BTC}/ticker").json()
    assert ticker["best_ask"] == str(asks[0])


def test_candles_come_newest_first_with_both_ends_of_the_range(venue: Served):
    now = int(venue.clock.now().timestamp())
    told = candles(venue, "ONE_MINUTE", now - 600, now - 60).json()["candles"]
    starts = [int(one["start"]) for one in told]
    assert starts == list(range(now - 60, now - 601, -60))


def test_candles_of_two_hours_are_joined_from_hours(venue: Served):
    now = int(venue.clock.now().timestamp())
    hours = candles(venue, "ONE_HOUR", now - 7200, now - 3600).json()["candles"]
    (joined,) = candles(venue, "TWO_HOUR", now - 7200, now - 3600).json()["candles"]
    assert joined["start"] == hours[1]["start"]
    assert (joined["open"], joined["close"]) == (hours[1]["open"], hours[0]["close"])
    assert Decimal(joined["high"]) == max(Decimal(one["high"]) for one in hours)
    assert Decimal(joined["volume"]) == sum(Decimal(one["volume"]) for one in hours)


def test_no_more_than_350_candles_are_told_at_once(venue: Served):
    now = int(venue.clock.now().timestamp())
    most = candles(venue, "FIVE_MINUTE", now - 350 * 300, now - 300)
    assert len(most.json()["candles"]) == 350
    more = candles(venue, "FIVE_MINUTE", now - 351 * 300, now - 300)
    assert (more.status_code, more.json()["error"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "query",
    [
        "granularity=ONE_MINUTE",
        "granularity=ONE_MINUTE&start=1.5&end=2",
        "granularity=ONE_WEEK&start=1&end=2",
        "granularity=ONE_MINUTE&start=2&end=1",
        "start=1&end=2",
    ],
)
def test_a_malformed_request_for_candles_is_an_invalid_argument(venue: Served, query: str):
    answer = venue.raw(f"{MARKET}/products/{BTC}/candles?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_ARGUMENT")


def test_wallets_are_told_page_by_page_and_one_by_one(venue: Served):
    first = venue.get("/accounts", limit=1).json()
    assert (first["has_next"], first["size"]) == (True, 1)
    rest = venue.get("/accounts", cursor=first["cursor"]).json()
    assert (rest["has_next"], rest["cursor"]) == (False, "")
    wallets = first["accounts"] + rest["accounts"]
    assert [one["currency"] for one in wallets] == ["BTC", "USD"]
    assert [one["type"] for one in wallets] == ["ACCOUNT_TYPE_CRYPTO", "ACCOUNT_TYPE_FIAT"]
    one = venue.get(f"/accounts/{wallets[1]['uuid']}").json()["account"]
    assert one == wallets[1]
    assert venue.get("/accounts/none").status_code == 404
    assert venue.get("/accounts", cursor="none").status_code == 400


def test_what_is_read_may_lag_behind_what_was_accepted():
    with served() as venue:
        venue.exchange.lag = timedelta(seconds=5)
        answer = venue.order("one", {"market_market_ioc": {"base_size": "0.1"}})
        order_id = answer["success_response"]["order_id"]
        assert venue.get(f"/orders/historical/{order_id}").status_code == 404
        assert venue.get("/orders/historical/fills").json()["fills"] == []
        venue.clock.go_on(timedelta(seconds=6))
        assert venue.get(f"/orders/historical/{order_id}").json()["order"]["status"] == "FILLED"
