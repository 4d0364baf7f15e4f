"""The limits in force and the trading state: what people set, version by version."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from risk.core.funds import quote_of
from risk.core.limits import RiskLimits
from risk.repository.market import Shelf
from risk.repository.tape_cache import TapeCache
from risk.tables import risk_limits
from shared.bus.codec import from_builtins
from shared.bus.unit_of_work import UnitOfWork, datetime_now
from shared.db.control import control
from shared.db.dialect import for_update, insert_missing, upsert
from shared.db.statements import Prepared, given
from shared.domain.clock import EPOCH
from shared.domain.enums import TradingState
from shared.domain.events import TradingStateChanged
from shared.domain.ids import AccountId, Symbol

CONFIGURATION = "configuration"
_newest = (
    select(risk_limits)
    .where(given(risk_limits.c.account))
    .order_by(risk_limits.c.version.desc())
    .limit(1)
)
_state = select(control).where(given(control.c.account))
_NEWEST = Prepared(_newest)
_NEWEST_BY = Prepared(_newest.where(given(risk_limits.c.actor)))
_STATE = Prepared(_state)
_LOCKED_STATE = Prepared(for_update(_state))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an account starts with: the configured limits, and whether it may trade at once.

    `quote`: the asset that its amounts are in. `venues`: where each instrument is traded.
    `shelf`: whose candles tell of its market; `needs_quotes`: a venue has best prices to tell
    besides, so entries wait for them. `tapes`: what is remembered of what those candles say.
    """

    account: AccountId
    quote: str
    limits: RiskLimits
    state: TradingState
    shelf: Shelf
    needs_quotes: bool = False
    venues: Mapping[Symbol, str] = field(default_factory=dict[Symbol, str])
    tapes: TapeCache = field(default_factory=TapeCache, compare=False, repr=False)

    @property
    def quotes(self) -> frozenset[str]:
        """Return what instruments are paid in."""
        return frozenset(map(quote_of, self.venues))


def open_account(uow: UnitOfWork, opening: Opening) -> None:
    """Make sure there is a trading state, and limits as configured; call it under the lock.

    Limits set by a person stay until the configuration itself changes: the latest word counts.
    """
    connection = uow.connection
    row = {
        "account": opening.account,
        "state": opening.state,
        "version": 1,
        "actor": CONFIGURATION,
        "reason": "first start",
        "changed_at": _date_of(uow),
    }
    insert_missing(connection, control, [row])
    latest = find_limits(connection, opening.account)
    configured = find_limits(connection, opening.account, actor=CONFIGURATION)
    if configured is None or replace(configured.limits, version=0) != opening.limits:
        version = 1 if latest is None else latest.limits.version + 1
        add_limits(uow, opening.account, replace(opening.limits, version=version))


def _date_of(uow: UnitOfWork) -> datetime:
    """Return the date of what is opened; the wall's until a clock of candles has heard of one."""
    return uow.now if uow.now > EPOCH else datetime_now()


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsRecord:
    limits: RiskLimits
    actor: str
    created_at: datetime


def find_limits(
    connection: Connection, account: AccountId, actor: str | None = None
) -> LimitsRecord | None:
    """Return the newest limits (`actor`: the newest set by that one)."""
    row = (
        _NEWEST.first(connection, account=account)
        if actor is None
        else _NEWEST_BY.first(connection, account=account, actor=actor)
    )
    if row is None:
        return None
    return LimitsRecord(
        limits=from_builtins(row.limits, RiskLimits), actor=row.actor, created_at=row.created_at
    )


def add_limits(
    uow: UnitOfWork, account: AccountId, limits: RiskLimits, actor: str = CONFIGURATION
) -> None:
    row = {
        "account": account,
        "version": limits.version,
        "limits": limits,
        "actor": actor,
        "created_at": _date_of(uow),
    }
    uow.connection.execute(insert(risk_limits).values(row))
    uow.audit(actor, "limits.changed", account, limits)


def find_state(connection: Connection, account: AccountId) -> Row[Any] | None:
    return _STATE.first(connection, account=account)


def lock_state(connection: Connection, account: AccountId) -> Row[Any] | None:
    """Return the trading state once no claim is in flight; none is made until the commit."""
    return _LOCKED_STATE.first(connection, account=account)


def save_state(uow: UnitOfWork, changed: TradingStateChanged) -> None:
    row = {
        "account": changed.account,
        "state": changed.state,
        "version": changed.version,
        "actor": changed.actor,
        "reason": changed.reason,
        "changed_at": changed.changed_at,
    }
    upsert(uow.connection, control, [row], key=("account",))
    detail = {"state": changed.state, "version": changed.version, "reason": changed.reason}
    uow.audit(changed.actor, "trading_state.changed", changed.account, detail)
