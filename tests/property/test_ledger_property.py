"""Any sequence of fills: every asset sums to zero, and the projections equal the ledger exactly."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portfolio.core.booking import booking_of
from portfolio.core.books import book, flat
from portfolio.core.ledger import (
    balances_of,
    entries_of,
    fill_entries,
    imbalance,
    opening_booking,
)
from shared.domain.enums import Liquidity, Purpose, Side
from shared.domain.ids import AccountId, ClientOrderId, Symbol, TradeId
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact

ACCOUNT = AccountId("mock-main")
START = datetime(2024, 1, 1, tzinfo=UTC)
SYMBOLS = ("BTC-USDT", "ETH-USDT", "SHIB-USDT")

prices = st.decimals(min_value="0.00000001", max_value="250000", places=8)
quantities = st.decimals(min_value="0.00000001", max_value="1000000", places=8)
fees = st.decimals(min_value="0", max_value="10", places=18)


@st.composite
def histories(draw):
    """Fills that never sell more than is held; some close the position exactly."""
    held = defaultdict(lambda: ZERO)
    fills = []
    for number in range(draw(st.integers(1, 25))):
        symbol = draw(st.sampled_from(SYMBOLS))
        sell = held[symbol] > 0 and draw(st.booleans())
        quantity = draw(quantities)
        if sell:
            quantity = held[symbol] if draw(st.booleans()) else min(quantity, held[symbol])
        in_base = not sell and draw(st.booleans())
        fee = min(draw(fees), quantity / 2) if in_base else draw(fees)
        fee = exact(fee)
        held[symbol] += -quantity if sell else quantity - (fee if in_base else 0)
        fills.append(fill(number, symbol, sell, quantity, draw(prices), fee=fee, in_base=in_base))
    return fills


def fill(number, symbol, sell, quantity, price, *, fee, in_base):
    base, quote = symbol.split("-")
    return Fill(
        trade_id=TradeId(f"t{number:04}"),
        client_order_id=ClientOrderId(f"o{number}"),
        account=ACCOUNT,
        venue="simulated",
        symbol=Symbol(symbol),
        side=Side.SELL if sell else Side.BUY,
        purpose=Purpose.EXIT if sell else Purpose.ENTRY,
        quantity=quantity,
        price=price,
        reference_price=price,
        fee=fee,
        fee_asset=base if in_base else quote,
        liquidity=Liquidity.TAKER,
        filled_at=START + timedelta(minutes=number // 3),
    )


@given(histories())
def test_the_books_balance_to_the_last_digit(history):
    holdings = {symbol: flat(Symbol(symbol)) for symbol in SYMBOLS}
    entries = list(
        entries_of(opening_booking(ACCOUNT, "USDT", Decimal("10000.123456789012345678"), START))
    )
    trips, lots = {}, {}
    for one in history:
        booked = book(holdings[one.symbol], booking_of(one, None))
        legs = fill_entries(one)
        assert imbalance(legs) == {}
        holdings[one.symbol] = booked.holding
        entries.extend(legs)
        trips |= {trip.trip_id: trip for trip in booked.changed_trips}
        lots |= {lot.lot_id: lot for lot in booked.changed_lots}
    assert imbalance(entries) == {}
    owned = balances_of(ACCOUNT, entries)
    realized, cost = ZERO, ZERO
    for symbol, holding in holdings.items():
        position = holding.position
        assert position.quantity == owned.get(symbol.split("-")[0], ZERO)
        assert position.quantity == sum((lot.remaining for lot in holding.lots), ZERO)
        assert bool(holding.trips) is position.is_open
        assert position.is_open or position.cost_basis == 0
        realized = MONEY.add(realized, position.realized_pnl)
        cost = MONEY.add(cost, position.cost_basis)
    # every unit of quote is cash, cost of what is held, or earned
    spent = MONEY.subtract(Decimal("10000.123456789012345678"), owned["USDT"])
    assert MONEY.subtract(cost, realized) == spent
    closed = sum((trip.pnl for trip in trips.values() if trip.closed_at), ZERO)
    if not any(holding.position.is_open for holding in holdings.values()):
        assert exact(closed) == exact(realized)
    assert all(lot.remaining >= 0 and lot.remaining_cost >= 0 for lot in lots.values())


@given(histories())
def test_the_same_fills_give_the_same_entries(history):
    first, second = flat(history[0].symbol), flat(history[0].symbol)
    ids = set()
    for one in history:
        if one.symbol != history[0].symbol:
            continue
        left, right = book(first, booking_of(one, None)), book(second, booking_of(one, None))
        assert left == right
        first, second = left.holding, right.holding
        fresh = {(entry.source_id, entry.leg) for entry in fill_entries(one)}
        assert not ids & fresh
        ids |= fresh
