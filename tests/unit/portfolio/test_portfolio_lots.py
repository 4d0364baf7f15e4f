"""Tax lots and disposals over HTTP, on real databases."""

import csv
from decimal import Decimal

import pytest

from portfolio.repository import moves
from shared.domain.enums import Side
from tests.unit.portfolio.test_portfolio_service import Desk, candles, filled, reconciled

D = Decimal
METHODS = ("fifo", "lifo", "hifo")


def traded(desk):
    """Buy at 100, 300 and 200, sell one and a half; and a little of another instrument."""
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    for number, price in enumerate(("100", "300", "200")):
        desk.say(filled(f"b{number}", Side.BUY, "1", price, number + 1))
    desk.say(filled("e1", Side.BUY, "5", "10", 5, base="ETH"))
    desk.say(filled("s1", Side.SELL, "1.5", "250", 6))
    desk.say(filled("e2", Side.SELL, "5", "11", 7, base="ETH"))


def left(desk, method):
    items = desk.http.get(f"/tax-lots?method={method}").json()["items"]
    return {one["lot_id"].rpartition(":")[2]: one["remaining"] for one in items}


def test_each_order_leaves_its_own_lots(engine):
    desk = Desk(engine)
    traded(desk)
    assert left(desk, "fifo") == {"b1": "0.5", "b2": "1"}
    assert left(desk, "lifo") == {"b0": "1", "b1": "0.5"}
    assert left(desk, "hifo") == {"b0": "1", "b2": "0.5"}
    assert desk.http.get("/tax-lots").json() == desk.http.get("/tax-lots?method=fifo").json()
    chosen = Desk(engine, lot_method="hifo")
    assert chosen.http.get("/tax-lots").json() == desk.http.get("/tax-lots?method=hifo").json()


@pytest.mark.parametrize("method", METHODS)
def test_lots_and_disposals_together_are_what_was_bought(engine, method):
    desk = Desk(engine)
    traded(desk)
    lots = desk.http.get(f"/tax-lots?method={method}&symbol=BTC-USDT").json()["items"]
    sold = desk.http.get(f"/disposals?method={method}&symbol=BTC-USDT").json()["items"]
    assert sum(D(one["remaining"]) for one in lots) + sum(D(one["quantity"]) for one in sold) == 3
    cost = sum(D(one["remaining_cost"]) for one in lots) + sum(D(one["cost"]) for one in sold)
    assert cost == D("600.3")
    assert sum(D(one["proceeds"]) for one in sold) == D("374.9")
    assert all(D(one["gain"]) == D(one["proceeds"]) - D(one["cost"]) for one in sold)


def test_disposals_come_in_pages_and_by_time(engine):
    desk = Desk(engine)
    traded(desk)
    whole = desk.http.get("/disposals").json()["items"]
    assert [one["symbol"] for one in whole] == ["BTC-USDT", "BTC-USDT", "ETH-USDT"]
    found, path = [], "/disposals?limit=1"
    while path:
        page = desk.http.get(path).json()
        found += page["items"]
        cursor = page["next_cursor"]
        path = cursor and f"/disposals?limit=1&cursor={cursor}"
    assert found == whole
    late = desk.http.get("/disposals?from=2024-01-01T07:00:00Z").json()["items"]
    assert [one["symbol"] for one in late] == ["ETH-USDT"]
    early = desk.http.get("/disposals?to=2024-01-01T06:00:00Z").json()["items"]
    assert early == whole[:2]


@pytest.mark.parametrize("method", METHODS)
def test_pages_lose_nothing_of_one_instant_nor_what_was_heard_late(engine, method):
    desk = Desk(engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    for number in range(3):
        desk.say(filled(f"b{number}", Side.BUY, "1", "100", 2))
    desk.say(filled("s3", Side.SELL, "0.5", "110", 6), filled("s2", Side.SELL, "1.2", "120", 6))
    desk.say(filled("s1", Side.SELL, "0.5", "130", 5), filled("s0", Side.SELL, "0.1", "90", 6))
    whole = desk.http.get(f"/disposals?method={method}").json()["items"]
    sales = [one["sale_id"].rpartition(":")[2] for one in whole]
    assert sales == sorted(sales, key=lambda sale: (sale != "s1", sale))
    found, path = [], f"/disposals?method={method}&limit=1"
    while path:
        page = desk.http.get(path).json()
        found += page["items"]
        cursor = page["next_cursor"]
        path = cursor and f"/disposals?method={method}&limit=1&cursor={cursor}"
    assert found == whole
    rows = csv.reader(desk.http.get(f"/disposals?method={method}&format=csv").text.splitlines())
    assert len(list(rows)) == len(whole) + 1
    lots, path = [], f"/tax-lots?method={method}&limit=1"
    while path:
        page = desk.http.get(path).json()
        lots += page["items"]
        cursor = page["next_cursor"]
        path = cursor and f"/tax-lots?method={method}&limit=1&cursor={cursor}"
    assert lots == desk.http.get(f"/tax-lots?method={method}").json()["items"]


def test_lots_of_every_order_come_in_pages(sqlite_engine):
    desk = Desk(sqlite_engine)
    traded(desk)
    for method in METHODS:
        whole = desk.http.get(f"/tax-lots?method={method}").json()["items"]
        first = desk.http.get(f"/tax-lots?method={method}&limit=1").json()
        rest = desk.http.get(f"/tax-lots?method={method}&cursor={first['next_cursor']}").json()
        assert first["items"] + rest["items"] == whole


def test_both_can_be_had_as_csv(sqlite_engine):
    desk = Desk(sqlite_engine)
    traded(desk)
    for path in ("/disposals", "/tax-lots"):
        asked = desk.http.get(f"{path}?method=hifo&format=csv")
        assert asked.headers["content-type"].startswith("text/csv")
        assert "attachment" in asked.headers["content-disposition"]
        items = desk.http.get(f"{path}?method=hifo").json()["items"]
        lines = list(csv.DictReader(asked.text.splitlines()))
        assert [line["lot_id"] for line in lines] == [one["lot_id"] for one in items]
        assert [line["cost"] for line in lines] == [one["cost"] for one in items]
        desk.http._headers["Accept"] = "text/csv"
        assert desk.http.get(f"{path}?method=hifo").text == asked.text
        assert desk.http.get(f"{path}?format=json").headers["content-type"] == "application/json"
        del desk.http._headers["Accept"]


def test_an_account_without_trades_has_neither(sqlite_engine):
    desk = Desk(sqlite_engine)
    for method in METHODS:
        assert desk.http.get(f"/tax-lots?method={method}").json()["items"] == []
        assert desk.http.get(f"/disposals?method={method}").json()["items"] == []
    assert len(desk.http.get("/disposals?format=csv").text.splitlines()) == 1


@pytest.mark.parametrize(
    "query",
    ["method=average", "format=pdf", "symbol=DOGE-USDT", "limit=0", "cursor=x", "unknown=1"],
)
def test_bad_questions_are_refused_in_words(sqlite_engine, query):
    desk = Desk(sqlite_engine)
    for path in ("/tax-lots", "/disposals"):
        answer = desk.http.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["reason"]) == (422, "bad_input"), query


def test_too_many_bookings_are_left_to_the_command(sqlite_engine, monkeypatch):
    desk = Desk(sqlite_engine)
    traded(desk)
    for name in ("portfolio.routes.lots.LONGEST_REPLAY",):
        monkeypatch.setattr(name, 4)
    answer = desk.http.get("/disposals?method=lifo")
    assert answer.status_code == 403
    assert "trading tax export" in answer.json()["detail"]
    assert desk.http.get("/tax-lots").status_code == 200
    with desk.transactions.read() as connection:
        assert len(list(moves.moves(connection, desk.runtime.settings.account, None))) == 6


def test_what_was_sold_and_nobody_had_is_no_disposal_until_it_is_explained(engine):
    desk = Desk(engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    desk.say(filled("b1", Side.BUY, "1", "100", 2), filled("s1", Side.SELL, "3", "120", 4))
    (known,) = desk.http.get("/disposals").json()["items"]
    assert known["quantity"] == "1"
    desk.say(filled("b0", Side.BUY, "2", "50", 3))  # it had been bought before, and is heard now
    explained, sold = desk.http.get("/disposals").json()["items"]
    assert sold == known
    assert (explained["quantity"], explained["cost"]) == ("2", "100.1")
    for method in METHODS:
        assert desk.http.get(f"/tax-lots?method={method}").json()["items"] == []
