"""`python -m tests.bench.halt_load ROLE PORT THREADS SIZE`: claims or verdicts without a pause.

It says how many transactions it has committed once its standard input is closed.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from launcher.assembly import build_services
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import Side
from shared.domain.events import RecommendationApproved, RecommendationsIssued
from shared.domain.ids import EventId, Symbol
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.verdict import Approved, decision_id
from shared.runtime.logging import configure
from shared.runtime.service import Runtime, build_runtime
from shared.runtime.settings import MarketSettings, PlatformSettings
from tests.bench.markets import names
from tests.builders import ACCOUNT, APPROVED, CLOSED_AT, RECOMMENDATION

SYMBOLS = names(64)
LIMITS = {
    "rule_based_ratio": 0.0005,
    "max_trades_per_day": 1_000_000,
    "max_orders_per_minute": 1_000_000,
    "min_barrier_costs": 0.0,
}


def runtime_at(port: int, folder: Path) -> Runtime:
    runtime = build_runtime(
        PlatformSettings(
            db_host="127.0.0.1",
            db_port=port,
            db_user="root",
            trading_state_dir=folder,
            market=MarketSettings(instruments=SYMBOLS),
        )
    )
    runtime.clock.observe(CLOSED_AT)
    return runtime


def proposal(number: int) -> Recommendation:
    symbol = Symbol(SYMBOLS[number % len(SYMBOLS)])
    named = recommendation_id(ACCOUNT, symbol, CLOSED_AT, Side.BUY, f"load:{number}")
    return replace(
        RECOMMENDATION, symbol=symbol, price=Decimal(100), edge=None, recommendation_id=named
    )


def approval(number: int) -> Approved:
    one = proposal(number)
    return replace(
        APPROVED,
        symbol=one.symbol,
        recommendation_id=one.recommendation_id,
        decision_id=decision_id(one.recommendation_id),
    )


def reviewing(runtime: Runtime, size: int) -> Callable[[int], object]:
    (service,) = build_services(runtime, ("risk",), risk=LIMITS)
    service.tasks[0].run(Event())
    handler: Any = service.handlers[RecommendationsIssued.topic]
    transactions = runtime.transactions("risk")

    def work(number: int) -> object:
        group = [proposal(size * number + place) for place in range(size)]
        return transactions.attempt(lambda uow: handler.__self__.review(group, uow))

    return work


def claiming(runtime: Runtime, _size: int) -> Callable[[int], object]:
    (service,) = build_services(runtime, ("executor",))
    handler: Any = service.handlers[RecommendationApproved.topic]
    handler.__self__.reconciler.reconcile()
    transactions = runtime.transactions("executor")

    def work(number: int) -> object:
        said = Envelope(
            event_id=EventId(f"load:{number}"),
            topic=RecommendationApproved.topic,
            occurred_at=CLOSED_AT,
            origin_at=CLOSED_AT,
            producer="risk",
            cause_id=None,
            event=RecommendationApproved(approved=approval(number)),
        )

        def claim(uow: UnitOfWork) -> None:
            handler([said], uow)

        return transactions.attempt(claim)

    return work


def main(role: str, port: int, threads: int, size: int) -> None:
    configure(as_json=True, level="CRITICAL")
    stop, numbers = Event(), count(time.monotonic_ns() // 1000)  # no number twice in one database
    with TemporaryDirectory() as folder:
        prepare = {"reviewers": reviewing, "claimers": claiming}[role]
        work = prepare(runtime_at(port, Path(folder)), size)

        def loop(_: int) -> int:
            done = 0
            while not stop.is_set():
                work(next(numbers))
                done += 1
            return done

        with ThreadPoolExecutor(threads) as pool:
            running = [pool.submit(loop, one) for one in range(threads)]
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            sys.stdin.read()
            stop.set()
            sys.stdout.write(f"{sum(one.result() for one in running)}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
