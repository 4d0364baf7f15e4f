"""From start to ready, and the memory that takes: each service by itself, and all in one process."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from launcher.assembly import PORTS
from launcher.database import migrate
from shared.db.engine import DatabaseAddress
from tests.bench.figures import Figure, skipped
from tests.bench.machine import resident_mb
from tests.bench.trained import models_folder

_SECONDS = 60.0
_MEMORY = {"signal_generator": 300.0}
_USUAL_MEMORY, _ALL_MEMORY = 120.0, 450.0
_START, _ALL_START = 3.0, 5.0


def measure() -> list[Figure]:
    imports = _bare_imports()
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="trading-bench-") as name:
        folder = Path(name)
        migrate(DatabaseAddress(file=folder / "trading.sqlite"))
        shutil.copytree(models_folder(), folder / "models")
        environment = {
            **os.environ,
            "TRADING_STATE_DIR": str(folder),
            "ALLOW_UNSIGNED_MODELS": "true",
            "TRADING_LOG_LEVEL": "WARNING",
            "TRADING_API_KEYS": "admin:" + "b" * 40,
            "MARKET_DATA__CANDLES_PER_SECOND": "4",
            "MARKET_DATA__WAIT_FOR": "",
        }
        _measure_once(["-m", "signal_generator"], ("signal_generator",), environment)
        for service in PORTS:
            found = _measure_once(["-m", service], (service,), environment)
            memory = _MEMORY.get(service, _USUAL_MEMORY)
            figures += _figures(service, found, (_START, memory), imports)
        trading = ["-c", "from launcher.cli import main; main()", "up"]
        found = _measure_once(trading, tuple(PORTS), environment)
        figures += _figures("all in one (trading up)", found, (_ALL_START, _ALL_MEMORY), imports)
    return figures


def _figures(
    name: str, found: tuple[float, float] | str, targets: tuple[float, float], beside: str
) -> list[Figure]:
    if isinstance(found, str):
        return [skipped(f"{name}: start to ready", found)]
    seconds, memory = found
    return [
        Figure(
            what=f"{name}: start to ready",
            value=seconds,
            unit="s",
            target=targets[0],
            beside=beside,
        ),
        Figure(what=f"{name}: resident", value=memory, unit="MB", target=targets[1]),
    ]


def _measure_once(
    arguments: Sequence[str], services: Sequence[str], environment: Mapping[str, str]
) -> tuple[float, float] | str:
    """Return seconds until every named service is ready and the MB resident then, or why not."""
    with ExitStack() as held:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=dict(environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        held.callback(process.wait, 20)
        held.callback(process.terminate)
        client = held.enter_context(httpx.Client(timeout=1.0))
        while not all(_is_ready(client, PORTS[service]) for service in services):
            if process.poll() is not None:
                return f"it ended with {process.returncode} (is its port in use?)"
            if time.perf_counter() - start > _SECONDS:
                return f"it was not ready after {_SECONDS:.0f} s"
            time.sleep(0.02)
        return time.perf_counter() - start, resident_mb(process.pid)


def _is_ready(client: httpx.Client, port: int) -> bool:
    try:
        return client.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx.HTTPError:
        return False


def _bare_imports() -> str:
    """Return what the libraries alone take: nothing of ours can start faster."""
    code = (
        "import fastapi, uvicorn, sqlalchemy, pymysql, redis, pydantic_settings, msgspec\n"
        "from tests.bench.machine import resident_mb\nprint(resident_mb())"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    return f"libraries alone {seconds:.1f} s, {float(done.stdout):.0f} MB"
