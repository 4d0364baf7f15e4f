"""Real servers, started privately on spare ports, and one database per test."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.bus.doorbell import InProcessDoorbell
from shared.bus.redis_address import RedisAddress
from shared.bus.unit_of_work import Transactions
from shared.db.engine import DatabaseAddress, connect
from shared.domain.clock import FollowingClock
from tests.database import empty_database

REPOSITORY = Path(__file__).parent.parent
RECORDED = REPOSITORY.parent / "shared" / "data"


_PORTS = range(18_000, 30_000)  # below those that the system gives to whoever connects
_taken = itertools.count(os.getpid() * 53)


def spare_port() -> int:
    """Return a port that nobody listens on, and that no other test of ours is given soon."""
    for number in _taken:
        port = _PORTS[number % len(_PORTS)]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable")


def _wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on {port} after {seconds} s")


class MariaDbServer:
    """A private mariadbd that a test may stop, kill and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = spare_port()
        self.process: subprocess.Popen[bytes] | None = None
        data = folder / "data"
        self._temporary = folder / "tmp"  # a starting server empties it of everybody's tables
        self._temporary.mkdir(parents=True)
        install = shutil.which("mariadb-install-db") or "mariadb-install-db"
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={data}",
                f"--tmpdir={self._temporary}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                f"--user={_user()}",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def start(self) -> None:
        binary = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
        self.process = subprocess.Popen(
            [
                binary,
                "--no-defaults",
                f"--datadir={self.folder / 'data'}",
                f"--tmpdir={self._temporary}",
                f"--port={self.port}",
                "--bind-address=127.0.0.1",
                f"--socket={self.folder / 's'}",
                f"--user={_user()}",
                f"--pid-file={self.folder / 'pid'}",
                "--innodb-buffer-pool-size=64M",
                "--max-connections=400",
                "--innodb-flush-log-at-trx-commit=1",
                "--sync-binlog=1",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for_port(self.port, self.process)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(30)

    @property
    def address(self) -> DatabaseAddress:
        return DatabaseAddress(host="127.0.0.1", port=self.port, user="root")


class RedisServer:
    """A private redis-server that a test may stop and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = spare_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = shutil.which("redis-server") or "redis-server"
        self.process = subprocess.Popen(
            [
                binary,
                "--bind",
                "127.0.0.1",
                "--port",
                str(self.port),
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                str(self.folder),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for_port(self.port, self.process)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(10)

    @property
    def address(self) -> RedisAddress:
        return RedisAddress(host="127.0.0.1", port=self.port)


def _user() -> str:
    import getpass

    return getpass.getuser()


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDbServer]:
    server = MariaDbServer(tmp_path_factory.mktemp("mariadb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sqlite_address(tmp_path: Path) -> DatabaseAddress:
    return DatabaseAddress(file=tmp_path / "trading.sqlite")


@pytest.fixture(params=["sqlite", "mariadb"])
def database_address(request: pytest.FixtureRequest) -> DatabaseAddress:
    """Each test using this runs twice: on SQLite and on MariaDB."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_address")
    return request.getfixturevalue("mariadb_server").address


@pytest.fixture
def engine(database_address: DatabaseAddress) -> Iterator[Engine]:
    """An empty database with all tables, on SQLite and on MariaDB."""
    yield from _prepared(database_address)


@pytest.fixture
def sqlite_engine(sqlite_address: DatabaseAddress) -> Iterator[Engine]:
    yield from _prepared(sqlite_address)


@pytest.fixture
def mariadb_engine(mariadb_server: MariaDbServer) -> Iterator[Engine]:
    yield from _prepared(mariadb_server.address)


def _prepared(address: DatabaseAddress) -> Iterator[Engine]:
    empty_database(address)
    engine = connect(address)
    yield engine
    engine.dispose()


@pytest.fixture
def transactions(engine: Engine) -> Transactions:
    """Units of work of a producer called `test`, on a clock that follows the facts."""
    return Transactions(engine, FollowingClock(), InProcessDoorbell(), "test")


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of recorded candles; tests that need it are skipped where it is absent."""
    if not RECORDED.is_dir():
        pytest.skip("no recorded candles beside the project")
    return RECORDED


def python() -> str:
    return sys.executable


os.environ.setdefault("NUMBA_CACHE_DIR", str(REPOSITORY / "var" / "numba"))
