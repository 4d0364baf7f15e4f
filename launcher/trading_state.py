"""`trading halt|reduce|resume`: through risk, or without it, straight to the database."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from launcher.client import Platform
from launcher.console import err, out
from launcher.demonstration import demonstration
from launcher.person import person
from launcher.trouble import of_database
from risk.app import opening_of, own_transactions, watch_of
from risk.handlers.state import plain
from risk.repository.policy import find_state
from risk.settings import RiskSettings
from shared.db.engine import DatabaseAddress
from shared.domain.enums import TradingState
from shared.domain.errors import BadInput, Unavailable
from shared.runtime.logging import configure
from shared.runtime.serve import resume_time
from shared.runtime.service import build_runtime, new_metrics
from shared.runtime.settings import PlatformSettings, load

if TYPE_CHECKING:
    from shared.bus.unit_of_work import UnitOfWork

Reason = Annotated[
    str, typer.Option("--reason", help="Why, in 3 to 200 ASCII characters; for the audit.")
]
Direct = Annotated[
    bool, typer.Option("--direct", help="Write to the database itself; no service is asked.")
]
_SHORTEST_REASON = 3
_COMMANDS: Mapping[TradingState, str] = {
    TradingState.HALT: "halt",
    TradingState.REDUCE: "reduce",
    TradingState.RUN: "resume",
}


def halt(reason: Reason = "by hand", direct: Direct = False) -> None:
    """Stop all new orders; cancels still pass."""
    _set(TradingState.HALT, reason, direct=direct)


def reduce(reason: Reason = "by hand", direct: Direct = False) -> None:
    """Let only orders pass that make positions smaller."""
    _set(TradingState.REDUCE, reason, direct=direct)


def resume(reason: Reason = "by hand", direct: Direct = False) -> None:
    """Trade again, unless what stopped it still holds."""
    _set(TradingState.RUN, reason, direct=direct)


def _set(state: TradingState, reason: str, *, direct: bool) -> None:
    settings = load(PlatformSettings)
    answer = None if direct else _asked_of_risk(settings, state, reason)
    if answer is None:
        answer = _written(settings, state, reason)
    out.print(f"Trading state is now [bold]{answer['state']}[/] (version {answer['version']}).")
    if answer["state"] != state:
        out.print(f"Not {state}: {answer['reason']}", markup=False, soft_wrap=True)


def _asked_of_risk(
    settings: PlatformSettings, state: TradingState, reason: str
) -> Mapping[str, Any] | None:
    """Return what risk answered; None where it cannot, and the person wants to do without it.

    Raises:
        Unavailable: it cannot, and nobody wants that, or nobody is there to be asked.
    """
    command = _COMMANDS[state]
    try:
        return Platform(settings).post("risk", f"/{command}", {"reason": reason})
    except Unavailable as error:
        if not _is_somebody_there():
            remedy = f"'trading {command} --direct' writes to the database without it"
            raise Unavailable(f"{error.detail}; nothing was changed: {remedy}") from error
        err.print(f"Nothing was changed yet: {error.detail}", markup=False, soft_wrap=True)
        if not typer.confirm("Write it to the database without asking risk?", err=True):
            raise
    return None


def _is_somebody_there() -> bool:
    return sys.stdin.isatty()


def _written(settings: PlatformSettings, state: TradingState, reason: str) -> Mapping[str, Any]:
    """Do what risk would have done: the same transaction, the same audit, the same fact."""
    why = plain(reason)
    if len(why) < _SHORTEST_REASON:
        raise BadInput("--reason", "it says nothing", "give at least three ASCII characters")
    configure(as_json=not sys.stderr.isatty(), level="ERROR", secrets=settings.secrets())
    runtime = build_runtime(settings)
    policy = load(RiskSettings, **demonstration(settings).get("risk", {}))
    opening = opening_of(policy, settings)
    watch = watch_of(policy, opening, new_metrics())
    actor = person()

    def work(uow: "UnitOfWork") -> Mapping[str, Any]:
        watch.press(uow, state, actor, why)
        row = find_state(uow.connection, opening.account)
        assert row is not None
        return {"state": row.state, "version": row.version, "reason": row.reason}

    try:
        resume_time(runtime)
        written = own_transactions(runtime).attempt(work)
    except SQLAlchemyError as error:
        remedy = "'trading panic' cancels at the venues without it"
        raise Unavailable(f"nothing was changed: {of_database(error).detail}; {remedy}") from error
    _tell(settings.database(), TradingState(written["state"]))
    return written


def _tell(address: DatabaseAddress, state: TradingState) -> None:
    place = str(address.file) if address.is_embedded else f"{address.host}:{address.port}"
    told = f"Written to the database {place}; risk was not asked. It binds every claim from now on"
    if state is not TradingState.RUN:
        told += ", whichever services run; an executor cancels resting entries as soon as it runs"
    out.print(f"{told}.", markup=False, soft_wrap=True)
