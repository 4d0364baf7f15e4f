"""Between a fill and the mark that contains it the cash counts once: as a promise, or as spent."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.core.book import book_of
from risk.core.rooms import cash_room
from risk.core.spending import Spending, spent_by
from shared.domain.enums import BalanceKind, OrderStatus, Purpose, Side
from shared.domain.events import (
    BalanceMoved,
    CashMark,
    OrderCanceled,
    PositionChanged,
)
from shared.domain.values import ZERO
from tests.builders import CLOSED_AT, EQUITY, FILL

D = Decimal
QUOTES = {"USDT", "USDC"}


def buy(trade="t1", symbol="BTC-USDT", quantity="2", price="100", fee="0.2", fee_asset="USDT"):
    return replace(
        FILL, trade_id=trade, symbol=symbol, side=Side.BUY, purpose=Purpose.ENTRY,
        quantity=D(quantity), price=D(price), fee=D(fee), fee_asset=fee_asset,
    )  # fmt: skip


def sell(**changes):
    return replace(buy(**changes), side=Side.SELL, purpose=Purpose.EXIT)


def booked(trade, booking, symbol="BTC-USDT"):
    return PositionChanged(
        account="mock-main", symbol=symbol, quantity=D(2), average_cost=D(100), realized_pnl=ZERO,
        changed_at=CLOSED_AT, trade_id=trade, booking=booking,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fill", "taken"),
    [
        (buy(), {"USDT": D("200.2")}),
        (buy(fee="0.002", fee_asset="BTC"), {"USDT": D(200)}),
        (buy(fee="0.3", fee_asset="USDC"), {"USDT": D(200), "USDC": D("0.3")}),
        (buy(fee="0.01", fee_asset="KCS"), {"USDT": D(200)}),
        (sell(), {}),  # its fee comes out of what it brought
        (sell(fee="0.3", fee_asset="USDC"), {"USDC": D("0.3")}),
        (sell(symbol="USDC-USDT", price="1", fee="0"), {"USDC": D(2)}),
        (sell(price="0.1", fee="0.5"), {"USDT": D("0.3")}),
    ],
)
def test_a_fill_takes_what_was_paid_and_what_it_brought_waits_for_the_mark(fill, taken):
    assert {one.asset: one.amount for one in spent_by(fill, QUOTES)} == taken
    assert Spending().filled([fill], QUOTES).by_asset == taken


def test_a_fill_without_a_number_is_in_no_mark_and_one_with_a_number_in_those_that_say_so():
    known = Spending().filled([buy()], QUOTES).marked(5)
    assert known.by_asset == {"USDT": D("200.2")}
    assert known.numbered([booked("t1", 6)]).marked(5).by_asset == {"USDT": D("200.2")}
    assert known.numbered([booked("t1", 6)]).marked(6).spent == ()
    assert known.numbered([booked("t1", 4)]).spent == ()  # that mark contained it already
    assert known.numbered([booked("t1", 4, "ETH-USDT")]).spent == known.spent


def gone(amount, booking, asset="USDT", reference="m1"):
    return BalanceMoved(
        account="mock-main", asset=asset, amount=D(amount), kind=BalanceKind.WITHDRAWAL,
        reference=reference, actor="ada", moved_at=CLOSED_AT, booking=booking,
    )  # fmt: skip


def test_what_a_person_took_out_is_gone_until_a_mark_knows_of_it_and_what_came_in_waits():
    known = Spending().marked(5)
    assert known.moved([gone("-30", 6)], QUOTES).by_asset == {"USDT": D(30)}
    assert known.moved([gone("-30", 6)], QUOTES).marked(6).spent == ()
    assert known.moved([gone("-30", 5)], QUOTES).spent == ()  # that mark contained it already
    assert known.moved([gone("30", 6), gone("-1", 6, "BTC")], QUOTES).spent == ()


@given(data=st.data())
def test_however_facts_overtake_one_another_no_money_counts_twice_and_none_is_lost(data):
    """Portfolio books fills in one order and marks now and then; risk hears of it in any order."""
    costs = data.draw(st.lists(st.integers(1, 500), min_size=1, max_size=6))
    numbers = data.draw(st.permutations(range(1, len(costs) + 1)))
    facts = [("fill", place) for place in range(len(costs))]
    for place in range(len(costs)):  # portfolio tells of a fill after the executor did
        after = facts.index(("fill", place)) + 1
        facts.insert(data.draw(st.integers(after, len(facts))), ("booked", place))
    marks = sorted(data.draw(st.lists(st.integers(0, len(costs)), max_size=5)))
    facts_and_marks = list(facts)
    at = 0
    for bookings in [*marks, len(costs)]:
        at = data.draw(st.integers(at, len(facts_and_marks))) + 1
        facts_and_marks.insert(at - 1, ("mark", bookings))
    known, cash, heard = Spending(), 10_000, set()
    for kind, what in facts_and_marks:
        if kind == "fill":
            heard.add(what)
            known = known.filled([buy(f"t{what}", price=str(costs[what]), fee="0")], QUOTES)
        elif kind == "booked":
            known = known.numbered([booked(f"t{what}", numbers[what])])
        else:
            known = known.marked(what)
            in_it = [cost for cost, number in zip(costs, numbers, strict=True) if number <= what]
            cash = 10_000 - 2 * sum(in_it)
        left = 10_000 - 2 * sum(costs[place] for place in heard)
        assert cash - known.by_asset.get("USDT", ZERO) <= left
    assert cash - known.by_asset.get("USDT", ZERO) == 10_000 - 2 * sum(costs)


def test_what_was_spent_of_one_quote_leaves_the_others_alone():
    alone = replace(book_of(EQUITY), spent={"USDT": D("900.34")})
    assert cash_room("BTC-USDT", alone).left == D(9_000)
    assert alone.free_cash == D(9_000)
    several = book_of(
        replace(
            EQUITY,
            cash_by_asset=(
                CashMark(asset="USD", amount=D(500), rate=D(1)),
                CashMark(asset="USDT", amount=D(1_000), rate=D("0.5")),
            ),
        )
    )
    spent = replace(several, spent={"USDT": D(300)})
    assert cash_room("BTC-USDT", spent).left == D(350)
    assert cash_room("BTC-USD", spent).left == D(500)
    assert several.free_cash - spent.free_cash == D(150)


def bought(risk, facts, cash):
    """Enter one instrument and let it fill; portfolio has not told of it."""
    risk.say(facts.marked(1, cash=cash), facts.issued(1, facts.entry(1)), now=1)
    (approved,) = risk.approved()
    risk.say(facts.fill(approved, approved.quantity, approved.quantity), now=1)
    return approved


def ask(risk, facts, number, symbol="ETH-USDT"):
    """Return what another entry would get, in quote, once its order is canceled again."""
    before = len(risk.approved())
    risk.say(facts.issued(number, facts.entry(number, symbol), origin=f"{number}"), now=number)
    if len(risk.approved()) == before:
        return ZERO
    approved = risk.approved()[-1]
    risk.say(OrderCanceled(order=facts.order(approved, OrderStatus.CANCELED)))
    return approved.quantity * approved.limit_price * D("1.001")


def told(approved, booking):
    return booked("t1", booking, approved.symbol)


def test_money_that_a_fill_took_is_not_spent_again_before_the_mark(risk, facts):
    first = bought(risk, facts, cash="600")
    paid = first.quantity * D("100.2")
    assert paid > 450
    assert ZERO < ask(risk, facts, 1.1) <= 600 - paid
    shown = risk.ask("GET", "/exposure", scope="read").json()
    assert D(shown["free_cash"]) < 600 - paid
    again = facts.Risk(risk.outside.engine)  # a restart forgets nothing of it
    assert ZERO < ask(again, facts, 1.2) <= 600 - paid


def test_a_mark_from_before_the_fill_gives_nothing_back_and_the_one_with_it_does(risk, facts):
    first = bought(risk, facts, cash="600")
    paid = first.quantity * D("100.2")
    risk.say(replace(facts.marked(2, cash="600"), bookings=1), now=2)
    assert ask(risk, facts, 2.1) <= 600 - paid
    risk.say(told(first, 2), replace(facts.marked(3, cash="600"), bookings=1), now=3)
    assert ask(risk, facts, 3.1) <= 600 - paid
    held = {"BTC": first.quantity}
    risk.say(replace(facts.marked(4, cash="550", **held), bookings=2), now=4)
    assert 450 < ask(risk, facts, 4.1) <= 550


def test_a_mark_that_is_heard_with_the_news_of_its_booking_counts_the_fill_once(risk, facts):
    risk.say(facts.marked(1, cash="600"), facts.issued(1, facts.entry(1)), now=1)
    (first,) = risk.approved()
    after = replace(facts.marked(2, cash="550", BTC=first.quantity), bookings=2)
    risk.say(facts.fill(first, first.quantity, first.quantity), told(first, 2), after, now=2)
    assert 450 < ask(risk, facts, 2.1) <= 550
