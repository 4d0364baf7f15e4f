"""Whatever happens to an order, and however its facts arrive, everybody ends with the same picture.

The histories are the executor's own: steps it can take, and what it says of them.
"""

import random
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.core import steps
from executor.core.order import Order, OrderState, snapshot
from executor.handlers.announce import announce
from portfolio.core.booking import booking_of
from portfolio.core.books import book, flat
from recommender.core import book as view
from recommender.core.status import RecommendationStatus, of_order
from recommender.handlers.pipeline import ORDER_FACTS as TOLD_TO_RECOMMENDER
from risk.core.holding import filled
from risk.core.limits import Costs
from risk.core.reservation import Reservation, adopted, follow, lapse
from risk.handlers.book import ORDER_FACTS as TOLD_TO_RISK
from shared.domain.enums import Liquidity, OrderStatus, OrderType, Purpose, Side
from shared.domain.events import OrderAccepted, OrderCanceled, OrderExpired, OrderFilled
from shared.domain.ids import TradeId, VenueOrderId
from shared.domain.venue import OrderReport
from tests.builders import BTC, CLOSED_AT, FILL, ORDER

D = Decimal
QUANTITY = D(4)
COSTS = Costs(fee_ratio=0.001, slippage_ratio=0.0005)
SIZES = {"t0": D(1), "t1": D(1), "t2": D(2), "t3": D(1)}  # together more than was asked
ASKED = Order(
    client_order_id=ORDER.client_order_id, decision_id=ORDER.decision_id,
    recommendation_id=ORDER.recommendation_id, account=ORDER.account, venue=ORDER.venue,
    symbol=ORDER.symbol, interval=ORDER.interval, side=Side.BUY, purpose=Purpose.ENTRY,
    order_type=ORDER.order_type, time_in_force=ORDER.time_in_force, quantity=QUANTITY,
    price=D(100), limit_price=D(101), decided_at=CLOSED_AT, expires_at=CLOSED_AT,
)  # fmt: skip
PROMISED = Reservation(
    decision_id=ORDER.decision_id, symbol=BTC, purpose=Purpose.ENTRY, quantity=QUANTITY,
    filled_quantity=D(0), unit_cost=D("101.101"),
)  # fmt: skip


@dataclass
class Said:
    """Stands for a unit of work of which only what is said matters."""

    events: list = field(default_factory=list)

    def emit(self, event):
        self.events.append(event)

    def after_commit(self, callback):
        del callback

    def audit(self, actor, action, subject, detail):
        del actor, action, subject, detail


def trade(name, **changes):
    return replace(FILL, trade_id=TradeId(name), quantity=SIZES[name], **changes)


def report(filled_quantity, status):
    return OrderReport(
        client_order_id=ASKED.client_order_id, venue_order_id=VenueOrderId("v1"), symbol=BTC,
        side=Side.BUY, order_type=OrderType.LIMIT, status=status, quantity=QUANTITY,
        limit_price=D(101), filled_quantity=D(filled_quantity), at=CLOSED_AT,
    )  # fmt: skip


REPORTED = (
    OrderStatus.OPEN,
    OrderStatus.PARTIAL,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
    OrderStatus.FILLED,
)


def happen(state: OrderState, chance: random.Random) -> steps.Step | None:
    """Return one thing that may happen to an order now, None where this one may not."""
    said = report(chance.randint(0, 5), chance.choice(REPORTED))
    name = chance.choice(sorted(SIZES))
    is_unseen = state.status in (OrderStatus.SENDING, OrderStatus.UNKNOWN)
    is_known = any(one.trade_id == name for one in state.facts.trades)
    could = [
        lambda: steps.doubt(state, "no answer", CLOSED_AT),
        # absence is concluded only while the venue has never shown anything
        lambda: steps.conclude_absence(state, "not there", CLOSED_AT) if is_unseen else None,
        lambda: steps.report(state, said, CLOSED_AT),
        lambda: steps.accept(state, VenueOrderId("v1"), CLOSED_AT),
        lambda: steps.reject(state, "refused", CLOSED_AT),
        lambda: steps.request_cancel(state, CLOSED_AT),
        lambda: None if is_known else steps.record_fill(state, trade(name), CLOSED_AT),
    ]
    return chance.choice(could)()


def history(chance: random.Random):
    """Return how an order stood after each thing that happened to it, and all that was said."""
    said = Said()
    claimed = steps.claim(ASKED, CLOSED_AT)
    announce([claimed], said, None)
    states = [claimed.state]
    for _ in range(chance.randint(1, 9)):
        step = happen(states[-1], chance)
        if step is not None and steps.adds_to(states[-1], step):
            announce([step], said, None)
            states.append(step.state)
    return states, said.events


def shuffled(facts, chance):
    """Return the facts in any order, some of them twice."""
    heard = [*facts, *chance.sample(facts, chance.randint(0, len(facts)))]
    chance.shuffle(heard)
    return heard


def promised_after(facts, start=PROMISED):
    promised = start
    for fact in facts:
        promised = follow(promised, fact.order)
    return promised


def known_after(facts):
    known = None
    for fact in facts:
        known = view.follow(known, fact.order)
    return known


def told_to(topics, facts):
    return [fact for fact in facts if isinstance(fact, topics)]


def test_an_order_only_moves_on():
    chance = random.Random(1)
    for _ in range(3_000):
        states, _ = history(chance)
        passed = [snapshot(state, CLOSED_AT).progress for state in states]
        assert passed == sorted(passed)


def test_no_fact_of_an_order_is_said_twice():
    chance = random.Random(2)
    for _ in range(3_000):
        _, events = history(chance)
        said = [(event.topic, event.identity) for event in events]
        assert len(set(said)) == len(said)


def test_risk_promises_what_the_order_may_still_cost_in_whatever_order_facts_arrive():
    chance = random.Random(3)
    for _ in range(2_000):
        states, events = history(chance)
        facts = told_to(TOLD_TO_RISK, events)
        expected = promised_after(facts)
        if facts:
            assert expected.is_held is not states[-1].status.is_terminal
            assert expected.filled_quantity == states[-1].facts.filled_quantity
        for _ in range(4):
            assert promised_after(shuffled(facts, chance)) == expected


def test_the_recommender_knows_how_the_order_stands_in_whatever_order_facts_arrive():
    chance = random.Random(4)
    for _ in range(2_000):
        states, events = history(chance)
        facts = told_to(TOLD_TO_RECOMMENDER, events)
        expected = known_after(facts)
        assert expected.is_open is not states[-1].status.is_terminal
        for _ in range(4):
            assert known_after(shuffled(facts, chance)) == expected


def told(status, filled_quantity="0"):
    return replace(ORDER, quantity=QUANTITY, status=status, filled_quantity=D(filled_quantity))


def fact_of(status, filled_quantity="0", kind=OrderAccepted):
    return kind(order=told(status, filled_quantity))


def fill_of(status, filled_quantity, name):
    return OrderFilled(order=told(status, filled_quantity), fill=trade(name))


ABSENT = fact_of(OrderStatus.ABSENT, kind=OrderExpired)
RETURNED = [ABSENT, fact_of(OrderStatus.OPEN), fill_of(OrderStatus.PARTIAL, "1", "t0")]
FINISHED = [
    *RETURNED,
    fill_of(OrderStatus.CANCELED, "3", "t2"),
    fact_of(OrderStatus.CANCELED, "3", OrderCanceled),
]
TWICE_CANCELED = [
    fact_of(OrderStatus.OPEN),
    fill_of(OrderStatus.PARTIAL, "1", "t0"),
    fact_of(OrderStatus.CANCELED, "1", OrderCanceled),
    fill_of(OrderStatus.FILLS_MISSING, "2", "t1"),
    fact_of(OrderStatus.CANCELED, "4", OrderCanceled),
]


@pytest.mark.parametrize(
    ("facts", "left", "status"),
    [
        ([ABSENT], "0", RecommendationStatus.EXPIRED),
        ([ABSENT, fact_of(OrderStatus.OPEN)], "404.404", RecommendationStatus.SUBMITTED),
        (RETURNED, "303.303", RecommendationStatus.SUBMITTED),
        (FINISHED, "0", RecommendationStatus.FILLED),
        ([ABSENT, FINISHED[3]], "0", RecommendationStatus.FILLED),
        (TWICE_CANCELED[:4], "202.202", RecommendationStatus.SUBMITTED),
        (TWICE_CANCELED, "0", RecommendationStatus.FILLED),
        (
            [fact_of(OrderStatus.REJECTED), fact_of(OrderStatus.CONFLICT)],
            "404.404",
            RecommendationStatus.SUBMITTED,
        ),
    ],
)
def test_ugly_sequences_end_as_they_should_in_every_order(facts, left, status):
    for heard in permutations(facts):
        assert promised_after(heard).amount == D(left)
        known = known_after(heard)
        assert of_order(known.status, known.filled_quantity) is status


def test_an_approval_that_lapsed_is_promised_again_once_the_venue_has_its_order():
    assert lapse(PROMISED).amount == 0
    assert promised_after([ABSENT], lapse(PROMISED)).amount == 0
    for heard in permutations(RETURNED):
        assert promised_after(heard, lapse(PROMISED)).amount == D("303.303")
    assert lapse(promised_after(RETURNED)) == promised_after(RETURNED)


def test_an_entry_that_only_the_venue_knew_is_promised_like_any_other():
    order = replace(told(OrderStatus.OPEN), limit_price=D(101))
    promised = adopted(order, COSTS)
    assert promised_after(RETURNED, promised).amount == D("303.303")
    assert adopted(replace(order, purpose=Purpose.EXIT), COSTS) is None


fees = st.sampled_from(
    [(D("0.001"), "BTC"), (D("0.0009"), "BTC"), (D("0.1"), "USDT"), (D("0.002"), "BNB")]
)


@given(
    st.lists(
        st.tuples(st.sampled_from([D("0.5"), D(1), D("2.25")]), fees, st.sampled_from(Liquidity)),
        min_size=1,
        max_size=5,
    ),
    st.randoms(),
)
def test_all_agree_on_what_is_held_whatever_the_fee_was_taken_out_of(bought, chance):
    fills = [
        replace(
            FILL, trade_id=TradeId(f"t{number}"), quantity=quantity, price=D(100), fee=fee,
            fee_asset=asset, liquidity=liquidity,
        )
        for number, (quantity, (fee, asset), liquidity) in enumerate(bought)
    ]  # fmt: skip
    chance.shuffle(fills)
    held, position, holding = None, None, flat(BTC)
    for fill in fills:
        held = filled(held, fill)
        position = view.filled(position, ORDER, fill)
        holding = book(holding, booking_of(fill, None)).holding
    expected = sum(q - (fee if asset == "BTC" else 0) for q, (fee, asset), _ in bought)
    assert held.quantity == position.quantity == holding.position.quantity == expected
    cost = sum(100 * q + (fee if asset == "USDT" else 0) for q, (fee, asset), _ in bought)
    assert holding.position.cost_basis == cost
    assert sum(lot.remaining for lot in holding.lots) == expected
