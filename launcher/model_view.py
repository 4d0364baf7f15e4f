"""A release as the commands show it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec

from models.artifact import Contents
from models.disk import read_limited
from models.evaluation.sheet import Evaluation, GateVerdict, Skill
from models.evaluation.wording import NOTHING, duration, estimate, figure, listed, moment, share
from models.manifest import EVALUATION, GATE, METRICS, Manifest
from models.shelf import Listing

_MAX_BYTES = 1_000_000
_HOURS_SHOWN = 48
_MARKS = {True: "yes", False: "NO", None: "-"}


class _Metrics(msgspec.Struct):
    walk_forward: Skill | None = None


def row_of(listing: Listing, now: datetime) -> dict[str, Any]:
    """Return one line of the list; the figures are as the release says them, unproven."""
    manifest, skill = listing.manifest, _skill(listing)
    return {
        "scope": manifest.scope,
        "release_id": manifest.release_id,
        "kind": manifest.kind,
        "roles": ", ".join(role.value for role in listing.roles) or None,
        "created": moment(manifest.created_at),
        "auc": None if skill is None else skill.auc.value,
        "gate": gate_word(manifest),
        "age": _age(manifest, now),
        "expires": None if manifest.expires_at is None else moment(manifest.expires_at),
    }


def gate_word(manifest: Manifest) -> str | None:
    if manifest.gate_passed is None:
        return None
    return "passed" if manifest.gate_passed else "not passed"


def facts_of(listing: Listing, contents: Contents, now: datetime) -> list[dict[str, Any]]:
    """Return what a person asks first about a proven release."""
    manifest = contents.manifest
    facts: dict[str, Any] = {
        "roles": ", ".join(role.value for role in listing.roles) or "none",
        "instruments": listed(manifest.symbols),
        "candles": f"{manifest.venue}, {duration(manifest.interval_seconds)}",
        "trees": f"{manifest.rounds}, kind {manifest.kind}",
        "trade learned": _trade(manifest),
        "trained until": moment(manifest.trained_until),
        "created": f"{moment(manifest.created_at)} ({_age(manifest, now)} ago)",
        "expires": "never" if manifest.expires_at is None else moment(manifest.expires_at),
        "signed by": contents.signed_by or "nobody",
        "made with": ", ".join(f"{name} {one}" for name, one in manifest.versions.items()),
        "candles' fingerprint": manifest.data_fingerprint[:16],
        "configurations tried": manifest.trials,
    }
    if EVALUATION in contents.files:
        facts |= _figures(contents.sheet(EVALUATION, Evaluation))
    return [{"what": what, "value": value} for what, value in facts.items()]


def document_of(listing: Listing, contents: Contents) -> dict[str, Any]:
    """Return everything about a proven release, for programs."""
    sheets = {"gate": (GATE, GateVerdict), "evaluation": (EVALUATION, Evaluation)}
    return {
        "manifest": msgspec.to_builtins(contents.manifest),
        "roles": [role.value for role in listing.roles],
        "signed_by": contents.signed_by,
        "path": str(listing.path),
        **{
            word: msgspec.to_builtins(contents.sheet(name, kind))
            if name in contents.files
            else None
            for word, (name, kind) in sheets.items()
        },
    }


def condition_rows(conditions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the conditions, those not met first."""
    ordered = sorted(conditions, key=lambda one: one["is_met"] is True)
    return [
        {
            "met": _MARKS[one["is_met"]],
            "condition": one["name"],
            "value": one["value"],
            "limit": one["limit"],
        }
        for one in ordered
    ]


def remedies(conditions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what to try where a condition is not met, each once."""
    found = [one["remedy"] for one in conditions if one["is_met"] is not True and one["remedy"]]
    return list(dict.fromkeys(found))


def health_row(item: Mapping[str, Any]) -> dict[str, Any]:
    alarms = [
        f"{one['monitor']} {one['state']}: {_number(one['value'])}, limit {_number(one['limit'])}"
        for one in item.get("alarms", ())
    ]
    return {**item, "day": str(item.get("day"))[:10], "alarms": "; ".join(alarms) or None}


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3g}"


def _skill(listing: Listing) -> Skill | None:
    with suppress(OSError, msgspec.MsgspecError):
        content = read_limited(listing.path / METRICS, _MAX_BYTES)
        return msgspec.json.decode(content, type=_Metrics).walk_forward
    return None


def _age(manifest: Manifest, now: datetime) -> str:
    hours = max((now - manifest.created_at) / timedelta(hours=1), 0.0)
    return f"{hours:.0f} h" if hours < _HOURS_SHOWN else f"{hours / 24:.0f} d"


def _trade(manifest: Manifest) -> str:
    label = manifest.label
    costs = share(label.fee_ratio + label.slippage_ratio)
    return (
        f"{label.horizon} candles, target {label.k_target:g} and stop {label.k_stop:g} barriers, "
        f"{costs} a side"
    )


def _figures(evaluation: Evaluation) -> dict[str, str]:
    skill, kept = evaluation.skill, evaluation.reliability
    losses = f"base rate {figure(skill.base_log_loss, 4)}"
    rival = f"logistic regression {figure(skill.logit_log_loss, 4)}"
    null = f"chance allows {figure(kept.ece_null_high, 4)}"
    return {
        "AUC": estimate(skill.auc, lambda value: figure(value, 4)),
        "log loss": f"{figure(skill.log_loss, 4)}; {losses}, {rival}",
        "calibration error": f"{figure(kept.ece, 4)}; {null}",
        "judged by": f"{figure(skill.n_effective, 0)} effective labels of {skill.rows} rows",
    }
