"""Which requests a plan of faults hits."""

import pytest

from shared.domain.errors import BadInput
from simulator.faults import PARAMETERS, Asked, Fault, FaultPlan, Stage
from simulator.faults_reading import read_plan
from simulator.wire.port import Operation
from venues.port import VenueName


def plan(*rules):
    made = FaultPlan(VenueName.KUCOIN)
    made.put(read_plan(list(rules)))
    return made


def rule(fault="error_after", **match):
    return {"match": match, "do": {"fault": fault}}


def hits(made, text="", operation=Operation.CREATE, times=5):
    asked = Asked(operation=operation, text=text)
    return [made.take(Stage.WHOLE, asked) is not None for _ in range(times)]


def test_a_rule_acts_once_on_the_first_match_unless_told_otherwise():
    assert hits(plan(rule())) == [True, False, False, False, False]
    assert hits(plan(rule(nth=3))) == [False, False, True, False, False]
    assert hits(plan(rule(nth=2, times=2))) == [False, True, True, False, False]
    assert hits(plan(rule(nth=2, times=0))) == [False, True, True, True, True]


def test_a_rule_counts_only_what_it_is_about():
    made = plan(rule(operation="create", symbol="BTC-USD", client_order_id="f101-x"))
    assert hits(made, '{"symbol":"BTCUSD"} f101-x', times=1) == [True]
    made = plan(rule(operation="create", symbol="BTC-USD", client_order_id="f101-x", times=0))
    assert not any(hits(made, "symbol=BTCUSDT&id=f101-x"))
    assert not any(hits(made, "symbol=BTC-USD&id=other"))
    assert not any(hits(made, "BTC-USD f101-x", operation=Operation.CANCEL))
    assert all(hits(made, "product_id=BTC-USD&id=f101-x"))


def test_another_venues_rules_are_left_out():
    assert not any(hits(plan(rule(venue="coinbase", times=0))))
    assert all(hits(plan(rule(venue="kucoin", times=0))))


def test_the_first_rule_that_is_due_acts_and_the_others_count_too():
    made = plan(rule("garbage"), rule("error_before", times=2))
    asked = Asked(operation=Operation.CREATE, text="")
    acted = [made.take(Stage.WHOLE, asked) for _ in range(3)]
    assert [one and one.fault for one in acted] == [Fault.GARBAGE, Fault.ERROR_BEFORE, None]
    assert [one["seen"] for one in made.described()] == [3, 3]


def test_every_fault_can_be_written_with_nothing_but_its_name():
    made = read_plan([{"do": {"fault": name}} for name in PARAMETERS])
    assert [one.fault for one in made] == list(Fault)


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ({"do": {"fault": "error_after"}}, "plan"),
        ([{"match": {}}], "$[0]"),
        ([{"do": {"fault": "nonsense"}}], "$[0].do.fault"),
        ([{"do": {}}], "$[0].do.fault"),
        ([{"do": {"fault": "error_after", "code": 1}}], "$[0].do.code"),
        ([{"do": {"fault": "error_after", "status": "x"}}], "$[0].do.status"),
        ([{"do": {"fault": "error_after", "status": True}}], "$[0].do.status"),
        ([{"do": {"fault": "accepted_late", "answer": "sing"}}], "$[0].do.answer"),
        ([{"do": {"fault": "duplicate_id", "is_processed": 1}}], "$[0].do.is_processed"),
        ([{"do": {"fault": "rate_limited", "retry_after_seconds": "x"}}], "$[0].do.retry_after_s"),
        ([{"do": {"fault": "renamed_field", "field": 1}}], "$[0].do.field"),
        ([rule(nth=0)], "$[0].match"),
        ([rule(operation="dance")], "$[0].match.operation"),
        ([rule("connect_refused", operation="create")], "$[0].match.operation"),
        ([rule("stream_gap", operation="create")], "$[0].match.operation"),
        ([rule(), {"do": {"fault": "garbage"}, "when": 1}], "$[1]"),
    ],
)
def test_a_plan_that_cannot_be_understood_says_where_and_what_to_write(written, field):
    with pytest.raises(BadInput) as caught:
        read_plan(written)
    assert caught.value.field.startswith(field)
    assert caught.value.remedy
