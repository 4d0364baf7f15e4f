"""An order stands where its facts say, in whatever order they arrived."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from executor.core.order import OrderFacts, Trade, merge, merged, status_of
from shared.domain.enums import OrderStatus
from shared.domain.ids import TradeId, VenueOrderId
from shared.domain.order import progress
from shared.domain.values import ZERO

QUANTITY = Decimal(10)
_NEVER_THERE = (OrderStatus.REJECTED, OrderStatus.NOT_SENT, OrderStatus.ABSENT)
TRADES = [
    Trade(trade_id=TradeId(f"t{number}"), quantity=Decimal(size), price=Decimal(100))
    for number, size in enumerate((1, 2, 3, 4, 5))
]
KNOWN = [
    OrderFacts(is_claimed=True),
    OrderFacts(is_not_sent=True),
    OrderFacts(is_ambiguous=True),
    OrderFacts(is_absent=True),
    OrderFacts(is_rejected=True),
    OrderFacts(is_cancel_requested=True),
    OrderFacts(venue_order_ids=frozenset({VenueOrderId("v1")})),
    *(OrderFacts(trades=frozenset({trade})) for trade in TRADES),
    *(OrderFacts(reported_quantity=Decimal(size)) for size in (3, 6, 10)),
    *(
        OrderFacts(final=final)
        for final in (OrderStatus.EXPIRED, OrderStatus.CANCELED, OrderStatus.FILLED)
    ),
]
facts = st.lists(st.sampled_from(KNOWN), max_size=9)


def _happenings(chance):
    """What a venue may say of one order, and what we do ourselves: contradictions included."""
    size = chance.choice((4, 10))
    happened = [OrderFacts(is_claimed=True)]
    ours = (
        OrderFacts(is_claimed=True, is_ambiguous=True),
        OrderFacts(is_cancel_requested=True),
        OrderFacts(is_absent=True),
        OrderFacts(is_not_sent=True),
        OrderFacts(is_rejected=True),
    )
    happened += [fact for fact in ours if chance.random() < 0.25]
    if chance.random() < 0.8:
        names = [VenueOrderId(f"v{number}") for number in range(chance.choice((1, 1, 1, 2)))]
        happened += [OrderFacts(venue_order_ids=frozenset({name})) for name in names]
    filled = ZERO
    for number in range(chance.randint(0, 4)):
        trade = Trade(
            trade_id=TradeId(f"t{number}"),
            quantity=Decimal(chance.randint(1, size)),
            price=Decimal(chance.choice((99, 100))),
        )
        filled += trade.quantity
        happened.append(OrderFacts(trades=frozenset({trade})))
        if chance.random() < 0.1:  # told again, and otherwise
            other = replace(
                trade, quantity=trade.quantity + chance.choice((0, 1)), price=Decimal(7)
            )
            happened.append(OrderFacts(trades=frozenset({other})))
        if chance.random() < 0.5:
            happened.append(OrderFacts(is_claimed=True, reported_quantity=filled))
    if chance.random() < 0.6:
        final = chance.choice((OrderStatus.EXPIRED, OrderStatus.CANCELED, OrderStatus.FILLED))
        happened.append(OrderFacts(final=final, reported_quantity=filled))
    return happened, Decimal(size)


def _regrouped(chance, happened):
    """The same facts in another order, some of them twice, merged in groups and then together."""
    shuffled = [*happened, *chance.choices(happened, k=chance.randint(0, 3))]
    chance.shuffle(shuffled)
    groups = []
    while shuffled:
        count = chance.randint(1, 4)
        groups.append(merged(shuffled[:count]))
        shuffled = shuffled[count:]
    return merged(groups)


def _shuffle(times, seed):
    """Compare `times` permutations, ten of each set of facts."""
    chance = random.Random(seed)
    reached = set()
    for _ in range(times // 10):
        happened, quantity = _happenings(chance)
        expected = merged(happened)
        status = status_of(expected, quantity)
        reached.add(status)
        _is_bounded(expected, quantity, status)
        for _ in range(10):
            found = _regrouped(chance, happened)
            assert found == expected, (seed, happened)
            assert status_of(found, quantity) is status, (seed, happened)
    return reached


def _is_bounded(facts, quantity, status):
    """What an order may come to is never thought less than what it has come to."""
    exposure = ZERO if status in _NEVER_THERE else max(quantity, facts.filled_quantity)
    if status.is_terminal:
        exposure = facts.filled_quantity
        known = facts.reported_quantity
        assert status is OrderStatus.OVERFILLED or exposure >= known, (facts, status)
    assert exposure >= facts.filled_quantity, (facts, status)


def test_twenty_thousand_permutations_of_the_same_facts_give_the_same_order():
    assert _shuffle(20_000, 20240101) == set(OrderStatus) - {OrderStatus.APPROVED}


@pytest.mark.long
def test_a_million_permutations_of_the_same_facts_give_the_same_order():
    _shuffle(1_000_000, 7)


def test_however_facts_arrive_an_order_never_seems_to_go_back():
    """Who hears of an order keeps its furthest state: that is always the latest."""
    chance = random.Random(11)
    for _ in range(2_000):
        happened, quantity = _happenings(chance)
        chance.shuffle(happened)
        heard, furthest = OrderFacts(), None
        for fact in happened:
            heard = merge(heard, fact)
            here = progress(status_of(heard, quantity), heard.filled_quantity)
            assert furthest is None or here >= furthest, happened
            furthest = here
    assert furthest is not None


def test_every_status_is_reached():
    chance = random.Random(7)
    reached = {
        status_of(merged(chance.sample(KNOWN, chance.randint(0, 7))), QUANTITY)
        for _ in range(20_000)
    }
    assert reached == set(OrderStatus)


@given(facts, facts, facts)
def test_merging_is_associative_commutative_and_idempotent(one, two, three):
    a, b, c = merged(one), merged(two), merged(three)
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a


@given(facts, st.sampled_from(KNOWN))
def test_fills_never_shrink(some, more):
    before = merged(some)
    assert merge(before, more).filled_quantity >= before.filled_quantity


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([], OrderStatus.APPROVED),
        ([KNOWN[0]], OrderStatus.SENDING),
        ([KNOWN[0], KNOWN[2]], OrderStatus.UNKNOWN),
        ([KNOWN[0], KNOWN[3]], OrderStatus.ABSENT),
        ([KNOWN[0], KNOWN[3], KNOWN[6]], OrderStatus.OPEN),
        ([KNOWN[4], KNOWN[6]], OrderStatus.CONFLICT),
        ([KNOWN[6], OrderFacts(final=OrderStatus.FILLED)], OrderStatus.FILLS_MISSING),
    ],
)
def test_ugly_rows_have_their_status(known, expected):
    assert status_of(merged(known), QUANTITY) is expected


def test_one_trade_told_with_two_sizes_is_a_conflict_and_counts_the_larger():
    other = Trade(trade_id=TRADES[0].trade_id, quantity=Decimal(2), price=Decimal(100))
    known = OrderFacts(trades=frozenset({TRADES[0], other}))
    assert known.filled_quantity == Decimal(2)
    assert status_of(known, QUANTITY) is OrderStatus.CONFLICT


def test_told_of_more_than_was_asked_for_an_order_ends_only_when_its_fills_are_there():
    told = OrderFacts(
        venue_order_ids=frozenset({VenueOrderId("v1")}), reported_quantity=Decimal(12)
    )
    assert status_of(told, QUANTITY) is OrderStatus.FILLS_MISSING
    some = merge(told, OrderFacts(trades=frozenset(TRADES[:3])))
    assert status_of(some, QUANTITY) is OrderStatus.FILLS_MISSING
    whole = merge(told, OrderFacts(trades=frozenset(TRADES[:4])))
    assert status_of(whole, QUANTITY) is OrderStatus.OVERFILLED


class OrderLife(RuleBasedStateMachine):
    """A venue that acts in one order and reports in another, twice, or late."""

    @initialize()
    def begin(self):
        self.happened = [OrderFacts(is_claimed=True)]
        self.heard = merged(self.happened)
        self.filled = Decimal(0)
        self.is_over = False

    def _happens(self, fact):
        self.happened.append(fact)

    @rule()
    def accept(self):
        self._happens(OrderFacts(venue_order_ids=frozenset({VenueOrderId("v1")})))

    @rule(size=st.integers(1, 4))
    def fill(self, size):
        quantity = min(Decimal(size), QUANTITY - self.filled)
        if self.is_over or not quantity:
            return
        self.filled += quantity
        number = len(self.happened)
        trade = Trade(trade_id=TradeId(f"m{number}"), quantity=quantity, price=Decimal(1))
        self._happens(OrderFacts(trades=frozenset({trade})))
        self._happens(OrderFacts(reported_quantity=self.filled))

    @rule()
    def cancel(self):
        self.is_over = True
        self._happens(OrderFacts(is_cancel_requested=True))
        self._happens(OrderFacts(final=OrderStatus.CANCELED, reported_quantity=self.filled))

    @rule()
    def lose_the_answer(self):
        self._happens(OrderFacts(is_ambiguous=True))

    @rule(which=st.integers(0, 50))
    def hear(self, which):
        self.heard = merge(self.heard, self.happened[which % len(self.happened)])

    @invariant()
    def nothing_is_invented(self):
        assert self.heard.filled_quantity <= self.filled
        assert status_of(self.heard, QUANTITY) is not OrderStatus.OVERFILLED

    @invariant()
    def hearing_everything_ends_where_the_venue_is(self):
        status = status_of(merged([self.heard, *self.happened]), QUANTITY)
        if self.filled == QUANTITY:
            assert status is OrderStatus.FILLED
        elif self.is_over:
            assert status is OrderStatus.CANCELED
        else:
            assert not status.is_terminal


TestOrderLife = OrderLife.TestCase
TestOrderLife.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
