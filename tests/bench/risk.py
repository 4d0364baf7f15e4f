"""Verdicts of the risk service on MariaDB, every check and every commit.

Forty instruments are held and all have their closes, so correlations, clusters and the market's
checks are worked out. What was approved lapses before the next verdict, unless threads compete.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import numpy as np

from launcher.assembly import build_services
from launcher.database import migrate
from risk.core.tape import KEPT, Tape
from risk.handlers.review import Reviewer
from risk.repository.market import Shelf, save_tapes
from shared.bus.consumer import Consumer
from shared.domain.enums import Side
from shared.domain.events import Event as Fact
from shared.domain.events import PositionMark, RecommendationExpired, RecommendationsIssued
from shared.domain.ids import Symbol
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.runtime.logging import configure
from shared.runtime.service import Runtime, build_runtime
from shared.runtime.settings import MarketSettings, PlatformSettings
from tests.bench.figures import Figure, latency
from tests.bench.markets import names
from tests.bench.probe import bare_commits
from tests.builders import ACCOUNT, CLOSED_AT, EQUITY, RECOMMENDATION
from tests.conftest import MariaDbServer

_HELD, _SINGLES, _GROUP, _GROUPS, _THREADS, _EACH = 40, 310, 50, 6, 16, 20
_MONEY = Decimal(10_000_000)
_CLUSTER = 5  # instruments that follow one factor so closely that they count as one
_LIMITS = {
    "rule_based_ratio": 0.0005,
    "max_trades_per_day": 1_000_000,
    "max_orders_per_minute": 1_000_000,
    "min_barrier_costs": 0.0,
    "max_venue_ratio": 1.0,
}


def measure() -> list[Figure]:
    configure(as_json=True, level="WARNING")
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="trading-bench-")))
        server = MariaDbServer(folder)
        server.start()
        held.callback(server.stop)
        migrate(server.address)
        grouped, many = _GROUP * _GROUPS, _THREADS * _EACH
        symbols = names(_HELD + _SINGLES + grouped + many)
        desk = _Desk(_runtime(server, folder, symbols), symbols)
        floor = bare_commits(desk.runtime.transactions("bench").engine, commits=1)
        free = iter(symbols[_HELD:])
        singles = [desk.hear(tuple(islice(free, 1))) for _ in range(_SINGLES)]
        groups = [desk.hear(tuple(islice(free, _GROUP))) for _ in range(_GROUPS)]
        waits = desk.review_at_once(tuple(free))
        desk.assert_all_approved(_SINGLES + grouped + many)
    return _figures(singles[10:], groups, waits, sorted(floor)[len(floor) // 2])


def _figures(
    singles: Sequence[float],
    groups: Sequence[float],
    many: tuple[float, Sequence[float]],
    floor: float,
) -> list[Figure]:
    wall, waits = many
    return [
        latency(
            "risk verdict, one at a time, MariaDB",
            singles,
            "ms",
            p99_target=15.0,
            target=15.0,
            beside=f"through the bus; a bare commit {floor * 1e3:.2f} ms",
        ),
        Figure(
            what="risk verdicts one at a time, MariaDB",
            value=len(singles) / sum(singles),
            unit="verdicts/s",
            beside=f"one writer, one transaction each; {_HELD} instruments held",
        ),
        Figure(
            what=f"risk verdicts in groups of {_GROUP}, MariaDB",
            value=_GROUP * len(groups) / sum(groups),
            unit="verdicts/s",
            target=300,
            beside="one writer, one transaction per group",
        ),
        Figure(
            what=f"risk verdicts from {_THREADS} threads, MariaDB",
            value=len(waits) / wall,
            unit="verdicts/s",
            beside=f"one account, so one lock; {_HELD} to {_HELD + _THREADS * _EACH} at risk",
        ),
        latency(f"the same, each with its wait, {_THREADS} threads", waits, "ms"),
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


def _proposal(symbol: str) -> Recommendation:
    return replace(
        RECOMMENDATION,
        symbol=Symbol(symbol),
        price=Decimal(100),
        edge=None,
        recommendation_id=recommendation_id(ACCOUNT, Symbol(symbol), CLOSED_AT, Side.BUY),
    )


def _mark(symbol: str) -> PositionMark:
    return PositionMark(
        symbol=Symbol(symbol), quantity=Decimal(50), price=Decimal(100), notional=Decimal(5_000)
    )


def _tapes(symbols: Sequence[str]) -> list[Tape]:
    """Return closes around 100 of instruments that share a market, and some of them a factor."""
    random = np.random.default_rng(7)
    market = random.normal(0, 0.004, KEPT - 1)
    tapes: list[Tape] = []
    for number, symbol in enumerate(symbols):
        if number % _CLUSTER == 0:
            factor = random.normal(0, 0.01, KEPT - 1)
        is_clustered = number % (4 * _CLUSTER) < _CLUSTER
        own = factor if is_clustered else random.normal(0, 0.01, KEPT - 1)
        moves = market + own + random.normal(0, 0.001, KEPT - 1)
        closes = 100 * np.exp(np.r_[-np.cumsum(moves[::-1])[::-1], 0.0])
        tapes.append(
            Tape(
                symbol=Symbol(symbol),
                closed_at=CLOSED_AT,
                closes=tuple(closes.tolist()),
                price=Decimal(100),
                traded_at=CLOSED_AT,
            )
        )
    return tapes


class _Desk:
    def __init__(self, runtime: Runtime, symbols: Sequence[str]) -> None:
        self.runtime = runtime
        runtime.clock.observe(CLOSED_AT)
        (self._service,) = build_services(runtime, ("risk",), risk=_LIMITS)
        self._others = runtime.transactions("bench")
        self._own = runtime.transactions("risk")
        self._consumer = Consumer("risk", self._own, self._service.handlers, 1.0)
        self._consumer.subscribe()
        for task in self._service.tasks:
            task.run(Event())
        self._count = 0
        market = runtime.settings.market
        with self._own.begin() as uow:
            shelf = Shelf(venue=market.venue, interval=market.interval)
            save_tapes(uow.connection, shelf, _tapes(symbols))
        amounts = ("equity", "cash", "peak_equity", "day_start_equity")
        held = tuple(map(_mark, symbols[:_HELD]))
        self._say(replace(EQUITY, positions=held, **dict.fromkeys(amounts, _MONEY)))
        self._consumer.handle_waiting()

    def hear(self, symbols: Sequence[str]) -> float:
        """Return the seconds from finding the proposals to having committed the verdicts."""
        self._count += 1
        self._say(
            RecommendationsIssued(
                account=ACCOUNT,
                decided_at=CLOSED_AT,
                origin=f"bench:{self._count}",
                recommendations=tuple(map(_proposal, symbols)),
            )
        )
        start = time.perf_counter()
        handled = self._consumer.handle_waiting()
        seconds = time.perf_counter() - start
        assert handled == 1
        self._let_lapse(symbols)
        return seconds

    def _let_lapse(self, symbols: Sequence[str]) -> None:
        with self._others.begin() as uow:
            for symbol in symbols:
                one = _proposal(symbol)
                uow.emit(
                    RecommendationExpired(
                        account=ACCOUNT,
                        recommendation_id=one.recommendation_id,
                        symbol=one.symbol,
                        expired_at=CLOSED_AT,
                    )
                )
        self._consumer.handle_waiting()

    def review_at_once(self, symbols: Sequence[str]) -> tuple[float, list[float]]:
        """Return the seconds for all from many threads, and those of each with its wait."""
        handler: Callable[..., None] = self._service.handlers[RecommendationsIssued.topic]
        reviewer: Reviewer = handler.__self__  # pyright: ignore[reportFunctionMemberAccess]

        def one(symbol: str) -> float:
            start = time.perf_counter()
            self._own.attempt(lambda uow: reviewer.review((_proposal(symbol),), uow))
            return time.perf_counter() - start

        start = time.perf_counter()
        with ThreadPoolExecutor(_THREADS) as pool:
            waits = list(pool.map(one, symbols))
        return time.perf_counter() - start, waits

    def assert_all_approved(self, count: int) -> None:
        with self._own.read() as connection:
            found = connection.exec_driver_sql(
                "SELECT COUNT(*) FROM risk_decisions WHERE verdict = 'approved'"
            ).scalar_one()
            assert found == count, f"{found} of {count}"

    def _say(self, fact: Fact) -> None:
        with self._others.begin() as uow:
            uow.emit(fact)
