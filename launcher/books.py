"""`trading books verify|rebuild`: the books against what they follow from, row by row."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from launcher.books_told import ExecutorsFills
from launcher.console import FAILED, err, out, print_json
from launcher.options import AsJson
from launcher.person import person
from launcher.progress import counting
from portfolio.core.proof import Proof
from portfolio.handlers import Bookkeeper
from portfolio.repository.journal import lock_account
from portfolio.repository.proving import Prover
from portfolio.repository.stored import PROJECTIONS
from portfolio.settings import PortfolioSettings
from shared.bus.unit_of_work import UnitOfWork
from shared.db.dialect import db_now
from shared.db.engine import READ_ONLY, connect
from shared.domain.errors import Refused
from shared.runtime.service import build_runtime, new_metrics
from shared.runtime.settings import PlatformSettings, load

_PRODUCER = "portfolio"

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def verify(as_json: AsJson = False) -> None:
    """Work the books out again and compare every row; exit 1 names those that differ."""
    settings = load(PlatformSettings)
    with _at_one_moment(settings) as connection, counting("Books") as report:
        told = ExecutorsFills(account=settings.account)
        proof = Prover(connection, settings.account, told, report).prove()
    _show(proof, as_json=as_json)
    if not proof.agrees:
        sys.exit(FAILED)


def rebuild(yes: Yes = False, as_json: AsJson = False) -> None:
    """Write positions, balances, lots and round trips anew, as fills and movements made them.

    Fills that nobody ever heard of are booked first.
    """
    settings = load(PlatformSettings)
    if not yes:
        _ask(settings.account)
    runtime = build_runtime(settings)
    with counting("Books") as report:

        def work(uow: UnitOfWork) -> Proof:
            lock_account(uow.connection, settings.account)  # whoever books waits until this is done
            told = ExecutorsFills(account=settings.account)
            heard = _hear_lost(uow, settings, told)
            at = db_now(uow.connection)
            proof = Prover(uow.connection, settings.account, told, report, repaired_at=at).prove()
            _refuse_beyond_repair(proof)
            if proof.repaired or heard:
                detail = {
                    "rows": proof.repaired,
                    "tables": sorted(proof.tables),
                    "fills_heard": heard,
                }
                uow.audit(person(), "books.rebuilt", settings.account, detail)
            return proof

        proof = runtime.transactions(_PRODUCER).attempt(work)
    _show(proof, as_json=as_json)


def _hear_lost(uow: UnitOfWork, settings: PlatformSettings, told: ExecutorsFills) -> int:
    """Book fills that were written down and never heard of, as if they were told now."""
    lost = [source for source, is_waiting in told.unbooked(uow.connection) if not is_waiting]
    if not lost:
        return 0
    policy = load(PortfolioSettings).policy(settings)
    bookkeeper = Bookkeeper(policy=policy, metrics=new_metrics())
    facts = told.facts(uow.connection, lost)
    bookkeeper.on_order_filled(facts, uow)
    return len(facts)


def _refuse_beyond_repair(proof: Proof) -> None:
    """See that only what follows from the bookings differs from them.

    Raises:
        Refused: bookings, entries or fills contradict one another; nothing is written.
    """
    wrong = sorted(proof.tables - PROJECTIONS)
    if not wrong:
        return
    first = next(one for one in proof.findings if one.table in wrong)
    raise Refused(
        f"{', '.join(wrong)} cannot be worked out again, and nothing was written: "
        f"{first.table} {first.key} {first.column} is {first.stored}, not {first.rebuilt}"
    )


@contextmanager
def _at_one_moment(settings: PlatformSettings) -> Generator[Connection]:
    """Give a connection that sees the books as they are now, whatever is booked meanwhile."""
    engine = connect(settings.database())
    options: dict[str, Any] = {READ_ONLY: True}
    if not settings.database().is_embedded:
        options["isolation_level"] = "REPEATABLE READ"
    try:
        with engine.execution_options(**options).connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _ask(account: str) -> None:
    out.print(f"This rewrites what {account} holds and has earned, wherever it differs.")
    out.print("Nothing is booked while it runs; best stop the platform first.")
    if not typer.confirm("Rebuild the books?"):
        raise Refused("nothing was written")


def _show(proof: Proof, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(proof))
        return
    out.print(
        f"{proof.bookings} bookings with {proof.entries} entries, {proof.fills} fills, "
        f"{proof.lots} lots, {proof.trips} round trips.",
        soft_wrap=True,
    )
    if proof.waiting:
        out.print(f"{proof.waiting} fills are written down and not booked yet; that is usual.")
    for one in proof.findings:
        err.print(
            f"{one.table} {one.key} {one.column}: stored {one.stored}, rebuilt {one.rebuilt}",
            style="bold red",
            markup=False,
            soft_wrap=True,
        )
    if proof.unnamed:
        err.print(f"... and {proof.unnamed} more.", style="bold red")
    if proof.repaired:
        out.print(f"{proof.repaired} rows were written anew.")
    elif proof.agrees:
        out.print("Every row is what fills and movements make of it.")


def _document(proof: Proof) -> dict[str, Any]:
    return {
        "agrees": proof.agrees,
        "bookings": proof.bookings,
        "entries": proof.entries,
        "fills": proof.fills,
        "lots": proof.lots,
        "trips": proof.trips,
        "waiting": proof.waiting,
        "repaired": proof.repaired,
        "differences": proof.findings,
        "unnamed": proof.unnamed,
    }
