"""Releases that wait for promotion: copies of a trained one with another verdict beside them."""

import json
from dataclasses import replace
from datetime import timedelta

from models.aliases import Role
from models.artifact import as_json, verify, write_release
from models.evaluation.sheet import Condition, GateVerdict
from models.manifest import GATE, release_id
from models.registry import Registry
from models.signing import ANY_UNSIGNED


def champion_of(root, scope):
    return json.loads((root / scope / "aliases.json").read_text())["champion"]


def gate(champion, *, is_passed=True):
    condition = Condition(
        name="earns per trade", group="money", is_met=is_passed, value="0.041%", limit="above 0",
        remedy="trade where it costs less",
    )  # fmt: skip
    return GateVerdict(
        is_passed=is_passed, sentence="It is so.", conditions=(condition,), champion_id=champion
    )


def challenger(root, scope, verdict, days=1, signer=None, **changes):
    """Write another release of a scope, judged as told, and let it wait in the shadow."""
    trust = ANY_UNSIGNED if signer is None else replace(signer.trust, tolerates_unsigned=True)
    known = verify(root / scope / champion_of(root, scope), trust=trust)
    at = known.manifest.created_at + timedelta(days=days)
    name = release_id(scope, "full_dataset", "cpu", at)
    manifest = replace(known.manifest, **{"release_id": name, "created_at": at, **changes})
    write_release(root, manifest, {**known.files, GATE: as_json(verdict)}, signer)
    Registry(root, trust=ANY_UNSIGNED).point(scope, {Role.CHALLENGER: name, Role.SHADOW: name})
    return name
