"""Why a release is not served, and what it must share with the engine that would serve it."""

from datetime import datetime
from typing import Literal, TypeAlias

from models.features import schema_hash
from models.manifest import FORMAT_VERSION, Manifest, TradedMarket
from shared.domain.errors import Refused

NEWEST_XGBOOST = (3, 2)
"""The newest writer whose files the reader is proven against (tests compare with the library)."""

Reason: TypeAlias = Literal[
    "unsigned",
    "bad_signature",
    "unknown_key",
    "expired",
    "reordered",
    "missing_file",
    "unexpected_file",
    "hash_mismatch",
    "schema_mismatch",
    "venue_mismatch",
    "interval_mismatch",
    "reference_mismatch",
    "format_mismatch",
    "symlink",
    "too_large",
    "unreadable_manifest",
    "unreadable_file",
    "newer_xgboost",
    "self_test",
    "gate",
    "pickle",
]


class ArtifactRefused(Refused):
    """A release that must not be served; `reason` is one of `Reason`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


def check_format(manifest: Manifest) -> None:
    """Refuse a release that this engine cannot read or has other features than.

    Raises:
        ArtifactRefused: it is such a one.
    """
    if manifest.format_version != FORMAT_VERSION:
        raise ArtifactRefused("format_mismatch", f"format {manifest.format_version}")
    if manifest.schema_hash != schema_hash(manifest.interval_seconds):
        raise ArtifactRefused("schema_mismatch", "trained on other features; train again")
    version = manifest.versions.get("xgboost", "")
    if not _is_readable(version):
        raise ArtifactRefused("newer_xgboost", f"written by xgboost {version or 'unknown'}")


def check_market(manifest: Manifest, market: TradedMarket) -> None:
    """Refuse a model that would be asked about candles unlike those it was made of.

    Raises:
        ArtifactRefused: it is such a one.
    """
    if manifest.venue != market.venue:
        raise ArtifactRefused(
            "venue_mismatch",
            f"trained on candles of '{manifest.venue}', those of '{market.venue}' are served",
        )
    if manifest.interval_seconds != market.interval.seconds:
        raise ArtifactRefused(
            "interval_mismatch",
            f"trained on {manifest.interval_seconds} s candles, "
            f"{market.interval.seconds} s are served",
        )
    for symbol, reference in manifest.references.items():
        served = market.references.get(symbol, reference)
        if served != reference:
            raise ArtifactRefused(
                "reference_mismatch",
                f"{symbol} was measured against {reference}, {served} is served beside it",
            )


def _is_readable(version: str) -> bool:
    parts = version.split(".")[:2]
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        return False
    return tuple(int(part) for part in parts) <= NEWEST_XGBOOST


def check_expiry(manifest: Manifest, now: datetime | None) -> None:
    """Refuse a release that is too old; without an instant none is.

    Raises:
        ArtifactRefused: it has expired.
    """
    ends = manifest.expires_at
    if now is not None and ends is not None and now >= ends:
        raise ArtifactRefused("expired", f"{manifest.release_id} was good until {ends}")


def check_gate(manifest: Manifest) -> None:
    """Refuse a release that did not pass the gate: with real money only proven models speak.

    Raises:
        ArtifactRefused: it failed, or was never judged.
    """
    if manifest.gate_passed is not True:
        told = "was never judged by the gate" if manifest.gate_passed is None else "did not pass it"
        raise ArtifactRefused("gate", f"{manifest.release_id} {told}; live serves none such")
