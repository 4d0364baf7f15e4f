"""Whether real money may be traded: everything at once, and every reason that it may not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from math import log2

from shared.domain.values import to_text
from shared.domain.venue import KeyPermissions

LARGEST_OFFSET = timedelta(milliseconds=500)
_LEAST_KEY_BITS = 96.0
_WEAK_WORDS = ("changeme", "super-secret", "password", "example", "trading")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A person's word, kept in the database, that an account may trade real money.

    `fingerprint` names account, venue and key; `actor` gave the word.
    """

    fingerprint: str
    actor: str
    given_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known before a live start; None where it could not be found out.

    `api_keys` are the configured keys of this platform, `settings_at_fault` names what the database
    server must be told, `schema` and `schema_wanted` are revisions. `is_said_not_to_withdraw` is a
    person's word, which counts only where the venue does not tell.
    """

    venue: str
    is_enabled: bool
    is_real_address: bool
    has_venue_key: bool
    fingerprint: str
    confirmed: str
    consent: Consent | None
    now: datetime
    api_keys: tuple[str, ...]
    has_stored_keys: bool
    permissions: KeyPermissions | None
    is_said_not_to_withdraw: bool
    max_order_notional: Decimal | None
    max_orders_per_minute: int | None
    clock_offset: timedelta | None
    is_embedded_database: bool
    settings_at_fault: tuple[str, ...]
    schema: str | None
    schema_wanted: str | None
    has_redis: bool


def fingerprint_of(account: str, venue: str, api_key: str) -> str:
    """Return the words that name one account at one venue with one key, and nothing secret."""
    return sha256(f"{account}|{venue}|{api_key}".encode()).hexdigest()[:16]


def objections(evidence: Evidence) -> tuple[str, ...]:
    """Return every reason against a live start, each with what to do about it."""
    return (
        *_about_the_venue(evidence),
        *_about_consent(evidence),
        *_about_keys(evidence),
        *_about_limits(evidence),
        *_about_clock_and_database(evidence),
    )


def _about_the_venue(evidence: Evidence) -> list[str]:
    found: list[str] = []
    name = evidence.venue.upper()
    if not evidence.is_enabled:
        found.append(
            f"EXECUTOR__{name}_ENABLED: trading on {evidence.venue} is off; set it to true"
        )
    if not evidence.is_real_address:
        found.append("EXECUTOR__VENUE_URL: live trades at the venue itself; leave it unset")
    if not evidence.has_venue_key:
        found.append(f"{name}_API_KEY: live needs the key of the account")
    return found


def _about_consent(evidence: Evidence) -> list[str]:
    found: list[str] = []
    if evidence.confirmed != evidence.fingerprint:
        found.append(
            "TRADING_LIVE_CONFIRM: must be the fingerprint of the account, "
            f"{evidence.fingerprint} (it is '{evidence.confirmed}')"
        )
    consent = evidence.consent
    remedy = "run 'trading live enable' against this database"
    if consent is None:
        found.append(f"no consent to live trading is in the database; {remedy}")
    elif consent.fingerprint != evidence.fingerprint:
        found.append(f"the consent in the database is for another account or key; {remedy}")
    elif evidence.now >= consent.ends_at:
        found.append(f"the consent in the database ended {consent.ends_at.isoformat()}; {remedy}")
    return found


def _about_keys(evidence: Evidence) -> list[str]:
    found = [
        f"TRADING_API_KEYS: key {number} is weak; make one with 'openssl rand -hex 32'"
        for number, key in enumerate(evidence.api_keys, 1)
        if is_weak(key)
    ]
    if not evidence.api_keys and not evidence.has_stored_keys:
        found.append("TRADING_API_KEYS: live needs at least one key")
    permissions = evidence.permissions
    if not evidence.is_enabled:  # a venue that is off is not asked anything
        return found
    if permissions is None:
        found.append("what the venue's key may do could not be read; see the log")
        return found
    if permissions.may_withdraw:
        found.append("the venue's key may withdraw; make one that cannot")
    if permissions.may_withdraw is None and not evidence.is_said_not_to_withdraw:
        found.append(
            "EXECUTOR__KEY_CANNOT_WITHDRAW: the venue does not tell whether this key may withdraw; "
            "look on its page, and set this to true only if it cannot"
        )
    if not permissions.may_trade or not permissions.may_read:
        found.append("the venue's key must be allowed to read and to trade")
    return found


def is_weak(key: str) -> bool:
    """Tell whether a key could be guessed: known words, or too little variety for its length."""
    lowered = key.lower()
    if any(word in lowered for word in _WEAK_WORDS):
        return True
    counts = [key.count(one) for one in set(key)]
    bits = -sum(count * log2(count / len(key)) for count in counts)
    return bits < _LEAST_KEY_BITS


def _about_limits(evidence: Evidence) -> list[str]:
    found: list[str] = []
    notional = evidence.max_order_notional
    if notional is None or notional <= 0:
        text = "unset" if notional is None else to_text(notional)
        found.append(
            f"EXECUTOR__MAX_ORDER_NOTIONAL: live needs the largest order, in quote (it is {text})"
        )
    if evidence.max_orders_per_minute is None:
        found.append("EXECUTOR__MAX_ORDERS_PER_MINUTE: live needs how many entries may be sent")
    return found


def _about_clock_and_database(evidence: Evidence) -> list[str]:
    found: list[str] = []
    offset = evidence.clock_offset
    if not evidence.is_enabled:
        offset = timedelta()
    if offset is None:
        found.append("the venue's clock could not be read; see the log")
    elif abs(offset) > LARGEST_OFFSET:
        seconds = offset.total_seconds()
        found.append(f"this machine's clock is {seconds:.3f} s off the venue's; run NTP")
    if evidence.is_embedded_database:
        found.append("DB_HOST: live keeps its books on a MySQL or MariaDB server")
    if not evidence.has_redis:
        found.append("REDIS_HOST: live shares rate limits and doorbells through Redis")
    found += [f"the database server must have {one}" for one in evidence.settings_at_fault]
    if evidence.schema != evidence.schema_wanted:
        found.append(
            f"the schema is at {evidence.schema}, this release needs {evidence.schema_wanted}; "
            "run 'trading db migrate'"
        )
    return found
