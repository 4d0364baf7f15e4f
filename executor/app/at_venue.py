"""The executor of a venue behind a network: one lease, one journal, and a task for each duty."""

import os
import socket

from fastapi import FastAPI

from executor.app.evidence import (
    Candidate,
    refuse_missing_key,
    refuse_unless_live_may_start,
    refuse_wrong_place,
)
from executor.app.hearing import handlers_of
from executor.app.name import NAME, POLL_SECONDS, PORT
from executor.handlers.announce import count_from_zero
from executor.handlers.journal import Journal
from executor.handlers.venue_wishes import VenueWishes
from executor.routes import Desk, router
from executor.routes.answers import InstrumentOut, VenueOut
from executor.routes.warden import Warden, warden_router
from executor.settings import ExecutorSettings, venue_keys
from executor.tasks.balancing import Balances
from executor.tasks.board import Board
from executor.tasks.canceling import Canceler
from executor.tasks.hearing import Listener
from executor.tasks.leading import Leader, Leadership
from executor.tasks.line import CANCELER, SENDER, Line
from executor.tasks.looking import Looker
from executor.tasks.protecting import Protector
from executor.tasks.quoting import Quoter
from executor.tasks.sending import Sender
from executor.tasks.syncing import Syncer
from executor.tasks.timing import Timekeeper
from shared.db.base import SCHEMA_REVISION
from shared.domain.clock import SystemClock
from shared.http.probes import Check
from shared.runtime.logging import hide
from shared.runtime.metrics import Metrics
from shared.runtime.service import Runtime, Service, Work, crash_points, create_api, new_metrics
from shared.runtime.settings import Mode
from venues.budget import Budget, LocalBudget
from venues.opening import Credentials, dialect_of, open_venue
from venues.port import VenueKeys, VenueName
from venues.redis_budget import RedisBudget, connect

# a paused executor, or one whose machine is gone, must keep neither its successor from the lease
# nor anybody from the halt: both wait for its locks
_IDLE_SECONDS = 2
_PODS = 2  # one acts, one may be taking over


def build_at_venue(name: VenueName, settings: ExecutorSettings, runtime: Runtime) -> Service:
    """Return the executor that trades at `name`.

    Raises:
        ConfigurationError: mode and venue do not go together, or live trading is refused.
    """
    metrics = new_metrics(NAME)
    keys = venue_keys(name)
    hide([keys.key, keys.secret, keys.passphrase])
    refuse_wrong_place(settings, runtime.settings.mode, name)
    refuse_missing_key(settings, runtime.settings.mode, name, keys)
    reach = crash_points(runtime.settings.trading_crash_at)
    credentials = Credentials(
        keys=keys,
        address=settings.address(name),
        budget=_budget(name, keys, runtime),
        reach=reach,
    )
    count_from_zero(name, metrics)
    line = _line(credentials, settings, runtime, metrics, name)
    if runtime.settings.mode is Mode.LIVE:
        candidate = Candidate(
            settings=settings,
            runtime=runtime,
            venue=line.venue,
            keys=keys,
            schema_wanted=SCHEMA_REVISION,
        )
        refuse_unless_live_may_start(candidate)
    listener = Listener(
        line=line,
        dialect=dialect_of(name, credentials),
        authority=credentials.address.authority,
    )
    return _service(line, listener, runtime)


def _budget(name: VenueName, keys: VenueKeys, runtime: Runtime) -> Budget:
    """Share the venue's rate limits with every process that uses this key, where there is Redis."""
    address = runtime.settings.redis()
    if address is None:
        return LocalBudget(venue=name)
    return RedisBudget(client=connect(address), venue=name, api_key=keys.key, pods=_PODS)


def _line(
    credentials: Credentials,
    settings: ExecutorSettings,
    runtime: Runtime,
    metrics: Metrics,
    name: VenueName,
) -> Line:
    platform = runtime.settings
    transactions = runtime.transactions(NAME).hurried(_IDLE_SECONDS)

    def observe(operation: str, outcome: str, seconds: float) -> None:
        metrics.venue_request_seconds.labels(name, operation, outcome).observe(seconds)

    board = Board(clock=runtime.clock)
    journal = Journal(
        transactions=transactions,
        account=platform.account,
        venue=name,
        metrics=metrics,
        lots=board.lots,
        reach=credentials.reach,
    )
    return Line(
        account=platform.account,
        mode=platform.mode,
        venue=open_venue(name, credentials, observe),
        symbols=platform.market.symbols,
        transactions=transactions,
        journal=journal,
        board=board,
        leadership=Leadership(holder=_holder()),
        policy=settings.policy(platform),
        ceilings=settings.ceilings(),
        guard=settings.guard(platform),
        pauses=settings.pauses(),
        metrics=metrics,
        reach=credentials.reach,
    )


def _holder() -> str:
    """Return a name that no other process has, on this machine or another."""
    started = SystemClock().now().isoformat(timespec="milliseconds")
    return f"{socket.gethostname()}:{os.getpid()}:{started}"


def _service(line: Line, listener: Listener, runtime: Runtime) -> Service:
    leader = Leader(
        leadership=line.leadership,
        account=line.account,
        transactions=line.transactions,
        metrics=line.metrics,
    )
    looker = Looker(line=line)
    balances = Balances(line=line)
    syncer = Syncer(
        line=line, looker=looker, balances=balances, interval=runtime.settings.market.interval
    )
    api = create_api(
        name=NAME,
        title="Executor",
        runtime=runtime,
        metrics=line.metrics,
        checks=[
            Check(name="leader", problem=leader.problem),
            Check(name="recovered", problem=lambda: line.board.problem(line.leadership.token)),
            Check(name="balances", problem=lambda: line.board.mismatch),
        ],
    )
    _add_routes(api, line, syncer, balances)
    return Service(
        name=NAME,
        port=PORT,
        api=api,
        metrics=line.metrics,
        handlers=handlers_of(line, runtime),
        tasks=(
            Work(name="leader", run=leader.run),
            Work(name="timekeeper", run=Timekeeper(line=line).run),
            Work(name="syncer", run=syncer.run),
            Work(name="sender", run=Sender(line=line).run),
            Work(name="canceler", run=Canceler(line=line).run),
            Work(name="looker", run=looker.run),
            Work(name="resolver", run=looker.run_rounds),
            Work(name="protector", run=Protector(line=line).run),
            Work(name="quoter", run=Quoter(line=line).run),
            Work(name="listener", run=listener.run),
        ),
        poll_seconds=POLL_SECONDS,
        idle_seconds=_IDLE_SECONDS,
    )


def _add_routes(api: FastAPI, line: Line, syncer: Syncer, balances: Balances) -> None:
    wishes = VenueWishes(
        account=line.account,
        mode=line.mode,
        transactions=line.transactions,
        journal=line.journal,
        ring_sender=lambda: line.ring(SENDER),
        ring_canceler=lambda: line.ring(CANCELER),
    )
    desk = Desk(
        transactions=line.transactions,
        account=line.account,
        wishes=wishes,
        symbols=line.symbols,
        venues=lambda: [_venue(line)],
        reconcile=syncer.reconcile,
    )
    api.include_router(router(desk))
    api.include_router(
        warden_router(
            Warden(
                transactions=line.transactions,
                account=line.account,
                thaw=wishes.thaw,
                accept=balances.accept,
                close=wishes.close,
            )
        )
    )


def _venue(line: Line) -> VenueOut:
    known = [rules for one in line.symbols if (rules := line.board.rules(one)) is not None]
    return VenueOut(
        name=line.venue.name,
        kind=line.venue.name,
        is_in_process=False,
        instruments=[InstrumentOut.model_validate(one.instrument) for one in known],
        problem=line.board.problem(line.leadership.token)
        or line.board.mismatch
        or line.board.silence,
    )
