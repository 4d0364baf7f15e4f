"""Any fills and movements, in any order of delivery.

The books balance, and say again what they said when they are worked out anew.
"""

import itertools
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portfolio.core.booking import Booking, Purse, SourceKind, booking_of, external_source
from portfolio.core.books import book, flat
from portfolio.core.ledger import (
    FEES,
    aside_of,
    balances_of,
    entries_of,
    imbalance,
    unexplained_entries,
    unexplained_of,
)
from portfolio.core.rebuild import Fold
from shared.db.engine import connect
from shared.domain.enums import ExitReason, Liquidity, Purpose, Side
from shared.domain.ids import AccountId, ClientOrderId, Symbol, TradeId
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact
from tests.database import empty_database
from tests.unit.portfolio.test_books_proof import Proven
from tests.unit.portfolio.test_portfolio_service import _envelope, filled

ACCOUNT = AccountId("mock-main")
START = datetime(2024, 1, 1, tzinfo=UTC)
BTC, ETH = Symbol("BTC-USDT"), Symbol("ETH-USDT")

quantities = st.decimals(min_value="0.00000001", max_value="1000", places=8)
prices = st.decimals(min_value="0.0001", max_value="100000", places=4)
fees = st.decimals(min_value="0", max_value="1", places=8)
minutes = st.integers(0, 60)
symbols = st.sampled_from([BTC, ETH])
_numbers = itertools.count()


def fill(number, symbol, side, quantity, price, at, fee=ZERO, fee_asset="USDT"):
    return Fill(
        trade_id=TradeId(f"t{number}"), client_order_id=ClientOrderId("o"), account=ACCOUNT,
        venue="sim", symbol=symbol, side=side,
        purpose=Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
        quantity=quantity, price=price, reference_price=price, fee=fee, fee_asset=fee_asset,
        liquidity=Liquidity.TAKER, filled_at=START + timedelta(minutes=at),
    )  # fmt: skip


@st.composite
def fills_of_any_kind(draw):
    """A fill that may sell what nobody has, with a fee in either asset or in a third one."""
    symbol, quantity = draw(symbols), draw(quantities)
    asset = draw(st.sampled_from(["USDT", symbol.split("-")[0], "BNB"]))
    fee = min(draw(fees), exact(quantity / 2)) if asset not in ("USDT", "BNB") else draw(fees)
    side = draw(st.sampled_from(Side))
    one = fill(next(_numbers), symbol, side, quantity, draw(prices), draw(minutes), fee, asset)
    price = draw(st.none() | prices) if asset == "BNB" else None
    return booking_of(one, None, fee_price=price)


@st.composite
def movements_of_any_kind(draw):
    """Money or coins that come or go, to trade with or aside, and trades of somebody else."""
    kind = draw(
        st.sampled_from(
            [SourceKind.DEPOSIT, SourceKind.WITHDRAWAL, SourceKind.EXTERNAL_TRADE,
             SourceKind.ADJUSTMENT, SourceKind.OPENING, SourceKind.ROUNDING]
        )
    )  # fmt: skip
    amount = draw(quantities) * draw(st.sampled_from([1, -1]))
    common = {
        "account": ACCOUNT, "kind": kind, "source_id": external_source(ACCOUNT, f"m{next(_numbers)}"),
        "amount": amount, "booked_at": START + timedelta(minutes=draw(minutes)),
        "counterparty": draw(st.sampled_from(["outside", aside_of(ACCOUNT)])),
    }  # fmt: skip
    symbol = draw(symbols)
    base = symbol.split("-")[0]
    if kind is SourceKind.EXTERNAL_TRADE:
        purse = draw(st.sampled_from(Purse))
        return Booking(
            **{**common, "counterparty": "external"}, asset=base, symbol=symbol, price=draw(prices),
            purse=purse, fee=draw(fees), fee_asset="USDT", exit_reason=ExitReason.MANUAL,
        )  # fmt: skip
    if draw(st.booleans()):
        return Booking(**{**common, "counterparty": "outside"}, asset="USDT")
    return Booking(**common, asset=base, symbol=symbol, price=draw(prices))


histories = st.lists(fills_of_any_kind() | movements_of_any_kind(), min_size=1, max_size=30)


def bearable(history):
    """Leave out movements that take away more than there is: they are refused at the door."""
    fold = Fold(ACCOUNT)
    for one in history:
        symbol = one.changed_symbol
        held = fold.holdings[symbol].position.quantity if symbol in fold.holdings else ZERO
        if one.kind is not SourceKind.FILL and symbol is not None and held + one.amount < 0:
            continue
        fold.see(one)
        yield one


@given(histories)
@settings(deadline=None)
def test_whatever_is_booked_the_books_balance_to_the_last_digit(history):
    booked = tuple(bearable(history))
    fold, entries = Fold(ACCOUNT), []
    for one in booked:
        legs = fold.see(one).entries
        assert imbalance(legs) == {}
        entries += legs
    assert imbalance(entries) == {}
    free, aside = balances_of(ACCOUNT, entries), balances_of(aside_of(ACCOUNT), entries)
    missing, paid = balances_of(unexplained_of(ACCOUNT), entries), balances_of(FEES, entries)
    for asset, balance in fold.balances.items():
        assert balance.free == free.get(asset, ZERO)
        assert balance.aside == aside.get(asset, ZERO)
        assert balance.fees == paid.get(asset, ZERO)
    for symbol, (position, trips, lots) in fold.holdings.items():
        base = symbol.split("-")[0]
        assert position.quantity >= 0
        assert position.unexplained >= 0
        assert position.quantity == free.get(base, ZERO)
        assert position.unexplained == -missing.get(base, ZERO)
        assert position.quantity == sum((lot.remaining for lot in lots), ZERO)
        assert position.quantity == sum((trip.held for trip in trips), ZERO)
        assert len(trips) <= 2
        assert position.is_open or position.cost_basis == 0
        assert position.unexplained or not position.unexplained_proceeds


@given(histories)
@settings(deadline=None)
def test_every_unit_of_cash_is_accounted_for(history):
    """Cash is what came as cash, and what positions earned less what they cost, no digit more."""
    explained, fold = ZERO, Fold(ACCOUNT)
    for one in bearable(history):
        symbol = one.changed_symbol
        before = fold.holdings.get(symbol, flat(BTC)).position if symbol else None
        fold.see(one)
        if symbol is None:  # cash itself, or a trade of what lies aside
            legs = entries_of(one)
            explained = MONEY.add(explained, balances_of(ACCOUNT, legs).get("USDT", ZERO))
        elif not one.kind.is_trade:  # coins bring their cost or take it along, and no cash
            after = fold.holdings[symbol].position
            explained = MONEY.add(explained, _left_in(after) - _left_in(before))
        elif one.fee_price is not None:  # a fee that has a value and took no cash of this kind
            explained = MONEY.add(explained, exact(one.fee * one.fee_price))
    total = sum((_left_in(one.position) for one in fold.holdings.values()), ZERO)
    cash = fold.balances["USDT"].free if "USDT" in fold.balances else ZERO
    assert cash == exact(MONEY.subtract(explained, total))


def _left_in(position):
    """Return what a position still owes to cash: its cost, less what it has brought."""
    if position is None:
        return ZERO
    brought = MONEY.add(position.realized_pnl, position.unexplained_proceeds)
    return MONEY.subtract(position.cost_basis, brought)


@st.composite
def honest_histories(draw):
    """Fills that never sell more than was bought before, told in any order and more than once."""
    held, told = defaultdict(lambda: ZERO), []
    for number in range(draw(st.integers(1, 14))):
        symbol, quantity = draw(symbols), draw(quantities)
        sells = held[symbol] > 0 and draw(st.booleans())
        quantity = min(quantity, held[symbol]) if sells else quantity
        held[symbol] += -quantity if sells else quantity
        side = Side.SELL if sells else Side.BUY
        told.append(fill(number, symbol, side, quantity, draw(prices), number, draw(fees)))
    again = draw(st.lists(st.sampled_from(told), max_size=6))
    return told, draw(st.permutations(told + again))


@given(honest_histories())
@settings(deadline=None)
def test_the_order_in_which_fills_are_heard_changes_neither_what_is_held_nor_the_cash(stories):
    in_order, heard = stories
    first = _folded(in_order)
    second = _folded(list(dict.fromkeys(heard)))
    assert first.balances == second.balances
    for symbol, holding in first.holdings.items():
        one, other = holding.position, second.holdings[symbol].position
        assert one.quantity == other.quantity
        assert (one.unexplained, other.unexplained) == (0, 0)
        assert MONEY.subtract(one.realized_pnl, one.cost_basis) == MONEY.subtract(
            other.realized_pnl, other.cost_basis
        )


def _folded(told):
    fold = Fold(ACCOUNT)
    for one in told:
        fold.see(booking_of(one, None))
    return fold


@given(histories)
@settings(deadline=None)
def test_what_is_over_is_never_touched_again(history):
    """A proof may let go of closed lots and trips, because nothing later changes them."""
    fold, over = Fold(ACCOUNT), {}
    for one in bearable(history):
        redone = fold.see(one)
        for closed in (*redone.lots, *redone.trips):
            name = (type(closed), getattr(closed, "lot_id", None) or closed.trip_id)
            assert name not in over
            over[name] = closed
        for lot in fold.open_lots():
            assert (type(lot), lot.lot_id) not in over


@given(histories)
@settings(deadline=None)
def test_a_booking_that_cannot_be_borne_says_so_and_never_loses_a_fill(history):
    holdings = {symbol: flat(symbol) for symbol in (BTC, ETH)}
    for one in history:
        if one.kind is SourceKind.FILL:
            after = book(holdings[one.symbol], one)
            holdings[one.symbol] = after.holding
            legs = (*entries_of(one), *unexplained_entries(one, after.unexplained))
            assert imbalance(legs) == {}


steps = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "deposit", "withdraw", "coins", "trade", "aside"]),
        st.decimals(min_value="0.01", max_value="3", places=4),
        st.sampled_from(["BTC", "ETH"]),
    ),
    min_size=1,
    max_size=12,
)


@given(steps)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_books_that_anything_happened_to_are_worked_out_again_just_so(sqlite_address, story):
    sqlite_address.file.unlink(missing_ok=True)
    for rest in ("-wal", "-shm"):
        sqlite_address.file.with_name(sqlite_address.file.name + rest).unlink(missing_ok=True)
    empty_database(sqlite_address)
    engine = connect(sqlite_address)
    desk = Proven(engine)
    for number, (what, amount, base) in enumerate(story):
        _happen(desk, number, what, amount, base)
    proof = desk.prove()
    assert proof.findings == []
    assert desk.rebuild().repaired == 0
    engine.dispose()


def _happen(desk, number, what, amount, base):
    text = format(amount, "f")
    if what in ("buy", "sell"):
        side = Side.BUY if what == "buy" else Side.SELL
        fact = filled(f"t{number}", side, amount, "100", number + 1, base=base)
        desk.trade(fact)
        handler = desk.service.handlers["order.filled"]
        with desk.transactions.begin() as uow:  # told again
            handler([_envelope(fact)], uow)
        return
    bodies = {
        "deposit": {"kind": "deposit", "asset": "USDT", "amount": text},
        "withdraw": {"kind": "withdrawal", "asset": base, "amount": text},
        "coins": {"kind": "deposit", "asset": base, "amount": text, "price": "90"},
        "trade": {"kind": "external_trade", "symbol": f"{base}-USDT", "side": "sell",
                  "quantity": text, "price": "110", "fee": "0.5"},
        "aside": {"kind": "deposit", "asset": base, "amount": text, "aside": True},
    }  # fmt: skip
    assert desk.post("/movements", bodies[what]).status_code in (200, 409)
