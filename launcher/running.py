"""Commands that run the platform: `up` until stopped, `demo` to the end of its candles."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread, Timer
from typing import Annotated, Any

import typer

from launcher.assembly import NAMES, build_services, chosen
from launcher.candles import is_synthetic
from launcher.console import err, out, print_json, print_table
from launcher.database import migrate
from launcher.demonstration import demonstration
from launcher.live_view import Tally, count, heard_of_candles, watch
from launcher.model_keys import trust_of
from launcher.models_home import models_folder
from launcher.options import AsJson, listed
from launcher.progress import counting
from market_data.settings import MarketDataSettings
from shared.bus.consumer import wait_until_idle
from shared.bus.unit_of_work import Transactions
from shared.domain.candle import shards
from shared.domain.errors import BadInput, TradingError
from shared.runtime.first_start import ensure_key
from shared.runtime.logging import configure
from shared.runtime.serve import Platform, serve
from shared.runtime.service import build_runtime
from shared.runtime.settings import Mode, PlatformSettings, load

_LONGEST_RUN_SECONDS = 365 * 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600}
_DEMO_CANDLES = 700
_SETTLING_SECONDS = 60
_REDRAW_SECONDS = 0.5


def seconds(text: str) -> float:
    """Return the seconds of `90`, `60s`, `5m` or `2h`.

    Raises:
        BadInput: none of these, or not above 0.
    """
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    try:
        found = float(number) * _UNITS[unit]
    except ValueError:
        found = nan
    if not 0 < found <= _LONGEST_RUN_SECONDS:
        raise BadInput("--for", f"'{text}' is no duration", "write for example 60s or 5m")
    return found


def up(
    mode: Annotated[Mode | None, typer.Option("--mode", help="mock, paper or live.")] = None,
    services: Annotated[str, typer.Option("--services", help="Some of the services.")] = "",
    run_for: Annotated[str, typer.Option("--for", help="Stop after, for example, 60s.")] = "",
) -> None:
    """Run the platform in this process, each service on its own port, until Ctrl-C."""
    chosen_mode = {} if mode is None else {"trading_mode": mode}
    settings = load(PlatformSettings, **chosen_mode)
    names = listed(services)
    chosen(names)
    limit = seconds(run_for) if run_for else None
    configure(
        as_json=not sys.stderr.isatty(),
        level="WARNING" if sys.stdout.isatty() else settings.trading_log_level,
        secrets=settings.secrets(),
    )
    if not names or "market_data" in names:
        load(MarketDataSettings).refuse_in_mode(settings)
    if settings.mode is not Mode.LIVE:  # a live schema changes when a person says so
        migrate(settings.database())
    if not names or "signal_generator" in names:
        _ensure_model(settings)
    runtime = build_runtime(settings)
    ensure_key(runtime)
    for values in demonstration(settings).values():
        for name, value in values.items():
            err.print(f"Demonstration on synthetic candles: {name} is {value:g}, not its default.")
    built = build_services(runtime, names, market_data={"wait_for": _consumers(names)})

    def alongside(platform: Platform) -> None:
        line = f"{settings.mode} mode on {settings.market.venue} candles; Ctrl-C stops"
        observer = runtime.transactions("launcher")
        Thread(target=watch, args=(observer, line, platform.stop), daemon=True).start()
        if limit is not None:
            timer = Timer(limit, platform.stop.set)
            timer.daemon = True
            timer.start()

    sys.exit(serve(built, runtime, alongside))


def _ensure_model(settings: PlatformSettings) -> None:
    from launcher.demo_model import ensure_demo_model  # noqa: PLC0415 - brings xgboost and sklearn

    ensure_demo_model(settings)


def _consumers(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in NAMES if name != "market_data" and (not names or name in names))


def demo(
    candles: Annotated[
        int, typer.Option("--candles", min=1, max=100_000, help="Candles per instrument.")
    ] = _DEMO_CANDLES,
    as_json: AsJson = False,
) -> None:
    """Run a finite synthetic market as fast as it goes and say what happened."""
    base = load(PlatformSettings)
    if not is_synthetic(base):
        raise BadInput(
            "MARKET__VENUE, MARKET_DATA__SOURCE",
            "the demo trades the synthetic market and nothing else",
            "leave both unset for it",
        )
    _ensure_model(base)
    with TemporaryDirectory(prefix="trading-demo-") as folder:
        settings = base.model_copy(
            update={
                "trading_mode": Mode.MOCK,
                "trading_state_dir": Path(folder),
                "db_host": None,
                "redis_host": None,
            }
        )
        tally = _run_to_the_end(settings, base, candles)
    row = tally.as_row()
    if as_json:
        print_json(row)
        return
    print_table("Demo (synthetic candles)", [row], tuple(row), empty="nothing happened")
    out.print(
        "candles -> signals -> recommendations -> verdicts -> fills; 'make run' shows it live"
    )


def _run_to_the_end(settings: PlatformSettings, base: PlatformSettings, candles: int) -> Tally:
    migrate(settings.database())
    configure(as_json=True, level="WARNING")
    runtime = build_runtime(settings)
    overrides: dict[str, dict[str, Any]] = {
        "market_data": {
            "source": "synthetic",
            "candles_per_second": 0,
            "limit": candles,
            "wait_for": _consumers(()),
        },
        "signal_generator": {
            "models_dir": models_folder(base),
            "model_public_keys": tuple(one.hex() for one in trust_of(base).keys.values()),
        },
    }
    platform = Platform(build_services(runtime, (), **overrides), runtime)
    observer = runtime.transactions("launcher")
    platform.start()
    facts = candles * len(tuple(shards(settings.market.symbols)))
    with _bar(observer, facts):
        platform.wait_for("market_data.feed")
        wait_until_idle(observer, platform.stop, _SETTLING_SECONDS)
    platform.shut_down()
    if platform.failed:
        raise TradingError("a service failed; the lines above say why")
    return count(observer)


@contextmanager
def _bar(observer: Transactions, facts: int) -> Generator[None]:
    """Show, in a terminal, how many of the expected facts about candles were heard."""
    if not err.is_terminal:
        yield
        return
    done = Event()

    def follow() -> None:
        with counting("candles") as shown:
            while not done.wait(_REDRAW_SECONDS):
                shown(heard_of_candles(observer), facts)

    bar = Thread(target=follow, daemon=True)
    bar.start()
    try:
        yield
    finally:
        done.set()
        bar.join()
