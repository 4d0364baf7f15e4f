"""May a release speak for its scope now? What its training showed, and what the shadow did since.

Conditions 1 to 5 of ml.md 4.5 stand in `gate.json`; the sixth can only be judged at the promotion.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from models.evaluation.sheet import Condition, GateVerdict
from shared.domain.errors import BadInput, Refused

_REASON = re.compile(r"[\x20-\x7e]{3,200}")
"""It stays in the audit; the same as the REST body allows."""

Reason: TypeAlias = Literal["gate_refused", "judged_against_another", "override_refused"]


class Record(Protocol):
    """What a release showed in the shadow, all instruments together.

    `days`: from its first label to its last. Both Brier scores are over the `compared` labels of
    candles that the champion was asked about too; without any, that of the release is over all of
    its `matured` labels and that of the champion None. `won_ratio`: share of all labels that won.
    """

    @property
    def days(self) -> float: ...
    @property
    def matured(self) -> int: ...
    @property
    def compared(self) -> int: ...
    @property
    def live_brier(self) -> float | None: ...
    @property
    def champion_brier(self) -> float | None: ...
    @property
    def won_ratio(self) -> float | None: ...
    @property
    def red(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionRule:
    """What the shadow has to show; `tolerance`: how far above the champion's the Brier may be."""

    min_days: float = 14.0
    min_labels: int = 100
    tolerance: float = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """`gate` is None where nobody judged the release; `base_rate` is that of its training.

    `record` compares with `champion_id`; `alone` is the same record compared with nobody.
    """

    scope: str
    gate: GateVerdict | None
    base_rate: float | None
    champion_id: str | None
    record: Record
    alone: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """`reason` is None where the promotion is allowed; every condition stands beside it."""

    reason: Reason | None
    sentence: str
    conditions: tuple[Condition, ...]

    @property
    def is_allowed(self) -> bool:
        return self.reason is None

    @property
    def unmet(self) -> tuple[Condition, ...]:
        return tuple(one for one in self.conditions if one.is_met is not True)


class PromotionRefused(Refused):
    """The rule said no; the ruling holds every condition with its figures."""

    def __init__(self, reason: Reason, ruling: Ruling) -> None:
        super().__init__(ruling.sentence)
        self.reason: Reason = reason
        self.ruling = ruling


def rule_on(evidence: Evidence, rule: PromotionRule) -> Ruling:
    """Return whether a release may be promoted, with every condition behind it."""
    past = _past(evidence.gate)
    rival = _rival(evidence)
    conditions = (*past, *rival, *_shadow(evidence, rule))
    unmet = [one for one in conditions if one.is_met is not True]
    if not unmet:
        return Ruling(
            reason=None, sentence=f"{evidence.scope} may trade with it.", conditions=conditions
        )
    if rival:
        sentence = f"{rival[0].value}; {rival[0].remedy}"
        return Ruling(reason="judged_against_another", sentence=sentence, conditions=conditions)
    return Ruling(reason="gate_refused", sentence=_sentence(evidence, unmet), conditions=conditions)


def permit(ruling: Ruling, override: str | None, *, may_override: bool) -> None:
    """Let an allowed promotion pass, and with a reason given any other where that is possible.

    Raises:
        BadInput: what was given is no reason.
        PromotionRefused: it is neither.
    """
    if override is not None and not _REASON.fullmatch(override.strip()):
        raise BadInput(
            "override", f"'{override[:40]}' is no reason", "say why, in 3 to 200 letters"
        )
    if ruling.reason is None:
        return
    if override is None:
        raise PromotionRefused(ruling.reason, ruling)
    if not may_override:
        said = f"{ruling.sentence} An override is not possible in this mode."
        firm = Ruling(reason=ruling.reason, sentence=said, conditions=ruling.conditions)
        raise PromotionRefused("override_refused", firm)


def _past(gate: GateVerdict | None) -> tuple[Condition, ...]:
    """Return what training judged; what it left to the promotion is judged anew."""
    if gate is not None:
        judged = tuple(one for one in gate.conditions if one.group != "shadow")
        if judged:
            return judged
    return (
        Condition(
            name="judged at all",
            group="integrity",
            is_met=False,
            value="no verdict lies beside it",
            limit="gate.json with every condition",
            remedy="train again",
        ),
    )


def _rival(evidence: Evidence) -> tuple[Condition, ...]:
    judged_against = None if evidence.gate is None else evidence.gate.champion_id
    if evidence.champion_id in {None, judged_against}:
        return ()
    return (
        Condition(
            name="judged against today's champion",
            group="champion",
            is_met=False,
            value=f"it was judged against {judged_against or 'nobody'}, "
            f"{evidence.champion_id} is champion now",
            limit="the same release",
            remedy="train again",
        ),
    )


def _shadow(evidence: Evidence, rule: PromotionRule) -> tuple[Condition, ...]:
    record = evidence.alone
    wait = "let it run in shadow for longer"
    return (
        Condition(
            name="days in shadow",
            group="shadow",
            is_met=record.days >= rule.min_days,
            value=f"{record.days:.1f} days",
            limit=f"at least {rule.min_days:g}",
            remedy=wait,
        ),
        Condition(
            name="labels in shadow",
            group="shadow",
            is_met=record.matured >= rule.min_labels,
            value=f"{record.matured} matured",
            limit=f"at least {rule.min_labels}",
            remedy=wait,
        ),
        _live(evidence, rule),
        Condition(
            name="no red monitor",
            group="shadow",
            is_met=not record.red,
            value=f"red about {', '.join(record.red)}" if record.red else "none",
            limit="none",
            remedy="see 'trading models health'; train again",
        ),
    )


def _live(evidence: Evidence, rule: PromotionRule) -> Condition:
    """Compare with the champion on the same candles, and where too few are shared with the base.

    The base rate of training promises each candle alike: over labels of which a share r won its
    Brier score is (b - r)^2 + r (1 - r).
    """
    record, alone, base = evidence.record, evidence.alone, evidence.base_rate
    if record.compared >= rule.min_labels and record.champion_brier is not None:
        name, own, limit = "as good as the champion", record.live_brier, record.champion_brier
        shown = f"Brier score {_figure(own)} against {limit:.4f}, {record.compared} shared labels"
        most = limit + rule.tolerance
        said = f"at most {most:.4f}"
    else:
        name, own, won = "as good as the base rate", alone.live_brier, alone.won_ratio
        most = None if base is None or won is None else (base - won) ** 2 + won * (1 - won)
        shown = f"Brier score {_figure(own)} against {_figure(most)}"
        said = "not above"
    return Condition(
        name=f"{name} in shadow",
        group="shadow",
        is_met=own is not None and most is not None and own <= most,
        value=shown if own is not None else "no label yet",
        limit=said,
        remedy="keep what is in service; train again",
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _sentence(evidence: Evidence, unmet: Sequence[Condition]) -> str:
    waits = all(one.group == "shadow" for one in unmet)
    why = ", ".join(one.name for one in unmet)
    if waits:
        return f"{evidence.scope} has to wait; the shadow does not say yes yet: {why}."
    said = "" if evidence.gate is None else f"{evidence.gate.sentence} "
    return f"{said}Not met: {why}."
