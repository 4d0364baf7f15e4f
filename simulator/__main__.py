"""`python -m simulator --venue binance_us --port 9032 --seed 7`: one exchange as a process.

When it listens it prints one line of JSON with its URLs and its key, and runs until it is told to
stop, or until whoever started it closes its input (with `--until-closed`).
"""

import argparse
import signal
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from threading import Event, Thread
from types import FrameType

import msgspec

from shared.domain.candle import Candle
from shared.domain.clock import SystemClock
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from simulator.engine.clocks import ManualClock
from simulator.server import Hosting, Simulator, start_simulator
from simulator.settings import DEFAULT_PORTS, ExchangeSettings
from simulator.wire.port import RateLimits
from venues.port import VenueName


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--venue", required=True, choices=list(VenueName), type=VenueName)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--symbols", default="", help="for example BTC-USD,ETH-USD")
    parser.add_argument("--prices", default="", help="held, for example BTC-USD=65000")
    parser.add_argument("--replay", default="", help="for example BTC-USD=candles.csv")
    parser.add_argument("--funds", default="", help="for example USD=100000,BTC=1")
    parser.add_argument("--tls", type=Path, help="a folder to write certificates into")
    parser.add_argument("--manual-clock", action="store_true", help="time moves when told to")
    parser.add_argument("--no-limits", action="store_true", help="never answer 429 by itself")
    parser.add_argument("--until-closed", action="store_true", help="stop when stdin ends")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    told = _parser().parse_args(arguments)
    port: int | None = told.port
    venue: VenueName = told.venue
    try:
        simulator = start_simulator(
            venue,
            ExchangeSettings(
                seed=told.seed,
                symbols=[Symbol(one) for one in told.symbols.split(",") if one],
                held_prices={
                    Symbol(name): amount for name, amount in _amounts("prices", told.prices)
                },
                candles=_recordings(told.replay),
                funds=dict(_amounts("funds", told.funds)) or None,
                clock=ManualClock() if told.manual_clock else SystemClock(),
            ),
            Hosting(
                host=told.host,
                port=DEFAULT_PORTS[venue] if port is None else port,
                tls_folder=told.tls,
                limits=RateLimits(is_enforced=not told.no_limits),
            ),
        )
    except (BadInput, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _run(simulator, is_until_closed=told.until_closed)
    return 0


def _amounts(option: str, text: str) -> list[tuple[str, Decimal]]:
    """Return the pairs of `NAME=AMOUNT,NAME=AMOUNT`.

    Raises:
        BadInput: something in it is no such pair.
    """
    found: list[tuple[str, Decimal]] = []
    for part in (one for one in text.split(",") if one):
        name, _, number = part.partition("=")
        try:
            found.append((name, Decimal(number)))
        except InvalidOperation as error:
            raise BadInput(f"--{option}", f"'{part}' is no pair", "write NAME=AMOUNT") from error
    return found


def _recordings(text: str) -> Mapping[Symbol, Sequence[Candle]]:
    """Return the candles of the files of `NAME=FILE,NAME=FILE`."""
    if not text:
        return {}
    from simulator.market_replay import recorded_candles  # noqa: PLC0415 - brings pyarrow

    pairs = (part.partition("=") for part in text.split(","))
    return {Symbol(name): recorded_candles(Path(file), Symbol(name)) for name, _, file in pairs}


def described(simulator: Simulator) -> dict[str, object]:
    """Return what a program needs to trade here."""
    key = simulator.key
    return {
        "venue": simulator.venue,
        "url": simulator.url,
        "stream_url": simulator.stream_url,
        "authority": simulator.address.authority,
        "key": key.key,
        "secret": key.secret,
        "passphrase": key.passphrase,
    }


def _run(simulator: Simulator, *, is_until_closed: bool) -> None:
    stop = Event()

    def stopped(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)
    if is_until_closed:
        Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    sys.stdout.write(msgspec.json.encode(described(simulator)).decode() + "\n")
    sys.stdout.flush()
    stop.wait()
    simulator.stop()


def _wait_for_end(stop: Event) -> None:
    sys.stdin.read()
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
