"""Reads a plan of faults as somebody wrote it, and says what is wrong with it."""

from collections.abc import Sequence

import msgspec

from shared.domain.errors import BadInput
from simulator.faults import OF_CONNECTIONS, PARAMETERS, Fault, Match, Parameter, Rule
from simulator.wire.port import Operation

_CHOICES = {"accepted": ("at_once", "at_end"), "answer": ("hang", "reset")}


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    do: dict[str, Parameter]
    match: Match = msgspec.field(default_factory=Match)


def read_plan(document: object) -> Sequence[Rule]:
    """Return the rules of a plan, with every parameter filled in.

    Raises:
        BadInput: names the field, what is wrong with it, and what to write.
    """
    try:
        written = msgspec.convert(document, list[_Written])
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at ")
        remedy = 'write [{"match": {"operation": "create"}, "do": {"fault": "error_after"}}]'
        raise BadInput(where.strip("`") or "plan", problem, remedy) from error
    return [_rule(number, one) for number, one in enumerate(written)]


def _rule(number: int, written: _Written) -> Rule:
    where, match = f"$[{number}]", written.match
    name = written.do.get("fault")
    if name not in set(Fault):
        remedy = f"write one of {', '.join(Fault)}"
        raise BadInput(f"{where}.do.fault", f"'{name}' is no fault", remedy)
    fault = Fault(str(name))
    if match.nth < 1 or match.times < 0:
        raise BadInput(f"{where}.match", "counts from 1", "write nth >= 1 and times >= 0")
    if fault in OF_CONNECTIONS and match.operation is not None:
        remedy = "leave it out: the fault begins with the plan and lasts for 'seconds'"
        raise BadInput(f"{where}.match.operation", "a connection has none yet", remedy)
    if fault.startswith("stream_") and match.operation not in (None, Operation.STREAM):
        raise BadInput(
            f"{where}.match.operation", f"'{fault}' is of streams", "write stream, or leave it out"
        )
    given = {key: value for key, value in written.do.items() if key != "fault"}
    for key, value in given.items():
        _check(f"{where}.do.{key}", fault, (key, value))
    return Rule(match=match, fault=fault, parameters={**PARAMETERS[fault], **given})


def _check(where: str, fault: Fault, given: tuple[str, Parameter]) -> None:
    key, value = given
    known = PARAMETERS[fault]
    if key not in known:
        remedy = f"use {', '.join(known)}" if known else "leave it out"
        raise BadInput(where, f"'{fault}' has no such parameter", remedy)
    choices = _CHOICES.get(key)
    if choices is not None and value not in choices:
        raise BadInput(where, f"'{value}' is unknown", f"write {' or '.join(choices)}")
    usual = known[key]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(usual, float) and not is_number:
        raise BadInput(where, f"'{value}' is no number", f"write for example {usual}")
    if isinstance(usual, bool) and not isinstance(value, bool):
        raise BadInput(where, f"'{value}' is not true or false", "write one of them")
    if isinstance(usual, str) and not isinstance(value, str):
        raise BadInput(where, f"'{value}' is no text", "write a text")
    if usual is None and value is not None and not is_number:
        raise BadInput(where, f"'{value}' is no number", "write a number or null")
