"""Reservations and holdings follow the facts of orders, in any order."""

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from risk.core.book import book_of
from risk.core.brakes import brake
from risk.core.exposure import WHOLE, count
from risk.core.holding import filled
from risk.core.limits import RiskLimits
from risk.core.reservation import Reservation, follow
from risk.core.trading_state import permits
from risk.core.usage import Scope
from shared.domain.enums import OrderStatus, Purpose, Side, TradingState
from tests.builders import APPROVED, BTC, EQUITY, FILL, ORDER

D = Decimal
PROMISED = Reservation(
    decision_id=APPROVED.decision_id,
    symbol=BTC,
    purpose=Purpose.ENTRY,
    quantity=D(4),
    filled_quantity=D(0),
    unit_cost=D("100.1"),
)


def told(filled_quantity, status):
    return replace(ORDER, quantity=D(4), filled_quantity=D(filled_quantity), status=status)


def test_a_fill_uses_its_part_of_the_reservation():
    assert PROMISED.amount == D("400.4")
    assert follow(PROMISED, told("1", OrderStatus.PARTIAL)).amount == D("300.3")


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_reservation_ends_the_same_in_whatever_order_facts_arrive(order):
    facts = [
        told("1", OrderStatus.PARTIAL),
        told("3", OrderStatus.PARTIAL),
        told("3", OrderStatus.CANCELED),
    ]
    promised = PROMISED
    for index in (*order, *order):
        promised = follow(promised, facts[index])
    assert promised.filled_quantity == 3
    assert promised.amount == 0
    assert not promised.is_held


@pytest.mark.parametrize("status", [one for one in OrderStatus if not one.is_terminal])
def test_an_order_that_may_still_fill_gives_nothing_back(status):
    assert follow(PROMISED, told("0", status)).amount == PROMISED.amount


def test_more_filled_than_asked_leaves_no_negative_promise():
    assert follow(PROMISED, told("5", OrderStatus.OVERFILLED)).amount == 0
    assert replace(PROMISED, filled_quantity=D(5)).amount == 0


def test_the_exit_of_a_bracket_does_not_end_its_entrys_reservation():
    leaving = replace(told("4", OrderStatus.FILLED), purpose=Purpose.EXIT)
    assert follow(PROMISED, leaving) == PROMISED


def test_a_holding_grows_and_shrinks_with_its_fills():
    bought = filled(None, FILL)
    assert (bought.quantity, bought.price) == (FILL.quantity, FILL.price)
    more = filled(bought, FILL)
    assert more.quantity == 2 * FILL.quantity
    sold = filled(more, replace(FILL, side=Side.SELL, quantity=more.quantity))
    assert sold.quantity == 0


def test_a_mark_makes_a_book():
    book = book_of(EQUITY)
    assert book.position(BTC) == EQUITY.positions[0].quantity * EQUITY.positions[0].price
    assert book.free_cash == EQUITY.cash
    assert book.active == {BTC}


def test_the_counters_follow_from_the_book():
    book = replace(book_of(EQUITY), reservations={PROMISED.decision_id: PROMISED})
    keys = (WHOLE, (Scope.SYMBOL, BTC), (Scope.SYMBOL, "ETH-USDT"))
    symbol, other, total = count(keys, book, RiskLimits())
    assert (total.scope, total.reserved) == (Scope.TOTAL, D("400.4"))
    assert total.cap == D("8000.4")
    assert total.headroom == total.cap - total.reserved - total.position
    assert symbol.key == BTC
    assert other.used == 0


@pytest.mark.parametrize(
    ("state", "entry", "leaving"),
    [
        (TradingState.RUN, True, True),
        (TradingState.REDUCE, False, True),
        (TradingState.HALT, False, False),
    ],
)
def test_each_state_permits_what_it_says(state, entry, leaving):
    assert permits(state, reduce_only=False) is entry
    assert permits(state, reduce_only=True) is leaving


def test_the_brake_is_pulled_by_a_running_account_at_its_limit():
    limits = RiskLimits(max_drawdown_ratio=0.2, max_day_loss_ratio=1.0)
    book = replace(book_of(EQUITY), peak_equity=D(10_000), equity=D(8_000))
    assert "0.2" in brake(book, limits)
    assert brake(replace(book, equity=D(8_001)), limits) is None
    assert brake(replace(book, state=TradingState.REDUCE), limits) is None
