"""Whatever the market does and whoever wants to leave, no more is sold than was bought."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from executor.core.book import InstrumentBook, match_candle
from executor.core.planning import ForcedExit, forced_exit_request, plan_forced_exit
from executor.core.steps import Happening
from shared.domain.enums import OrderType, Purpose, Side, TimeInForce
from tests.builders import ACCOUNT
from tests.unit.executor.executor_builders import LISTING, POLICY, candle, order, resting

D = Decimal
prices = st.integers(9_000, 11_000).map(lambda cents: D(cents) / 100)
volumes = st.sampled_from([D(0), D("0.5"), D(3), D(12), D(1000)])
policies = st.builds(
    lambda tif, exits: replace(POLICY, entry_time_in_force=tif, exit_type=exits),
    st.sampled_from(TimeInForce),
    st.sampled_from(OrderType),
)
quantities = st.integers(1, 3000).map(lambda lots: D(lots) / 1000)


@st.composite
def candles(draw, hour):
    four = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
    low, one, other, high = four
    open_, close = draw(st.permutations([one, other]))
    made = candle(hour, open_, high=high, low=low, close=close, volume=draw(volumes))
    return replace(made, is_filled=draw(st.integers(0, 9)) == 0)


@st.composite
def newcomers(draw, hour):
    """What may be decided at the close of a candle: an entry, an exit, a person's exit."""
    policy = draw(policies)
    wanted = []
    if draw(st.booleans()):
        limit = draw(prices)
        wanted.append(order(Side.BUY, hour, policy, quantity=draw(quantities), limit_price=limit))
    if draw(st.booleans()):
        limit = draw(prices)
        wanted.append(order(Side.SELL, hour, policy, quantity=draw(quantities), limit_price=limit))
    return wanted, draw(st.integers(0, 5)) == 0


def forced(book, hour):
    entry = book.holdings[0].entry
    wish = ForcedExit(
        request_id=forced_exit_request(ACCOUNT, f"key-{hour}"), account=ACCOUNT,
        quantity=book.held, price=D(100),
    )  # fmt: skip
    return plan_forced_exit(wish, entry, order(hour=hour).decided_at, "mock")


class Tape:
    """What was traded, checked as it is written."""

    def __init__(self):
        self.traded = Counter()
        self.of_order = Counter()
        self.claimed = set()

    def write(self, steps, now):
        before = self.traded.total()
        for step in steps:
            placed = step.state.order
            if step.happening is Happening.CLAIMED:
                assert placed.client_order_id not in self.claimed
                self.claimed.add(placed.client_order_id)
            if step.fill is not None:
                self._fill(step, step.fill, now)
        in_candle = self.traded.total() - before
        assert in_candle <= now.volume / 10
        assert not (now.is_filled and in_candle)

    def _fill(self, step, fill, now):
        placed = step.state.order
        self.traded[fill.side] += fill.quantity
        self.of_order[fill.client_order_id] += fill.quantity
        assert fill.quantity > 0
        assert self.traded[Side.SELL] <= self.traded[Side.BUY]
        assert self.of_order[fill.client_order_id] <= placed.quantity
        assert step.state.facts.filled_quantity == self.of_order[fill.client_order_id]
        if placed.order_type is OrderType.LIMIT:
            assert (placed.limit_price - fill.price) * fill.side.sign >= 0
            assert now.open_at >= placed.decided_at


@settings(max_examples=300, deadline=None)
@given(st.data(), st.integers(2, 12))
def test_sales_never_exceed_purchases_and_nothing_fills_beyond_its_terms(data, length):
    book, tape = InstrumentBook(), Tape()
    for hour in range(length):
        wanted, is_forced = data.draw(newcomers(hour))
        if is_forced and book.holdings:
            wanted.append(forced(book, hour))
        for one in wanted:
            book = book.with_order(resting(one))
        now = data.draw(candles(hour + 1))
        matched = match_candle(book, now, LISTING)
        tape.write(matched.steps, now)
        book = matched.book
        assert book.held == tape.traded[Side.BUY] - tape.traded[Side.SELL]
        assert all(not state.status.is_terminal for state in book.orders)
        is_flat = not book.holdings
        assert not (is_flat and any(one.order.purpose is Purpose.EXIT for one in book.orders))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_same_candles_give_the_same_steps(data):
    wanted = order(quantity=data.draw(quantities))
    book = InstrumentBook().with_order(resting(wanted))
    for hour in range(1, 6):
        now = data.draw(candles(hour))
        first, second = match_candle(book, now, LISTING), match_candle(book, now, LISTING)
        assert first == second
        book = first.book
