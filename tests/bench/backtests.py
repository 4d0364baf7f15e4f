"""A year of one-minute candles through the backtest; each run in a process of its own."""

import json
import subprocess
import sys
from typing import Any

from tests.bench.figures import Figure, skipped
from tests.bench.markets import YEAR_OF_MINUTES


def measure() -> list[Figure]:
    floor, ema, ml = (_run(kind) for kind in ("floor", "ema", "ml"))
    return [*_ema(ema, floor), *_ml(ml)]


def _ema(found: dict[str, Any] | str, floor: dict[str, Any] | str) -> list[Figure]:
    what = "backtest, EMA cross, 525,600 candles"
    if isinstance(found, str) or isinstance(floor, str):
        return [skipped(what, str(found))]
    rate = YEAR_OF_MINUTES / floor["seconds"]
    return [
        Figure(
            what=what,
            value=YEAR_OF_MINUTES / found["seconds"],
            unit="candles/s",
            target=250_000,
            beside=f"CPU {found['cpu_seconds']:.2f} s; {found['fills']} fills; plain Python float loop {rate:,.0f} candles/s, "
            f"{floor['fills']} fills",
        ),
        Figure(
            what=f"{what}: peak memory",
            value=found["peak_mb"],
            unit="MB",
            target=250,
            beside=f"before the run {found['before_mb']:.0f}; float loop {floor['peak_mb']:.0f}",
        ),
    ]


def _ml(found: dict[str, Any] | str) -> list[Figure]:
    what = "backtest, full ML path, one coin, one year of 1m"
    if isinstance(found, str):
        return [skipped(what, found)]
    return [
        Figure(
            what=what,
            value=found["seconds"],
            unit="s",
            target=8.0,
            beside=f"{YEAR_OF_MINUTES / found['seconds']:,.0f} candles/s; CPU {found['cpu_seconds']:.1f} s; "
            f"{found['verdicts']} verdicts, {found['fills']} fills; {found['trees']} trees; peak {found['peak_mb']:.0f} MB",
        )
    ]


def _run(kind: str) -> dict[str, Any] | str:
    """Return what one run found, or why there is nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.backtest_run", kind],
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["it failed"])[-1]
    return json.loads(done.stdout.splitlines()[-1])
