"""Every service as a process of its own, on a private MariaDB and Redis."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from launcher.assembly import NAMES
from launcher.database import migrate
from shared.bus.redis_doorbell import RedisDoorbell
from shared.db.engine import connect
from tests.bench.chain import last_close, report
from tests.bench.machine import resident_mb
from tests.bench.probe import Probe, bare_commits
from tests.conftest import MariaDbServer, RedisServer


def start_servers(folder: Path, held: ExitStack) -> tuple[MariaDbServer, RedisServer]:
    database = MariaDbServer(_made(folder / "mariadb"))
    database.start()
    held.callback(database.stop)
    redis = RedisServer(_made(folder / "redis"))
    redis.start()
    held.callback(redis.stop)
    return database, redis


def server_environment(database: MariaDbServer, redis: RedisServer) -> dict[str, str]:
    return {
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(database.port),
        "DB_USER": "root",
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis.port),
        "TRADING_API_KEYS": "admin:" + "b" * 40,
    }


def start_services(environment: dict[str, str], held: ExitStack) -> dict[str, int]:
    """Start them all, the feed last; return the process ids."""
    running: dict[str, int] = {}
    for name in NAMES:
        process = subprocess.Popen(
            [sys.executable, "-m", name], env=environment, stdout=subprocess.DEVNULL
        )
        held.callback(process.wait, 20)
        held.callback(process.terminate)
        running[name] = process.pid
    return running


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def main(count: int, folder: Path) -> None:
    with ExitStack() as held:
        database, redis = start_servers(folder, held)
        migrate(database.address)
        engine = connect(database.address)
        held.callback(engine.dispose)
        floor = bare_commits(engine)
        doorbell = RedisDoorbell(redis.address)
        held.callback(doorbell.close)
        probe = Probe(engine, doorbell)
        running = start_services({**os.environ, **server_environment(database, redis)}, held)
        end = last_close(count)
        probe.listen(lambda: probe.last_occurred_at == end, 60.0)
        memory = {name: resident_mb(pid) for name, pid in running.items()}
        report(probe.heard, count, floor=floor, resident_mb=memory)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
