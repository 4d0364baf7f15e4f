"""Serves simulated exchanges: in this process, one thread and one port each."""

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from shared.domain.ids import Symbol
from simulator.control import PREFIX, Control
from simulator.engine.exchange import Exchange
from simulator.engine.model import House
from simulator.faults import FaultPlan, Rule
from simulator.faults_http import FaultyHttp, Receive, Send
from simulator.faults_stream import FaultyStream
from simulator.keys import simulated_key
from simulator.oracle import Oracle, oracle_of
from simulator.server_listening import Listening
from simulator.server_tls import Certificates, make_certificates
from simulator.settings import ExchangeSettings, default_symbols, exchange_of
from simulator.wire.port import Premises, RateLimits, SimulatedKey, Wire
from venues.port import VenueAddress, VenueName

_TICK_SECONDS = 0.25

MakeWire = Callable[[Premises], Wire]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting:
    """How an exchange is served.

    `tls_folder`: where to write certificates, and serve https and wss. `house` and `make_wire`
    stand in for the venue's own. `keys`: others than the one derived from the seed.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls_folder: Path | None = None
    limits: RateLimits = field(default_factory=RateLimits)
    keys: Sequence[SimulatedKey] = ()
    house: House | None = None
    make_wire: MakeWire | None = None


@dataclass(slots=True, kw_only=True)
class Simulator:
    """A running exchange."""

    venue: VenueName
    exchange: Exchange
    keys: Sequence[SimulatedKey]
    control: Control
    listening: Listening
    certificates: Certificates | None

    @property
    def key(self) -> SimulatedKey:
        return self.keys[0]

    @property
    def url(self) -> str:
        return f"{'https' if self.certificates else 'http'}://{self._where}"

    @property
    def stream_url(self) -> str:
        return f"{'wss' if self.certificates else 'ws'}://{self._where}"

    @property
    def _where(self) -> str:
        return f"{self.listening.host}:{self.listening.port}"

    @property
    def address(self) -> VenueAddress:
        """Return where an adapter finds this exchange, and which authority it believes."""
        authority = None if self.certificates is None else str(self.certificates.authority)
        return VenueAddress(rest=self.url, stream=self.stream_url, authority=authority)

    def plan(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace the plan of faults; an empty one also ends a lag and a wrong clock.

        Raises:
            BadInput: a rule cannot be understood.
        """
        for rule in self.control.put(list(rules)):
            self.listening.disturb(rule)

    def faults(self) -> Sequence[Mapping[str, Any]]:
        """Return the plan with what each rule has seen and hit."""
        return self.control.plan.described()

    def oracle(self) -> Oracle:
        return oracle_of(self.exchange)

    def stop(self) -> None:
        self.listening.stop()


def start_simulator(
    venue: VenueName,
    settings: ExchangeSettings | None = None,
    hosting: Hosting | None = None,
) -> Simulator:
    """Start one exchange; it listens when this returns.

    Raises:
        OSError: the port is taken.
        BadInput: an instrument is not written BASE-QUOTE.
    """
    settings, hosting = settings or ExchangeSettings(), hosting or Hosting()
    house, make_wire = _of_venue(venue, hosting)
    named = settings.symbols or settings.held_prices or settings.candles or settings.listings
    exchange = exchange_of(house, () if named else default_symbols(venue), settings)
    keys = tuple(hosting.keys) or (simulated_key(venue, settings.seed),)
    wire = make_wire(
        Premises(exchange=exchange, keys={one.key: one for one in keys}, limits=hosting.limits)
    )
    certificates = None
    if hosting.tls_folder is not None:
        certificates = make_certificates(hosting.tls_folder, settings.clock.now())
    plan = FaultPlan(venue)
    control = Control(exchange=exchange, plan=plan, shut=lambda rule: _shut(listening, rule))
    listening = Listening(
        application=_application(wire, plan, exchange, control),
        host=hosting.host,
        port=hosting.port,
        tls=None if certificates is None else certificates.context(),
        background=lambda: _tick(exchange),
    )
    listening.start()
    return Simulator(
        venue=venue,
        exchange=exchange,
        keys=keys,
        control=control,
        listening=listening,
        certificates=certificates,
    )


@contextmanager
def running_simulator(
    venue: VenueName | str,
    *,
    seed: int = 1,
    prices: Mapping[str, Decimal] | None = None,
    funds: Mapping[str, Decimal] | None = None,
    settings: ExchangeSettings | None = None,
    hosting: Hosting | None = None,
) -> Generator[Simulator]:
    """Run one exchange for a test; `prices` are held until somebody sets others.

    `settings`, where given, stand instead of `seed`, `prices` and `funds`.
    """
    if settings is None:
        held = {Symbol(symbol): price for symbol, price in (prices or {}).items()}
        settings = ExchangeSettings(seed=seed, held_prices=held, funds=funds)
    simulator = start_simulator(VenueName(venue), settings, hosting)
    try:
        yield simulator
    finally:
        simulator.stop()


def _of_venue(venue: VenueName, hosting: Hosting) -> tuple[House, MakeWire]:
    if hosting.house is not None and hosting.make_wire is not None:
        return hosting.house, hosting.make_wire
    module: ModuleType = import_module(f"simulator.wire.{venue}")  # each asks for its own packages
    return hosting.house or module.HOUSE, hosting.make_wire or getattr(module, f"{venue}_wire")


def _application(
    wire: Wire, plan: FaultPlan, exchange: Exchange, control: Control
) -> Callable[..., Any]:
    faulty = FaultyHttp(wire=wire, plan=plan, exchange=exchange)
    streams = FaultyStream(application=wire.application, plan=plan)

    async def application(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await streams(scope, receive, send)
        elif str(scope["path"]).startswith(PREFIX):
            await control(scope, receive, send)
        else:
            await faulty(scope, receive, send)

    return application


def _shut(listening: Listening, rule: Rule) -> None:
    listening.spawn(listening.shut(rule))


async def _tick(exchange: Exchange) -> None:
    """Let prices move while nobody asks."""
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        exchange.advance()
