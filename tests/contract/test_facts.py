"""The wire format of every fact; a change of it shows as a changed golden file.

To accept a wanted change: `python -m tests.contract.golden`.
"""

import msgspec
import pytest

from shared.bus.codec import UnreadableFact, decode, encode
from shared.bus.envelope import event_id
from shared.domain.events import EVENT_TYPES
from tests.builders import FACTS
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


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.topic)
def test_a_fact_with_a_missing_field_is_refused_by_name(fact):
    document = msgspec.json.decode(encode(fact))
    for field in document:
        damaged = {name: value for name, value in document.items() if name != field}
        with pytest.raises(UnreadableFact, match=field):
            decode(fact.topic, msgspec.json.encode(damaged).decode())


def test_an_unknown_topic_is_refused():
    with pytest.raises(UnreadableFact, match="no fact is called"):
        decode("candles.opened", "{}")
