"""Changing the trading state: by a person, or by the brake."""

from typing import Any

from sqlalchemy import Connection, Row

from risk.repository import policy
from risk.repository.policy import Opening, lock_state, open_account, save_state
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import TradingState
from shared.domain.events import TradingStateChanged
from shared.domain.ids import AccountId
from shared.runtime.metrics import Metrics

BRAKE = "risk"


def change_state(
    uow: UnitOfWork, opening: Opening, state: TradingState, actor: str, reason: str
) -> TradingStateChanged | None:
    """Set and announce the state; None where it is already in force, so that asking twice is once.

    The exclusive lock waits for claims in flight: after the commit no order is claimed that the
    new state forbids.
    """
    row = lock_state(uow.connection, opening.account)
    if row is None:
        open_account(uow, opening)
        row = lock_state(uow.connection, opening.account)
        assert row is not None
    if row.state == state:
        return None
    return _set(uow, row, state, (actor, reason))


def apply_brake(uow: UnitOfWork, opening: Opening, reason: str) -> TradingStateChanged | None:
    """Stop entries of a running account; never loosens what a person has set meanwhile."""
    row = lock_state(uow.connection, opening.account)
    if row is None or row.state != TradingState.RUN:
        return None
    return _set(uow, row, TradingState.REDUCE, (BRAKE, reason))


def _set(
    uow: UnitOfWork, row: Row[Any], state: TradingState, note: tuple[str, str]
) -> TradingStateChanged:
    actor, reason = note
    changed = TradingStateChanged(
        account=row.account,
        state=state,
        version=row.version + 1,
        actor=actor,
        reason=reason,
        changed_at=uow.now,
    )
    save_state(uow, changed)
    uow.emit(changed)
    return changed


def show_state(metrics: Metrics, state: TradingState) -> None:
    for one in TradingState:
        metrics.trading_state.labels(state=one).set(int(one is state))


def current_state(connection: Connection, account: AccountId) -> TradingState:
    """Return the state without holding it up; to decide by it, share-lock it instead."""
    row = policy.find_state(connection, account)
    return TradingState.HALT if row is None else TradingState(row.state)
