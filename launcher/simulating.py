"""`trading simulator up`: exchanges on this machine that speak as the real ones do."""

import secrets
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from decimal import Decimal, InvalidOperation
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from launcher.console import out, print_json, print_table
from launcher.options import AsJson, listed
from shared.domain.clock import SystemClock
from shared.domain.errors import BadInput, Unavailable
from shared.domain.ids import Symbol
from venues.port import VenueName

if TYPE_CHECKING:
    from shared.domain.candle import Candle
    from simulator.server import Simulator
    from simulator.settings import ExchangeSettings

# a platform in paper mode wants a key of its own; one that is set already stays. It is made here,
# not by the shell: the same line is pasted in a second terminal, to look from
_KEY = f'TRADING_API_KEYS="${{TRADING_API_KEYS:-admin:{secrets.token_hex(32)}}}"'
_CLOCK = SystemClock()
_MAX_PORT = 65_535
_RECORDINGS = (".csv", ".parquet", ".gz")


def up(
    venues: Annotated[str, typer.Option("--venues", help="Some of them; all when left out.")] = "",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides prices and keys.")] = 1,
    symbols: Annotated[
        str, typer.Option("--symbols", help="Instruments; the usual ones when left out.")
    ] = "",
    prices: Annotated[
        str,
        typer.Option(
            "--prices", help="Where prices walk, BTC-USD=65000, or a recording, BTC-USD=file.csv."
        ),
    ] = "",
    first_port: Annotated[
        int, typer.Option("--first-port", min=1, max=_MAX_PORT - 2, help="Coinbase; then +1, +2.")
    ] = 9031,
    as_json: AsJson = False,
) -> None:
    """Run simulated exchanges until Ctrl-C, and say how to trade at them."""
    names = _chosen(venues)
    settings = _settings(seed, symbols, prices)
    stop = _until_stopped()
    with ExitStack() as running:
        started: list[Simulator] = []
        for name in names:
            port = first_port + list(VenueName).index(name)
            simulator = _started(name, port, settings)
            running.callback(simulator.stop)
            started.append(simulator)
        _tell(started, as_json=as_json)
        sys.stdout.flush()  # a program that reads us through a pipe waits for it
        stop.wait()


def _until_stopped() -> Event:
    stop = Event()

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    return stop


def _chosen(text: str) -> Sequence[VenueName]:
    known = list(VenueName)
    for name in listed(text):
        if name not in known:
            raise BadInput(
                "--venues", f"'{name}' cannot be simulated", f"choose from {', '.join(known)}"
            )
    return [name for name in known if not text or name in listed(text)]


def _settings(seed: int, symbols: str, prices: str) -> "ExchangeSettings":
    from simulator.settings import ExchangeSettings  # noqa: PLC0415 - only this command

    walks: dict[Symbol, Decimal] = {}
    recordings: dict[Symbol, Sequence[Candle]] = {}
    for part in listed(prices):
        name, _, told = part.partition("=")
        if Path(told).suffix in _RECORDINGS:
            recordings[Symbol(name)] = _recording(Path(told), Symbol(name))
        else:
            walks[Symbol(name)] = _price(part, told)
    return ExchangeSettings(
        seed=seed,
        symbols=[Symbol(one) for one in listed(symbols)],
        prices=walks,
        candles=recordings,
    )


def _recording(file: Path, symbol: Symbol) -> "Sequence[Candle]":
    from simulator.market_replay import recorded_candles  # noqa: PLC0415 - brings pyarrow

    return recorded_candles(file, symbol)


def _price(part: str, told: str) -> Decimal:
    try:
        price = Decimal(told)
    except InvalidOperation:
        price = Decimal(0)
    if not (price.is_finite() and price > 0):
        raise BadInput(
            "--prices", f"'{part}' is no price", "write BTC-USD=65000, or BTC-USD=candles.csv"
        )
    return price


def _started(name: VenueName, port: int, settings: "ExchangeSettings") -> "Simulator":
    from simulator.server import Hosting, start_simulator  # noqa: PLC0415 - only this command

    try:
        return start_simulator(name, settings, Hosting(port=port))
    except OSError as error:
        raise Unavailable(
            f"port {port} for {name} cannot be had ({error.strerror or error}): "
            "stop what uses it, or name another with --first-port"
        ) from error


def _environment(simulator: "Simulator") -> Mapping[str, str]:
    """Return what makes a paper platform take its candles from here and trade here."""
    key, prefix = simulator.key, simulator.venue.upper()
    symbols = sorted(simulator.exchange.listings)
    quote = symbols[0].partition("-")[2]
    found = {
        "TRADING_MODE": "paper",
        # books of its own, and new ones each time: what was traded here is gone when this stops
        "TRADING_STATE_DIR": f"var/simulated/{simulator.venue}-{_CLOCK.now():%Y%m%dT%H%M%S}",
        "MARKET__VENUE": str(simulator.venue),
        "MARKET__INSTRUMENTS": ",".join(one for one in symbols if one.endswith(f"-{quote}")),
        "MARKET__INTERVAL": "1m",
        "MARKET_DATA__SOURCE": "venue",
        "MARKET_DATA__VENUE_URL": simulator.url,
        "EXECUTOR__VENUE": str(simulator.venue),
        "EXECUTOR__VENUE_URL": simulator.url,
        "EXECUTOR__VENUE_STREAM_URL": simulator.stream_url,
        f"{prefix}_API_KEY": key.key,
        f"{prefix}_API_SECRET": key.secret.replace("\n", "\\n"),
    }
    if key.passphrase:
        found[f"{prefix}_API_PASSPHRASE"] = key.passphrase
    return found


def _tell(started: "Sequence[Simulator]", *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "venue": one.venue,
                    "url": one.url,
                    "stream_url": one.stream_url,
                    "symbols": list(one.exchange.listings),
                    "environment": _environment(one),
                }
                for one in started
            ]
        )
        return
    rows = [
        {"venue": one.venue, "url": one.url, "instruments": ", ".join(one.exchange.listings)}
        for one in started
    ]
    print_table("Simulated exchanges", rows, ("venue", "url", "instruments"), empty="none")
    for one in started:
        lines = " ".join(
            f"{name}={shlex.quote(value)}" for name, value in _environment(one).items()
        )
        out.print(f"\nTrade at {one.venue}: paste this before [bold]trading up[/], in paper mode,")
        out.print("and in every other terminal that you look from:")
        out.print(f"export {lines} {_KEY}", markup=False, soft_wrap=True)
    out.print("\nThe truth and the faults: see docs/simulator.md. Ctrl-C stops.")
