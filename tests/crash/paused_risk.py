"""A process that is paused within a verdict, by itself: `python -m tests.crash.paused_risk`.

It says `paused` before, and what it decided once it goes on.
"""

import json
import os
import signal
import sys
from dataclasses import replace
from decimal import Decimal
from threading import Event

from risk.app import build
from risk.settings import RiskSettings
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.history import last_events
from shared.bus.unit_of_work import Transactions
from shared.db.engine import connect
from shared.domain.clock import FollowingClock
from shared.domain.events import (
    RecommendationApproved,
    RecommendationDenied,
    RecommendationsIssued,
)
from shared.runtime.logging import configure
from shared.runtime.serve import Platform
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings, load
from tests.builders import ACCOUNT, CLOSED_AT, EQUITY, HOUR, RECOMMENDATION


def said(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main():
    configure(as_json=True, level="CRITICAL")
    settings = load(PlatformSettings)
    engine, clock, bell = (
        connect(settings.database()),
        FollowingClock(CLOSED_AT),
        InProcessDoorbell(),
    )
    is_armed = Event()

    def pause(producer, phase):
        if is_armed.is_set() and (producer, phase) == ("risk", "before"):
            is_armed.clear()
            said("paused")
            os.kill(os.getpid(), signal.SIGSTOP)

    def transactions(producer):
        return Transactions(engine, clock, bell, producer, pause)

    runtime = Runtime(settings=settings, clock=clock, doorbell=bell, transactions=transactions)
    service = build(RiskSettings(), runtime)
    (consumer,) = Platform([service], runtime).consumers
    consumer.subscribe()
    service.tasks[0].run(Event())
    outside = transactions("outside")
    with outside.begin() as uow:
        uow.emit(replace(EQUITY, positions=(), cash=Decimal(10_000)))
    consumer.handle_waiting()
    with outside.begin() as uow:
        uow.emit(
            RecommendationsIssued(
                account=ACCOUNT, decided_at=CLOSED_AT, origin="test",
                recommendations=(RECOMMENDATION,),
            )
        )  # fmt: skip
    is_armed.set()
    failures = 0
    while not decided(outside):
        try:
            consumer.handle_waiting()
        except Exception:  # noqa: BLE001 - as the consumer's own loop: what failed is tried again
            failures += 1
    said(json.dumps({"failures": failures, "decided": decided(outside)}))


def decided(transactions):
    """Return what was decided: `approved`, or the breaches of a denial."""
    found = []
    with transactions.read() as connection:
        for kind in (RecommendationApproved, RecommendationDenied):
            facts = last_events(
                connection, topic=kind.topic, stream=ACCOUNT, before=CLOSED_AT + HOUR, limit=9
            )
            found += [envelope.event for envelope in facts]
    return [
        [breach.check for breach in one.denied.breaches]
        if isinstance(one, RecommendationDenied)
        else "approved"
        for one in found
    ]


if __name__ == "__main__":
    main()
