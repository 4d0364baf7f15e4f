"""Money that moves beside our fills: what is said, who says so, and what the books make of it."""

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from threading import Event

import httpx
import pytest
from sqlalchemy import select

from portfolio.core.ledger import aside_of, balances_of, imbalance, unexplained_of
from portfolio.repository import books, journal, reports
from recommender.core import book as recommender
from shared.db.audit import audit
from shared.domain.enums import BalanceKind, Side
from shared.domain.events import BalanceFound
from tests.unit.portfolio.test_portfolio_service import (
    ACCOUNT,
    START,
    D,
    Desk,
    _envelope,
    a_short_story,
    candles,
    filled,
    reconciled,
)

FIRST, SECOND = "f" * 40, "s" * 40
_numbers = itertools.count()


class Two(Desk):
    """A desk where two people have keys that may do everything."""

    def __init__(self, engine, symbols=("BTC-USDT", "ETH-USDT"), **settings):
        super().__init__(engine, symbols, keys=f"admin:{FIRST},admin:{SECOND}", **settings)

    def post(self, path, body=None, *, key=FIRST, idempotency=None):
        used = idempotency or f"request-{next(_numbers):06}"
        headers = {"X-TRADING-API-KEY": key, "Idempotency-Key": used}
        return asyncio.run(self._ask("POST", path, headers, body))

    def ask(self, path):
        return asyncio.run(self._ask("GET", path, {"X-TRADING-API-KEY": FIRST}, None)).json()

    async def _ask(self, method, path, headers, body):
        transport = httpx.ASGITransport(app=self.service.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://portfolio") as client:
            return await client.request(method, path, headers=headers, json=body)

    def move(self, **body):
        answer = self.post("/movements", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def adjust(self, **body):
        """Ask with one key, approve with the other."""
        asked = self.move(kind="adjustment", reason="counted by hand", **body)
        answer = self.post(f"/movements/{asked['movement_id']}/approve", key=SECOND)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def owned(self):
        with self.transactions.read() as connection:
            found = books.purses(connection, ACCOUNT)
        return {asset: (one.free, one.aside) for asset, one in found.items()}

    def position(self, symbol="BTC-USDT"):
        with self.transactions.read() as connection:
            held = books.positions_of_account(connection, ACCOUNT)
        return next((one for one in held if one.symbol == symbol), None)


def assert_all_agrees(desk):
    """Entries sum to zero, balances are their sums, and coins to trade with are the positions."""
    with desk.transactions.read() as connection:
        entries = reports.ledger(connection)
        owned = books.purses(connection, ACCOUNT)
        positions = books.positions_of_account(connection, ACCOUNT)
        booked = list(journal.in_order(connection, ACCOUNT))
    assert imbalance(entries) == {}
    for source in {(one.source_kind, one.source_id) for one in entries}:
        legs = [one for one in entries if (one.source_kind, one.source_id) == source]
        assert imbalance(legs) == {}, source
    free, aside = balances_of(ACCOUNT, entries), balances_of(aside_of(ACCOUNT), entries)
    for asset, one in owned.items():
        assert (one.free, one.aside) == (free.get(asset, 0), aside.get(asset, 0)), asset
    missing = balances_of(unexplained_of(ACCOUNT), entries)
    for position in positions:
        base = position.symbol.split("-")[0]
        assert position.quantity == owned[base].free
        assert -position.unexplained == missing.get(base, 0)
    assert [number for number, _ in booked] == list(range(1, len(booked) + 1))


def test_a_deposit_is_cash_and_no_gain(sqlite_engine):
    desk = Two(sqlite_engine)
    a_short_story(desk)
    before = desk.ask("/profit")
    moved = desk.move(kind="deposit", asset="USDT", amount="2500.000000000000000001")
    assert (moved["status"], moved["settled_by"]) == ("booked", "configured-1")
    after = desk.ask("/profit")
    assert D(after["equity"]) - D(before["equity"]) == D("2500.000000000000000001")
    assert D(after["equity"]) - D(after["contributed"]) == D("14.7")
    assert D(after["return_ratio"]) < D(before["return_ratio"])
    (fact,) = desk.said("balance.moved")
    assert (fact.asset, fact.amount, fact.kind) == (
        "USDT",
        D("2500.000000000000000001"),
        BalanceKind.DEPOSIT,
    )
    assert fact.reference == moved["movement_id"]
    assert_all_agrees(desk)


def test_a_withdrawal_is_no_drawdown(sqlite_engine):
    desk = Two(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"), filled("t1", Side.BUY, "20", "100", 1, fee="0"))
    desk.say(reconciled(1))
    desk.say(candles(2, BTC="95", ETH="10"), reconciled(2))
    desk.move(kind="withdrawal", asset="USDT", amount="4950")
    desk.say(candles(3, BTC="95", ETH="10"), reconciled(3))
    marks = desk.said("equity.marked")
    assert [one.equity for one in marks] == [D("10000"), D("9900"), D("4950")]
    assert [one.drawdown_ratio for one in marks] == [D("0"), D("0.01"), D("0.01")]
    assert marks[2].peak_equity == D("5000")
    assert_all_agrees(desk)


def test_coins_that_never_had_a_mark_go_at_what_they_cost(engine):
    desk = Two(engine)
    desk.say(candles(1, BTC="100"), filled("t1", Side.BUY, "3", "10", 1, fee="0", base="ETH"))
    desk.say(reconciled(1))
    desk.move(kind="withdrawal", asset="ETH", amount="2", symbol="ETH-USDT")
    desk.say(candles(2, BTC="100"), reconciled(2))
    first, last = desk.said("equity.marked")
    assert (first.equity, last.equity) == (D("10000"), D("9980"))
    assert (last.peak_equity, last.drawdown_ratio) == (D("9980"), D("0"))
    profit = desk.ask("/profit")
    assert (D(profit["equity"]), D(profit["contributed"])) == (D("9980"), D("9980"))
    assert D(profit["return_ratio"]) == 0
    desk.move(kind="withdrawal", asset="ETH", amount="1", symbol="ETH-USDT")
    desk.say(candles(3, BTC="100"), reconciled(3))
    assert D(desk.ask("/profit")["contributed"]) == D("9970")
    assert desk.said("equity.marked")[-1].drawdown_ratio == D("0")


def test_more_than_the_books_hold_cannot_have_gone(sqlite_engine):
    desk = Two(sqlite_engine)
    a_short_story(desk)
    for body in (
        {"kind": "withdrawal", "asset": "USDT", "amount": "10014.71"},
        {"kind": "withdrawal", "asset": "BTC", "amount": "0.1"},
        {"kind": "withdrawal", "asset": "DOGE", "amount": "1", "new_asset": True},
        {"kind": "external_trade", "symbol": "BTC-USDT", "side": "sell", "quantity": "1",
         "price": "100"},
        {"kind": "external_trade", "symbol": "BTC-USDT", "side": "buy", "quantity": "1000",
         "price": "100"},
        {"kind": "adjustment", "asset": "USDT", "amount": "-20000", "reason": "lost"},
    ):  # fmt: skip
        answer = desk.post("/movements", body)
        assert (answer.status_code, answer.json()["reason"]) == (409, "conflict"), body
        assert "the books hold only" in answer.json()["detail"]
    assert desk.ask("/movements")["items"] == []
    assert desk.said("balance.moved") == []


def test_coins_that_come_open_a_lot_and_coins_that_go_take_their_cost_along(sqlite_engine):
    desk = Two(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"))
    desk.move(kind="deposit", asset="BTC", amount="2", price="90")
    desk.move(kind="deposit", asset="BTC", amount="1")
    position = desk.position()
    assert (position.quantity, position.cost_basis) == (D("3"), D("280"))
    lots = desk.ask("/tax-lots?symbol=BTC-USDT")["items"]
    assert sorted(lot["cost"] for lot in lots) == ["100", "180"]
    desk.move(kind="withdrawal", asset="BTC", amount="1.5")
    after = desk.position()
    assert (after.quantity, after.cost_basis, after.realized_pnl) == (D("1.5"), D("140"), D("0"))
    assert desk.said("round_trip.closed") == []
    assert [one.quantity for one in desk.said("position.changed")] == [D("2"), D("3"), D("1.5")]
    assert_all_agrees(desk)


def test_what_is_dated_before_the_purchase_it_closes_leaves_the_instrument_flat(engine):
    desk = Two(engine)
    bought = [filled(f"t{hour}", Side.BUY, "1", "100", hour, fee="0") for hour in (2, 4)]
    desk.say(candles(4, BTC="100", ETH="10"), *bought)
    desk.runtime.clock.observe(START + timedelta(hours=5))
    desk.move(kind="withdrawal", asset="BTC", amount="2", moved_at="2024-01-01T01:00:00Z")
    known = None
    for fact in bought:
        known = recommender.filled(known, fact.order, fact.fill)
    told = desk.said("position.changed")[-1]
    assert (told.quantity, told.changed_at) == (D("0"), START + timedelta(hours=4))
    assert recommender.changed(known, told) is None
    later = filled("t6", Side.BUY, "1", "100", 6)  # which portfolio has not heard of yet
    decided = replace(later.order, decided_at=START + timedelta(hours=6))
    assert recommender.changed(recommender.filled(known, decided, later.fill), told) is not None


def test_an_external_trade_moves_the_position_like_a_fill_and_has_a_trip_of_its_own(engine):
    desk = Two(engine)
    desk.say(candles(1, BTC="100", ETH="10"), filled("t1", Side.BUY, "1", "100", 1, fee="0"))
    trade = {"kind": "external_trade", "symbol": "BTC-USDT", "fee_asset": "USDT"}
    desk.move(**trade, side="buy", quantity="1", price="110", fee="1")
    assert desk.position().cost_basis == D("211")
    desk.move(**trade, side="sell", quantity="1", price="120", fee="0")
    assert desk.position().realized_pnl == D("120") - D("105.5")
    assert desk.said("round_trip.closed") == []
    desk.say(filled("t2", Side.SELL, "1", "130", 2, fee="0"))
    (closed,) = desk.said("round_trip.closed")
    assert (closed.cost, closed.pnl) == (D("100"), D("30"))
    trips = desk.ask("/trades")["items"]
    assert sorted(one["pnl"] for one in trips) == ["30", "9"]
    external = next(one for one in trips if one["pnl"] == "9")
    assert external["trip_id"].startswith("external:")
    assert external["exit_reason"] == "manual"
    assert desk.position().realized_pnl == D("39")
    by_asset = {(one.asset, one.amount) for one in desk.said("balance.moved")}
    assert by_asset == {("BTC", D(1)), ("USDT", D("-111")), ("BTC", D(-1)), ("USDT", D(120))}
    assert_all_agrees(desk)


def test_who_sells_our_coins_by_hand_closes_our_trip(sqlite_engine):
    desk = Two(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"), filled("t1", Side.BUY, "1", "100", 1, fee="0"))
    desk.move(
        kind="external_trade", symbol="BTC-USDT", side="sell", quantity="1", price="90", fee="0"
    )
    (closed,) = desk.said("round_trip.closed")
    assert (closed.pnl, closed.exit_reason) == (D("-10"), "manual")
    assert_all_agrees(desk)


def test_an_adjustment_changes_nothing_until_a_second_person_approves(engine):
    desk = Two(engine)
    a_short_story(desk)
    before = desk.owned()
    asked = desk.move(kind="adjustment", asset="USDT", amount="-4.7", reason="a fee nobody told")
    assert asked["status"] == "pending"
    assert desk.owned() == before
    assert desk.said("balance.moved") == []
    path = f"/movements/{asked['movement_id']}/approve"
    own = desk.post(path)
    assert (own.status_code, own.json()["reason"]) == (403, "refused")
    assert desk.owned() == before
    done = desk.post(path, key=SECOND).json()
    assert (done["status"], done["asked_by"], done["settled_by"]) == (
        "booked",
        "configured-1",
        "configured-2",
    )
    assert desk.owned()["USDT"][0] == before["USDT"][0] - D("4.7")
    again = desk.post(path, key=SECOND)
    assert again.status_code == 409
    assert len(desk.said("balance.moved")) == 1
    assert_all_agrees(desk)


def test_a_refused_adjustment_is_over(sqlite_engine):
    desk = Two(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"))
    asked = desk.move(kind="adjustment", asset="USDT", amount="1", reason="perhaps")
    assert [one["status"] for one in desk.ask("/movements?status=pending")["items"]] == ["pending"]
    refused = desk.post(f"/movements/{asked['movement_id']}/refuse", key=SECOND).json()
    assert refused["status"] == "refused"
    late = desk.post(f"/movements/{asked['movement_id']}/approve", key=SECOND)
    assert late.status_code == 409
    assert desk.ask("/movements?status=pending")["items"] == []
    nobody = "00000000-0000-8000-8000-000000000000"
    assert desk.post(f"/movements/{nobody}/approve", key=SECOND).status_code == 404


def test_a_movement_that_is_said_twice_is_booked_once(engine):
    desk = Two(engine)
    body = {"kind": "deposit", "asset": "USDT", "amount": "5"}
    first = desk.post("/movements", body, idempotency="said-once").json()
    assert desk.post("/movements", body, idempotency="said-once").json() == first
    other = desk.post("/movements", {**body, "amount": "6"}, idempotency="said-once")
    assert other.status_code == 422
    assert desk.owned()["USDT"] == (D("10005"), D("0"))
    assert len(desk.ask("/movements")["items"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "deposit", "asset": "BTC", "amount": "1"}, "price"),
        ({"kind": "deposit", "asset": "USDT", "amount": "0"}, "amount"),
        ({"kind": "deposit", "asset": "USDT", "amount": "-1"}, "amount"),
        ({"kind": "deposit", "asset": "USDT", "amount": "1e400"}, "amount"),
        ({"kind": "deposit", "asset": "USDT", "amount": "NaN"}, "amount"),
        ({"kind": "deposit", "asset": "usdt", "amount": "1"}, "asset"),
        ({"kind": "deposit", "asset": "BTC", "amount": "1", "symbol": "ETH-USDT"}, "symbol"),
        ({"kind": "gift", "asset": "BTC", "amount": "1"}, "kind"),
        ({"kind": "adjustment", "asset": "USDT", "amount": "1"}, "reason"),
        ({"kind": "adjustment", "asset": "USDT", "amount": "0", "reason": "r"}, "amount"),
        ({"kind": "external_trade", "symbol": "X-Y", "side": "buy", "quantity": "1",
          "price": "1"}, "symbol"),
        ({"kind": "external_trade", "symbol": "BTC-USDT", "side": "buy",
          "quantity": "9999999999999999999", "price": "99999999999"}, "amount"),
        ({"kind": "deposit", "asset": "USDT", "amount": "1",
          "moved_at": "2999-01-01T00:00:00Z"}, "moved_at"),
    ],
)  # fmt: skip
def test_what_cannot_have_moved_is_bad_input_and_names_the_field(sqlite_engine, body, field):
    answer = Two(sqlite_engine).post("/movements", body)
    assert answer.status_code == 422
    assert field in answer.text


def test_only_an_admin_moves_money_and_only_with_a_fresh_key(sqlite_engine):
    desk = Desk(sqlite_engine)
    body = {"kind": "deposit", "asset": "USDT", "amount": "1"}
    assert desk.http.post("/movements", body).status_code == 403
    two = Two(sqlite_engine)
    headers = {"X-TRADING-API-KEY": FIRST}
    assert asyncio.run(two._ask("POST", "/movements", headers, body)).status_code == 422


def test_what_is_not_traded_lies_aside_and_changes_no_position(sqlite_engine):
    desk = Two(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    desk.move(kind="deposit", asset="DOGE", amount="7", new_asset=True)
    desk.move(kind="deposit", asset="BTC", amount="2", aside=True)
    assert desk.owned()["DOGE"] == (D("0"), D("7"))
    assert desk.owned()["BTC"] == (D("0"), D("2"))
    assert desk.position() is None
    assert desk.ask("/status")["equity"] == "10000"
    balances = {one["asset"]: one for one in desk.ask("/balance")}
    assert (balances["BTC"]["free"], balances["BTC"]["aside"]) == ("0", "2")
    assert_all_agrees(desk)


@pytest.mark.parametrize("kind", ["deposit", "withdrawal", "adjustment"])
def test_a_mistyped_asset_is_refused_with_what_is_spelt_like_it(sqlite_engine, kind):
    desk = Two(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    wish = {"kind": kind, "asset": "BTTC", "amount": "1", "reason": "by hand"}
    answer = desk.post("/movements", wish)
    assert answer.status_code == 422
    (field,) = answer.json()["fields"]
    assert (field["field"], field["problem"]) == ("asset", "nothing here knows 'BTTC'")
    assert field["remedy"].startswith("write BTC if that is meant, or say ")
    assert '"new_asset": true (--new-asset)' in field["remedy"]
    assert "BTTC" not in desk.owned()
    assert desk.ask("/movements")["items"] == []


def test_what_the_books_know_already_need_not_be_called_new_again(sqlite_engine):
    desk = Two(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    desk.move(kind="deposit", asset="DOGE", amount="7", new_asset=True)
    desk.move(kind="withdrawal", asset="DOGE", amount="7")
    desk.move(kind="deposit", asset="DOGE", amount="1")
    assert desk.owned()["DOGE"] == (D("0"), D("1"))


def test_coins_aside_are_taken_to_be_traded_with_by_two_people_and_nobody_else_notices(
    sqlite_engine,
):
    desk = Two(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    desk.move(kind="deposit", asset="BTC", amount="2", aside=True)
    said = len(desk.said("balance.moved"))
    desk.adjust(asset="BTC", amount="0.5", from_aside=True, price="80")
    assert desk.owned()["BTC"] == (D("0.5"), D("1.5"))
    assert (desk.position().quantity, desk.position().cost_basis) == (D("0.5"), D("40"))
    assert len(desk.said("balance.moved")) == said  # the venue holds what it held
    assert_all_agrees(desk)


def test_a_fee_in_a_third_asset_is_valued_where_a_price_is_known(sqlite_engine):
    desk = Two(sqlite_engine, symbols=("BNB-USDT", "BTC-USDT"))
    desk.move(kind="deposit", asset="BNB", amount="1", aside=True)
    desk.say(in_bnb(filled("t0", Side.BUY, "1", "100", 1)))
    assert (desk.position().fees, desk.position().cost_basis) == (D("0"), D("100"))
    desk.say(candles(1, BTC="100", BNB="600"))
    desk.say(in_bnb(filled("t1", Side.BUY, "1", "100", 2)))
    position = desk.position()
    assert (position.fees, position.cost_basis) == (D("0.6"), D("200.6"))
    assert desk.owned()["USDT"][0] == D("9800")
    bnb = next(one for one in desk.ask("/balance") if one["asset"] == "BNB")
    assert (bnb["free"], bnb["aside"], bnb["fees"]) == ("0", "0.998", "0.002")
    assert_all_agrees(desk)


def in_bnb(fact):
    return replace(fact, fill=replace(fact.fill, fee=D("0.001"), fee_asset="BNB"))


def found(asset, amount, kind=BalanceKind.OPENING, reference="first"):
    return BalanceFound(
        account=ACCOUNT,
        venue="kucoin",
        asset=asset,
        amount=D(amount),
        kind=kind,
        reference=reference,
        actor="executor",
        found_at=START,
    )


def test_an_opening_of_nothing_that_is_told_again_takes_nothing_back(sqlite_engine):
    desk = Two(sqlite_engine)
    desk.say(found("USDT", "10000"), found("BTC", "0"))
    desk.move(kind="deposit", asset="USDT", amount="2500", reason="payday")
    desk.move(kind="deposit", asset="BTC", amount="0.1", price="100", reason="a gift")
    before = desk.owned()
    catch_up = next(one for one in desk.service.tasks if one.name == "catch_up")
    for _ in range(2):
        catch_up.run(Event())
    assert desk.owned() == before
    assert_all_agrees(desk)


def test_books_at_a_venue_open_with_what_the_venue_holds(sqlite_engine):
    desk = Two(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"))
    desk.say(found("USDT", "7777.7"), found("BTC", "0.3"), found("ETH", "0"))
    assert desk.owned()["USDT"] == (D("7777.7"), D("0"))
    assert desk.owned()["BTC"] == (D("0"), D("0.3"))
    assert desk.position() is None
    desk.say(reconciled(1))
    (mark,) = desk.said("equity.marked")
    assert (mark.equity, mark.drawdown_ratio) == (D("7777.7"), D("0"))
    assert desk.ask("/profit")["opening_balance"] == "7777.7"
    assert desk.ask("/profit")["return_ratio"] == "0"
    assert_all_agrees(desk)


def test_an_opening_heard_after_the_first_mark_is_no_loss(sqlite_engine):
    desk = Two(sqlite_engine)
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    desk.say(found("USDT", "4000"))
    desk.say(candles(2, BTC="100", ETH="10"), reconciled(2))
    assert [one.equity for one in desk.said("equity.marked")] == [D("10000"), D("4000")]
    assert desk.said("equity.marked")[1].drawdown_ratio == D("0")


def test_an_opening_counts_neither_our_fills_there_nor_what_was_declared_twice(engine):
    desk = Two(engine)
    desk.say(candles(1, BTC="100", ETH="10"))
    desk.move(kind="deposit", asset="USDT", amount="100")
    at_kucoin = filled("t1", Side.BUY, "1", "100", 1, fee="0")
    desk.say(at_venue(at_kucoin, "kucoin"))
    # the executor takes our fills off what it sees: 5000 were there before, deposit included
    desk.say(found("USDT", "5000"), found("BTC", "0.2"))
    assert desk.owned()["USDT"] == (D("4900"), D("0"))
    assert desk.owned()["BTC"] == (D("1"), D("0.2"))
    assert_all_agrees(desk)


def at_venue(fact, venue):
    order = replace(fact.order, venue=venue)
    return replace(fact, order=order, fill=replace(fact.fill, venue=venue))


def test_an_accepted_difference_and_a_rounding_are_booked_once(sqlite_engine):
    desk = Two(sqlite_engine)
    desk.say(found("USDT", "5000"))
    desk.say(found("USDT", "-3.25", BalanceKind.ACCEPTED, "a"))
    desk.say(found("BTC", "0.01", BalanceKind.ACCEPTED, "b"))
    desk.say(found("USDT", "0.0049", BalanceKind.ROUNDING, "c"))
    assert desk.owned()["USDT"] == (D("4996.7549"), D("0"))
    assert desk.owned()["BTC"] == (D("0"), D("0.01"))
    handler = desk.service.handlers["balance.found"]
    with desk.transactions.begin() as uow:
        handler([_envelope(found("USDT", "0.0049", BalanceKind.ROUNDING, "c"))], uow)
    assert desk.owned()["USDT"] == (D("4996.7549"), D("0"))
    assert_all_agrees(desk)


def test_a_sale_of_what_nobody_had_is_booked_told_and_explained_by_hand(engine):
    desk = Two(engine)
    desk.say(found("USDT", "5000"), found("BTC", "1"))
    desk.say(candles(1, BTC="100", ETH="10"), filled("t1", Side.BUY, "1", "100", 1, fee="0"))
    desk.say(filled("t2", Side.SELL, "1.5", "120", 2, fee="0"))
    position = desk.position()
    assert (position.quantity, position.unexplained) == (D("0"), D("0.5"))
    assert position.realized_pnl == D("20")
    assert desk.owned()["USDT"][0] == D("5080")
    (surprise,) = desk.said("venue.surprised")
    assert (surprise.symbol, surprise.kind) == ("BTC-USDT", "oversold")
    assert "0.5" in surprise.detail
    ready = desk.ask("/health/ready")
    assert "0.5 of BTC-USDT" in str(ready)
    assert "portfolio_unexplained_positions 1.0" in metrics_of(desk)
    assert_all_agrees(desk)
    # the next fills are booked as ever
    desk.say(filled("t3", Side.BUY, "2", "110", 3, fee="0"))
    assert (desk.position().quantity, desk.position().unexplained) == (D("2"), D("0.5"))
    # they were coins that lay aside, bought for 60
    desk.adjust(asset="BTC", amount="0.5", from_aside=True, price="60")
    after = desk.position()
    assert (after.quantity, after.unexplained) == (D("2"), D("0"))
    assert desk.owned()["BTC"] == (D("2"), D("0.5"))
    assert after.cost_basis + D(after.realized_pnl) > 0
    assert "oversold" not in str(desk.ask("/health/ready"))
    assert "portfolio_unexplained_positions 0.0" in metrics_of(desk)
    assert_all_agrees(desk)


def metrics_of(desk):
    return asyncio.run(desk._ask("GET", "/metrics", {}, None)).text


def test_every_sale_of_what_nobody_had_is_audited(sqlite_engine):

    desk = Two(sqlite_engine)
    desk.say(filled("t1", Side.SELL, "1", "100", 1), filled("t2", Side.SELL, "2", "100", 1))
    with desk.transactions.read() as connection:
        deeds = connection.execute(
            select(audit.c.action, audit.c.subject, audit.c.detail).order_by(audit.c.seq)
        ).all()
    assert [(one.action, one.subject, one.detail["quantity"]) for one in deeds] == [
        ("oversold", "BTC-USDT", "1"),
        ("oversold", "BTC-USDT", "2"),
    ]
    assert len(desk.said("venue.surprised")) == 2


def test_movements_come_in_pages_each_of_them_once(sqlite_engine):
    desk = Two(sqlite_engine)
    amounts = [str(number) for number in range(1, 6)]
    for amount in amounts:
        desk.move(kind="deposit", asset="USDT", amount=amount)
    page = desk.ask("/movements?limit=3")
    rest = desk.ask(f"/movements?limit=3&cursor={page['next_cursor']}")
    assert sorted(one["amount"] for one in page["items"] + rest["items"]) == amounts
    assert rest["next_cursor"] is None
