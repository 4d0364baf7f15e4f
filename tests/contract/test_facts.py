"""The wire format of every fact; a change of it shows as a changed golden file.

To accept a wanted change: `python -m tests.contract.golden`.
"""

from dataclasses import MISSING, fields, replace
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from shared.bus.codec import UnreadableFact, decode, encode
from shared.bus.envelope import event_id
from shared.domain.enums import OrderStatus
from shared.domain.events import (
    EVENT_TYPES,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderUnknown,
)
from tests.builders import FACTS, FILL, ORDER
from tests.contract.golden import FOLDER, golden_text


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.topic)
def test_the_wire_format_is_the_golden_one(fact):
    assert golden_text(fact) == (FOLDER / f"{fact.topic}.json").read_text()


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.topic)
def test_a_fact_comes_back_equal(fact):
    assert decode(fact.topic, encode(fact)) == fact


def test_every_fact_has_an_example_and_an_id_of_its_own():
    assert {type(fact) for fact in FACTS} == set(EVENT_TYPES)
    assert len({event_id("test", fact) for fact in FACTS}) == len(FACTS)


@pytest.mark.parametrize(
    "changes",
    [{"status": OrderStatus.CANCELED}, {"filled_quantity": ORDER.quantity / 2}],
)
@pytest.mark.parametrize("kind", [OrderAccepted, OrderCanceled, OrderExpired, OrderUnknown])
def test_an_order_that_stands_otherwise_than_before_is_a_fact_of_its_own(kind, changes):
    one, other = kind(order=ORDER), kind(order=replace(ORDER, **changes))
    assert event_id("executor", one) == event_id("executor", kind(order=ORDER))
    assert event_id("executor", one) != event_id("executor", other)


def test_the_same_quantity_written_otherwise_is_the_same_fact():
    one, other = (
        OrderCanceled(order=replace(ORDER, filled_quantity=Decimal(text))) for text in ("1", "1.00")
    )
    assert one.identity == other.identity


def test_an_order_said_again_at_another_time_is_the_same_fact():
    later = replace(ORDER, updated_at=ORDER.updated_at + timedelta(seconds=1), detail="looked at")
    assert OrderAccepted(order=ORDER).identity == OrderAccepted(order=later).identity


def test_a_trade_is_one_fact_however_its_order_stands():
    one = OrderFilled(order=ORDER, fill=FILL)
    other = OrderFilled(order=replace(ORDER, status=OrderStatus.CONFLICT), fill=FILL)
    assert one.identity == other.identity
    elsewhere = OrderFilled(order=ORDER, fill=replace(FILL, trade_id="another"))
    assert one.identity != elsewhere.identity


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.topic)
def test_a_fact_with_a_missing_field_is_refused_by_name(fact):
    document = msgspec.json.decode(encode(fact))
    needed = [one.name for one in fields(fact) if one.default is MISSING]
    for field in needed:
        damaged = {name: value for name, value in document.items() if name != field}
        with pytest.raises(UnreadableFact, match=field):
            decode(fact.topic, msgspec.json.encode(damaged).decode())


def test_an_unknown_topic_is_refused():
    with pytest.raises(UnreadableFact, match="no fact is called"):
        decode("candles.opened", "{}")
