"""The rule of promotion: what training judged, and what the shadow has shown since."""

from dataclasses import dataclass, replace

import pytest

from models.evaluation.promotion import (
    Evidence,
    PromotionRefused,
    PromotionRule,
    permit,
    rule_on,
)
from models.evaluation.sheet import Condition, GateVerdict

CHAMPION, RIVAL = "the champion", "another champion"


@dataclass(frozen=True, kw_only=True)
class Shown:
    days: float = 20.0
    matured: int = 300
    compared: int = 300
    live_brier: float | None = 0.24
    champion_brier: float | None = 0.24
    won_ratio: float | None = 0.45
    red: tuple[str, ...] = ()


def condition(group, is_met, name="judged"):
    return Condition(name=name, group=group, is_met=is_met, value="3", limit="4", remedy="try")


def gate(*failing, champion=CHAMPION):
    past = [condition(group, group not in failing) for group in ("integrity", "skill", "money")]
    later = condition("shadow", None, "shadow record")
    return GateVerdict(
        is_passed=not failing, sentence="Words.", conditions=(*past, later), champion_id=champion
    )


def ruled(record=None, **changes):
    record = record or Shown()
    alone = replace(record, compared=0, champion_brier=None)
    known = {"scope": "GLOBAL", "gate": gate(), "base_rate": 0.45, "champion_id": CHAMPION}
    return rule_on(Evidence(record=record, alone=alone, **known | changes), PromotionRule())


def unmet(ruling):
    return [one.name for one in ruling.unmet]


def test_what_passed_the_gate_and_the_shadow_may_be_promoted():
    ruling = ruled()
    assert ruling.is_allowed
    assert unmet(ruling) == []
    assert "shadow record" not in [one.name for one in ruling.conditions]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"days": 13.9}, "days in shadow"),
        ({"matured": 99}, "labels in shadow"),
        ({"live_brier": 0.2421}, "as good as the champion in shadow"),
        ({"live_brier": None}, "as good as the champion in shadow"),
        ({"live_brier": float("nan")}, "as good as the champion in shadow"),
        ({"red": ("BTC-USDT",)}, "no red monitor"),
    ],
)
def test_each_condition_of_the_shadow_refuses_alone(changes, name):
    ruling = ruled(Shown(**changes))
    assert (ruling.reason, unmet(ruling)) == ("gate_refused", [name])
    assert name in ruling.sentence
    assert "wait" in ruling.sentence


@pytest.mark.parametrize("changes", [{"days": 14.0}, {"matured": 100}, {"live_brier": 0.242}])
def test_the_limits_themselves_are_good_enough(changes):
    assert ruled(Shown(**changes)).is_allowed


@pytest.mark.parametrize(("brier", "is_allowed"), [(0.2474, True), (0.2476, False)])
def test_without_a_champion_the_base_rate_of_training_is_the_rival(brier, is_allowed):
    alone = Shown(live_brier=brier, champion_brier=None, compared=0, won_ratio=0.45)
    assert ruled(alone, champion_id=None, gate=gate(champion=None)).is_allowed is is_allowed


def test_a_base_rate_that_missed_is_easier_to_beat():
    """Against labels of which 45 % won, promising 60 % costs (0.15)^2 more."""
    missed = Shown(live_brier=0.2699, champion_brier=None, compared=0, won_ratio=0.45)
    first = {"champion_id": None, "gate": gate(champion=None)}
    assert ruled(missed, base_rate=0.6, **first).is_allowed
    assert not ruled(missed, base_rate=0.45, **first).is_allowed
    assert unmet(ruled(missed, base_rate=None, **first)) == ["as good as the base rate in shadow"]


def test_a_champion_with_few_shared_labels_is_no_rival():
    few = Shown(compared=99, champion_brier=0.1, live_brier=0.2474)
    assert ruled(few).is_allowed


def test_a_verdict_against_another_champion_does_not_count():
    ruling = ruled(champion_id=RIVAL)
    assert ruling.reason == "judged_against_another"
    assert ruling.sentence.endswith("train again")
    assert CHAMPION in ruling.sentence
    assert RIVAL in ruling.sentence
    assert ruled(gate=gate(champion=None)).reason == "judged_against_another"


def test_a_champion_that_is_gone_is_nobody_to_be_judged_against():
    assert ruled(Shown(compared=0, champion_brier=None), champion_id=None).is_allowed


def test_what_training_judged_is_said_in_its_own_words():
    ruling = ruled(gate=gate("money"))
    assert ruling.reason == "gate_refused"
    assert ruling.sentence == "Words. Not met: judged."


def test_what_nobody_judged_is_refused():
    for found in (None, replace(gate(), conditions=())):
        ruling = ruled(gate=found, champion_id=None)
        assert unmet(ruling) == ["judged at all"]


def test_what_was_left_open_at_training_is_not_met():
    open_one = replace(gate(), conditions=(condition("skill", None),))
    assert not ruled(gate=open_one).is_allowed


def test_a_reason_stands_in_for_the_gate_where_it_may():
    refused = ruled(Shown(days=1))
    permit(refused, "dry run", may_override=True)
    with pytest.raises(PromotionRefused, match="wait") as found:
        permit(refused, None, may_override=True)
    assert found.value.reason == "gate_refused"
    with pytest.raises(PromotionRefused, match="not possible in this mode") as found:
        permit(refused, "dry run", may_override=False)
    assert found.value.reason == "override_refused"
    assert found.value.ruling.conditions == refused.conditions


def test_what_is_allowed_needs_no_reason():
    for reason in (None, "belt and braces"):
        permit(ruled(), reason, may_override=False)
