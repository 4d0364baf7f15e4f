"""Gathers what the gate of live trading judges by."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from executor.core.gate import Evidence, fingerprint_of, objections
from executor.repository.consents import find_consent
from executor.settings import ExecutorSettings
from shared.db.dialect import db_now
from shared.db.schema import schema_revision
from shared.http.keys import stored_keys
from shared.runtime.logging import get_logger
from shared.runtime.service import Runtime
from shared.runtime.settings import ConfigurationError, Mode
from venues.errors import VenueError
from venues.naming import is_real
from venues.port import SpotVenue, VenueKeys, VenueName

log = get_logger()

T = TypeVar("T")

# what makes a commit durable, and what each must be
_DURABLE = {"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What wants to trade: `schema_wanted` is the revision this release was written for."""

    settings: ExecutorSettings
    runtime: Runtime
    venue: SpotVenue
    keys: VenueKeys
    schema_wanted: str


def refuse_unless_live_may_start(candidate: Candidate) -> None:
    """Let live mode start only when nothing at all speaks against it.

    Raises:
        ConfigurationError: with every reason and what to do about each.
    """
    found = objections(gather(candidate))
    if found:
        lines = "\n".join(f"  - {one}" for one in found)
        raise ConfigurationError(f"live trading is refused:\n{lines}")


def gather(candidate: Candidate) -> Evidence:
    settings, runtime, venue = candidate.settings, candidate.runtime, candidate.venue
    platform, name = runtime.settings, candidate.venue.name
    is_embedded = platform.database().is_embedded
    with runtime.transactions("gate").read() as connection:
        now = db_now(connection)
        at_fault = () if is_embedded else _at_fault(connection)
        schema = schema_revision(connection)
        consent = _where_there_is(lambda: find_consent(connection, platform.account))
        has_stored_keys = bool(_where_there_is(lambda: stored_keys(connection)))
    may_ask = settings.is_enabled(name) and bool(candidate.keys.key)
    return Evidence(
        venue=name,
        is_enabled=settings.is_enabled(name),
        is_real_address=is_real(settings.address(name)) and settings.venue_url is None,
        has_venue_key=bool(candidate.keys.key and candidate.keys.secret),
        fingerprint=fingerprint_of(platform.account, name, candidate.keys.key),
        confirmed=platform.trading_live_confirm,
        consent=consent,
        now=now,
        api_keys=platform.key_texts(),
        has_stored_keys=has_stored_keys,
        permissions=_asked("key_permissions", venue.key_permissions) if may_ask else None,
        is_said_not_to_withdraw=settings.key_cannot_withdraw,
        max_order_notional=settings.ceilings().max_order_notional,
        max_orders_per_minute=settings.max_orders_per_minute,
        clock_offset=_asked("server_time", lambda: _offset(venue, runtime)) if may_ask else None,
        is_embedded_database=is_embedded,
        settings_at_fault=at_fault,
        schema=schema,
        schema_wanted=candidate.schema_wanted,
        has_redis=platform.redis_host is not None,
    )


def refuse_wrong_place(settings: ExecutorSettings, mode: Mode, name: VenueName) -> None:
    """Keep invented money from real venues, and real money from invented ones.

    Raises:
        ConfigurationError: paper without a simulator, or any mode but live at a real venue.
    """
    if mode is Mode.LIVE:
        return
    if mode is Mode.MOCK:
        raise ConfigurationError(
            f"EXECUTOR__VENUE: mock mode follows the time of its candles, {name} does not; "
            "use paper mode (or leave it at simulated)"
        )
    if settings.venue_url is None or is_real(settings.address(name)):
        raise ConfigurationError(
            "EXECUTOR__VENUE_URL: paper mode sends no order to a real venue; give the address of "
            "a simulator ('trading simulator up' prints it), or leave EXECUTOR__VENUE at simulated"
        )


def refuse_missing_key(
    settings: ExecutorSettings, mode: Mode, name: VenueName, keys: VenueKeys
) -> None:
    """Refuse to trade at a simulator without its key; in live the gate says it, with all else.

    Raises:
        ConfigurationError: no key to trade with, or a part of it is missing.
    """
    parts = {"API_KEY": keys.key, "API_SECRET": keys.secret}
    if name is VenueName.KUCOIN:
        parts["API_PASSPHRASE"] = keys.passphrase
    missing = ", ".join(f"{name.upper()}_{part}" for part, value in parts.items() if not value)
    if missing and mode is Mode.PAPER and settings.venue_url is not None:
        raise ConfigurationError(
            f"{missing}: not set; 'trading simulator up' prints the key of its {name}"
        )


def _asked(what: str, ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except VenueError as error:
        log.warning("gate.not_answered", asked=what, error=error.detail)
        return None


def _offset(venue: SpotVenue, runtime: Runtime) -> timedelta:
    before: datetime = runtime.clock.now()
    theirs = venue.server_time()
    after = runtime.clock.now()
    return theirs - (before + (after - before) / 2)


def _at_fault(connection: Connection) -> tuple[str, ...]:
    rows = connection.execute(text("SHOW GLOBAL VARIABLES")).all()
    found = {str(row[0]): str(row[1]) for row in rows}
    return tuple(
        f"{name} = {wanted} (it is {found.get(name)})"
        for name, wanted in _DURABLE.items()
        if found.get(name) != wanted
    )


def _where_there_is(read: Callable[[], T]) -> T | None:
    """Return what a table says, None in a database that does not have it yet."""
    try:
        return read()
    except DBAPIError:
        return None
