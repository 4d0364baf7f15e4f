"""Verdicts of the risk service on MariaDB, every check and every commit, through the bus."""

import time
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from launcher.assembly import build_services
from launcher.database import migrate
from shared.bus.consumer import Consumer
from shared.domain.enums import Side
from shared.domain.events import Event as Fact
from shared.domain.events import RecommendationsIssued
from shared.domain.ids import Symbol
from shared.domain.recommendation import recommendation_id
from shared.runtime.logging import configure
from shared.runtime.service import Runtime, build_runtime
from shared.runtime.settings import MarketSettings, PlatformSettings
from tests.bench.figures import Figure, latency
from tests.bench.markets import names
from tests.bench.probe import bare_commits
from tests.builders import ACCOUNT, CLOSED_AT, EQUITY, RECOMMENDATION
from tests.conftest import MariaDbServer

_SINGLES, _GROUP, _GROUPS = 300, 50, 6
_MONEY = Decimal(10_000_000)
_LIMITS = {
    "rule_based_ratio": 0.001,
    "max_trades_per_day": 1_000_000,
    "min_barrier_costs": 0.0,
}


def measure() -> list[Figure]:
    configure(as_json=True, level="WARNING")
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="trading-bench-")))
        server = MariaDbServer(folder)
        server.start()
        held.callback(server.stop)
        migrate(server.address)
        symbols = names(_SINGLES + _GROUP * _GROUPS)
        desk = _Desk(_runtime(server, folder, symbols))
        floor = bare_commits(desk.runtime.transactions("bench").engine, commits=1)
        singles = [desk.review((symbol,)) for symbol in symbols[:_SINGLES]]
        rest = symbols[_SINGLES:]
        groups = [
            desk.review(rest[first : first + _GROUP]) for first in range(0, len(rest), _GROUP)
        ]
    one_by_one = sum(singles[10:]) / len(singles[10:])
    return [
        latency(
            "risk verdict, one at a time, MariaDB",
            singles[10:],
            "ms",
            p99_target=15.0,
            target=15.0,
            beside=f"{1 / one_by_one:.0f} verdicts/s; a bare commit "
            f"{sorted(floor)[len(floor) // 2] * 1e3:.2f} ms",
        ),
        Figure(
            what=f"risk verdicts in groups of {_GROUP}, MariaDB",
            value=_GROUP * len(groups) / sum(groups),
            unit="verdicts/s",
            target=300,
            beside="one transaction per group, single writer",
        ),
    ]


def _runtime(server: MariaDbServer, folder: Path, symbols: tuple[str, ...]) -> Runtime:
    address = server.address
    return build_runtime(
        PlatformSettings(
            db_host=address.host,
            db_port=address.port,
            db_user=address.user,
            trading_state_dir=folder,
            market=MarketSettings(instruments=symbols),
        )
    )


class _Desk:
    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        runtime.clock.observe(CLOSED_AT)
        (self._service,) = build_services(runtime, ("risk",), risk=_LIMITS)
        self._others = runtime.transactions("bench")
        self._consumer = Consumer("risk", runtime.transactions("risk"), self._service.handlers, 1.0)
        self._consumer.subscribe()
        for task in self._service.tasks:
            task.run(Event())
        self._count = 0
        mark = replace(EQUITY, positions=(), equity=_MONEY, cash=_MONEY, peak_equity=_MONEY)
        self._say(mark)
        self._consumer.handle_waiting()

    def review(self, symbols: tuple[str, ...]) -> float:
        """Return the seconds from finding the proposals to having committed the verdicts."""
        self._count += 1
        proposals = tuple(
            replace(
                RECOMMENDATION,
                symbol=Symbol(symbol),
                price=Decimal(100),
                edge=None,
                recommendation_id=recommendation_id(ACCOUNT, Symbol(symbol), CLOSED_AT, Side.BUY),
            )
            for symbol in symbols
        )
        self._say(
            RecommendationsIssued(
                account=ACCOUNT,
                decided_at=CLOSED_AT,
                origin=f"bench:{self._count}",
                recommendations=proposals,
            )
        )
        start = time.perf_counter()
        handled = self._consumer.handle_waiting()
        seconds = time.perf_counter() - start
        assert handled == 1
        return seconds

    def _say(self, fact: Fact) -> None:
        with self._others.begin() as uow:
            uow.emit(fact)
