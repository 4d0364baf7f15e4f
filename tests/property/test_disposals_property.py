"""Any sequence of purchases, sales and transfers: lots are conserved, whatever the order of sale."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.bearing import bear
from portfolio.core.booking import EXTERNAL, Booking, Purse, SourceKind, booking_of
from portfolio.core.books import book, flat
from portfolio.core.disposals import Inventory, LotMethod, Move, MoveKind, replay
from portfolio.repository.moves import moves_of
from shared.domain.errors import Conflict
from shared.domain.ids import AccountId, Symbol
from shared.domain.values import MONEY, ZERO, exact
from tests.property.test_ledger_property import histories

START = datetime(2024, 1, 1, tzinfo=UTC)
BTC = Symbol("BTC-USDT")
D = Decimal
LAST_DIGIT = D("1e-18")
METHODS = list(LotMethod)
ACCOUNT = AccountId("mock-main")
OUTSIDE = [SourceKind.EXTERNAL_TRADE, SourceKind.DEPOSIT, SourceKind.WITHDRAWAL]

quantities = st.decimals(min_value="0.00000001", max_value="1000000", places=18)
costs = st.decimals(min_value="0", max_value="100000000", places=18)


@st.composite
def stories(draw, *, sold_out=False, transfers=True):
    """Moves in the order of time, several at one instant, that never take more than is held."""
    found, held, at = [], ZERO, START
    for number in range(draw(st.integers(1, 20))):
        at += timedelta(days=draw(st.sampled_from([0, 1, 200])))
        sale = held > 0 and draw(st.booleans())
        kind = draw(st.sampled_from(MoveKind)) if transfers else MoveKind.TRADE
        quantity = exact(min(draw(quantities), held) if sale else draw(quantities))
        quantity = held if sale and draw(st.booleans()) else quantity
        held = exact(held - quantity if sale else held + quantity)
        found.append(move(number, at, -quantity if sale else quantity, draw(costs), kind))
    if sold_out and held:
        found.append(move(99, at + timedelta(days=1), -held, draw(costs), MoveKind.TRADE))
    return found


def move(number, at, base, amount, kind=MoveKind.TRADE):
    quote = D(amount) if D(base) < 0 else -D(amount)
    return Move(move_id=f"m{number:03}", symbol=BTC, at=at, base=D(base), quote=quote, kind=kind)


def total(amounts):
    result = ZERO
    for amount in amounts:
        result = MONEY.add(result, amount)
    return result


@given(stories(), st.sampled_from(METHODS))
def test_quantity_cost_and_proceeds_are_conserved_to_the_last_digit(moves, method):
    done = replay(moves, method)
    bought = [one for one in moves if one.base > 0]
    for one in done.lots:
        assert one.remaining > 0
        assert one.remaining_cost >= 0
    assert total(one.base for one in bought) == total(
        (*(one.quantity for one in done.disposals), *(one.remaining for one in done.lots))
    )
    assert total(-one.quote for one in bought) == total(
        (*(one.cost for one in done.disposals), *(one.remaining_cost for one in done.lots))
    )
    for sale in (one for one in moves if one.base < 0):
        parts = [one for one in done.disposals if one.move_id == sale.move_id]
        assert total(one.quantity for one in parts) == -sale.base
        if sale.kind is MoveKind.TRADE:
            assert total(one.proceeds for one in parts) == sale.quote
        else:
            assert all(one.gain == 0 for one in parts)


@given(stories(), st.sampled_from(METHODS))
def test_every_lot_is_sold_after_it_came_and_never_twice(moves, method):
    done = replay(moves, method)
    for bought in (one for one in moves if one.base > 0):
        parts = [one for one in done.disposals if one.lot_id == bought.move_id]
        assert total(one.quantity for one in parts) <= bought.base
        assert total(one.cost for one in parts) <= -bought.quote
        for one in parts:
            assert one.acquired_at == bought.at <= one.sold_at
            assert one.is_long_term is (one.sold_at - one.acquired_at > timedelta(days=365))


@given(stories(sold_out=True, transfers=False))
def test_once_everything_is_sold_every_order_has_earned_the_same(moves):
    gains = {total(one.gain for one in replay(moves, method).disposals) for method in METHODS}
    assert len(gains) == 1


@given(stories(transfers=False))
def test_the_dearest_first_has_never_earned_more_up_to_any_instant(moves):
    earned = dict.fromkeys(METHODS, ZERO)
    shelves = {method: Inventory(method) for method in METHODS}
    splits = 0
    for one in moves:
        for method, shelf in shelves.items():
            parts = shelf.apply(one)
            splits += len(parts)
            earned[method] = total((earned[method], *(part.gain for part in parts)))
        most = min(earned[LotMethod.FIFO], earned[LotMethod.LIFO]) + splits * LAST_DIGIT
        assert earned[LotMethod.HIFO] <= most


@st.composite
def small_stories(draw):
    found, held = [], 0
    for number in range(draw(st.integers(2, 9))):
        sale = held > 0 and draw(st.booleans())
        quantity = draw(st.integers(1, held if sale else 3))
        held += -quantity if sale else quantity
        unit = draw(st.integers(1, 9))
        at = START + timedelta(days=number)
        found.append(move(number, at, -quantity if sale else quantity, unit * quantity))
    return found


@given(small_stories())
def test_no_choice_of_lots_at_all_earns_less_than_the_dearest_first(moves):
    @cache
    def dearest(at, left):
        """Return the most that can have been paid for what is sold from here on: every choice."""
        if at == len(moves):
            return 0
        one = moves[at]
        if one.base > 0:
            unit = int(-one.quote / one.base)
            return dearest(at + 1, tuple(sorted((*left, *[unit] * int(one.base)))))
        return max(
            sum(sold) + dearest(at + 1, rest) for sold, rest in choices(left, int(-one.base))
        )

    done = replay(moves, LotMethod.HIFO)
    assert total(one.cost for one in done.disposals) == dearest(0, ())


def choices(left, count):
    from itertools import combinations

    found = set()
    for chosen in combinations(range(len(left)), count):
        sold = tuple(left[at] for at in chosen)
        found.add((sold, tuple(unit for at, unit in enumerate(left) if at not in chosen)))
    return found


def test_one_year_alone_may_earn_more_with_the_dearest_first():
    moves = [
        move(1, START, 1, 100),
        move(2, START + timedelta(days=1), 1, 50),
        move(3, START + timedelta(days=2), -1, 120),
        move(4, START + timedelta(days=400), -1, 120),
    ]
    second = {method: replay(moves, method).disposals[1].gain for method in METHODS}
    assert second == {LotMethod.FIFO: 70, LotMethod.LIFO: 20, LotMethod.HIFO: 70}


def test_each_order_takes_its_own_lots():
    moves = [
        move(1, START, 1, 100),
        move(2, START + timedelta(days=1), 1, 300),
        move(3, START + timedelta(days=2), 1, 200),
        move(4, START + timedelta(days=366), "-1.5", "450"),
    ]
    sold = {method: replay(moves, method).disposals for method in METHODS}
    named = {m: [(one.lot_id, one.quantity, one.gain) for one in sold[m]] for m in METHODS}
    assert named == {
        LotMethod.FIFO: [("m001", 1, 200), ("m002", D("0.5"), 0)],
        LotMethod.LIFO: [("m003", 1, 100), ("m002", D("0.5"), 0)],
        LotMethod.HIFO: [("m002", 1, 0), ("m003", D("0.5"), 50)],
    }
    assert [one.is_long_term for one in sold[LotMethod.FIFO]] == [True, False]


def test_selling_what_was_never_held_is_named():
    with pytest.raises(Conflict, match="m002 sells"):
        replay([move(1, START, 1, 100), move(2, START, "-1.5", 100)], LotMethod.FIFO)


@st.composite
def bookings(draw):
    """Trades, deposits and withdrawals, heard late at times, of more than there is at times."""
    found = []
    for number in range(draw(st.integers(1, 20))):
        kind = draw(st.sampled_from([SourceKind.FILL] * 3 + OUTSIDE))
        comes = kind is SourceKind.DEPOSIT or (kind.is_trade and draw(st.booleans()))
        quantity = draw(quantities)
        fee_asset = draw(st.sampled_from(["USDT", "BTC", "BNB"])) if kind.is_trade else ""
        fee = exact(min(draw(quantities) / 100, quantity / 2)) if fee_asset else ZERO
        source = f"b{number}" if kind is SourceKind.FILL else f"{EXTERNAL}:b{number}"
        found.append(
            Booking(
                account=ACCOUNT,
                kind=kind,
                source_id=source,
                asset="BTC",
                amount=quantity if comes else -quantity,
                counterparty="venue:simulated",
                booked_at=START + timedelta(minutes=draw(st.integers(0, 9))),
                symbol=BTC,
                price=draw(costs) / 1000 if comes or kind.is_trade else None,
                fee=fee,
                fee_asset=fee_asset,
                purse=draw(st.sampled_from([Purse.TRADING] * 4 + [Purse.ASIDE])),
            )
        )
    return found


@given(bookings())
def test_first_in_first_out_leaves_the_very_lots_of_the_books(booked):
    """The books change lot by lot as they hear of it; the replay reads their bookings again."""
    holding = flat(BTC)
    for one in booked:
        if one.changed_symbol:
            holding = book(holding, one).holding
    assert replay(moves_of(booked), LotMethod.FIFO).lots == holding.lots
    for method in METHODS:
        left = replay(moves_of(booked), method).lots
        assert total(one.remaining for one in left) == holding.position.quantity


@given(histories())
def test_without_movements_beside_fills_every_order_earns_what_was_sold(history):
    for symbol in {one.symbol for one in history}:
        booked = [booking_of(one, None) for one in history if one.symbol == symbol]
        position = flat(symbol).position
        for one in booked:
            position = bear(position, one).position
        for method in METHODS:
            done = replay(moves_of(booked), method)
            cost = total(one.remaining_cost for one in done.lots)
            gain = total(one.gain for one in done.disposals)
            # at average cost or lot by lot: what was earned and what is left is the same together
            assert gain - cost == position.realized_pnl - position.cost_basis
