"""Candle closed -> order submitted, the last one of all that were decided on that candle."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import numpy as np

from shared.domain.enums import Interval
from tests.bench.figures import Figure, latency, skipped
from tests.bench.markets import START, names, write_zigzag
from tests.bench.trained import models_folder

CANDLES = {1: 360, 50: 150, 500: 68}
_EMBEDDED = {1: (4.0, None), 50: (30.0, None), 500: (250.0, None)}
_APART = {1: (15.0, 35.0), 50: (90.0, None), 500: (800.0, None)}
_SILENCE_SECONDS = 60.0
_LIMIT_SECONDS = 900


def measure() -> list[Figure]:
    embedded = [_figure("embedded", count, _EMBEDDED[count]) for count in CANDLES]
    return [*embedded, *(_figure("apart", count, _APART[count]) for count in CANDLES)]


def _figure(kind: str, count: int, targets: tuple[float, float | None]) -> Figure:
    where = {"embedded": "one process, SQLite", "apart": "7 processes, MariaDB + Redis"}[kind]
    what = f"candle closed -> last of {count} orders, {where}"
    try:
        found = run_apart_from_bench(kind, count)
    except (subprocess.SubprocessError, ValueError) as error:
        return skipped(what, str(error))
    figure = latency(what, found["last"], "ms", target=targets[0], p99_target=targets[1])
    beside = (
        f"5 bare commits {_median(found['floor']):.1f} ms; first order "
        f"{_median(found['first']):.1f} ms; {len(found['last'])} candles"
    )
    if "resident_mb" in found:
        beside += "; MB " + ", ".join(f"{k} {v:.0f}" for k, v in found["resident_mb"].items())
    return replace(figure, beside=beside)


def _median(seconds: list[float]) -> float:
    return float(np.median(seconds)) * 1e3


def run_apart_from_bench(kind: str, count: int) -> dict[str, Any]:
    """Return what one run found; it has a process and a folder of its own."""
    with TemporaryDirectory(prefix="trading-bench-") as name:
        folder = Path(name)
        done = subprocess.run(
            [sys.executable, "-m", f"tests.bench.chain_{kind}", str(count), name],
            env=environment(folder, count),
            stdout=subprocess.PIPE,
            timeout=_LIMIT_SECONDS,
            check=True,
        )
    return json.loads(done.stdout.splitlines()[-1])


def environment(folder: Path, count: int) -> dict[str, str]:
    """Return settings under which every instrument is acted on at every candle."""
    symbols = names(count)
    files = write_zigzag(folder, symbols, CANDLES[count])
    return {
        **os.environ,
        "TRADING_STATE_DIR": str(folder / "state"),
        "ALLOW_UNSIGNED_MODELS": "true",
        "TRADING_LOG_LEVEL": "WARNING",
        "MARKET__INSTRUMENTS": ",".join(symbols),
        "MARKET__FEE_RATIO": "0",
        "MARKET__SLIPPAGE_RATIO": "0",
        "MARKET_DATA__SOURCE": "replay",
        "MARKET_DATA__FILES": ",".join(map(str, files)),
        "MARKET_DATA__CANDLES_PER_SECOND": "0",
        "SIGNAL_GENERATOR__MODELS_DIR": str(models_folder().resolve()),
        "SIGNALS__ML_WEIGHT": "0.01",  # asked and waited for, but outvoted by the crossing
        "SIGNALS__EMA_RSI_WEIGHT": "1",
        "RISK__MAX_TRADES_PER_DAY": "1000000",
        "RISK__MAX_DRAWDOWN_RATIO": "1",
        "RISK__MIN_BARRIER_COSTS": "0",
        "RISK__RULE_BASED_RATIO": str(min(0.05, 0.7 / count)),
    }


def last_close(count: int) -> Any:
    return START + CANDLES[count] * timedelta(seconds=Interval.H1.seconds)


def report(heard: dict[Any, list[float]], count: int, **more: Any) -> None:
    """Print the instants at which every instrument had its order."""
    whole = [heard[at] for at in sorted(heard) if len(heard[at]) == count][3:]
    if len(whole) < 5:
        sizes = sorted({len(group) for group in heard.values()})
        raise SystemExit(f"only {len(whole)} candles with {count} orders (others had {sizes})")
    found = {"last": [max(one) for one in whole], "first": [min(one) for one in whole], **more}
    sys.stdout.write(json.dumps(found) + "\n")


def in_background(work: Any) -> Thread:
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread
