"""What compose.yaml tells the platform is enough to migrate, to learn and to trade."""

import os
import subprocess
import time
from contextlib import ExitStack

import httpx
import pytest
from sqlalchemy import create_engine, text

from launcher.assembly import NAMES, PORTS
from shared.db.base import PRICES, TRANSACTIONS
from shared.http.auth import HEADER
from tests.conftest import REPOSITORY, MariaDbServer, spare_port
from tests.kubernetes.composing import FOLDER, OURS, environment_of, make_secrets, told_here


class Composed:
    """The containers of the platform as processes of this machine, told what compose tells them."""

    def __init__(self, folder, secrets, database, redis_port):
        self.folder, self.secrets = folder, secrets
        self.here = {
            "DB_HOST": "127.0.0.1", "DB_PORT": str(database.port), "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis_port), "TRADING_STATE_DIR": str(folder / "state"),
            "TRADING_BIND_HOST": f"127.9.{os.getpid() % 250}.1",
            "NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"], "NUMBA_PREPARED_DIR": str(folder),
            "PATH": f"{REPOSITORY / '.venv' / 'bin'}:{os.environ['PATH']}",
        }  # fmt: skip

    def start(self, name):
        told = told_here(environment_of(name), self.secrets) | self.here
        words = [REPOSITORY / "deploy" / "image" / "entrypoint.sh", *OURS[name]["command"]]
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(words, cwd=REPOSITORY, env=told, stdout=log, stderr=log)

    def run(self, name):
        code = self.start(name).wait(300)
        assert code == 0, (self.folder / f"{name}.log").read_text()

    def ready(self, service):
        try:
            url = f"http://{self.here['TRADING_BIND_HOST']}:{PORTS[service]}/health/ready"
            return httpx.get(url, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


def wait_until(true, seconds, what):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


@pytest.fixture
def composed(tmp_path):
    """MariaDB in the place of MySQL, and Redis, both as compose starts them."""
    secrets = make_secrets(tmp_path / "secrets")
    database = MariaDbServer(tmp_path)
    database.start()
    root = create_engine(database.address.url(database=None))
    password = (secrets / "database_password").read_text().strip()
    with root.begin() as connection:  # what MYSQL_USER makes the image do, then its init folder
        connection.execute(text(f"CREATE USER trading IDENTIFIED BY '{password}'"))
        for statement in (FOLDER / "databases.sql").read_text().split(";"):
            if statement.strip():
                connection.execute(text(statement))
    port = spare_port()
    redis = subprocess.Popen(
        ["redis-server", secrets / "redis_conf", "--port", str(port), "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    yield Composed(tmp_path, secrets, database, port)
    redis.terminate()
    redis.wait(10)
    root.dispose()
    database.stop()


def test_the_user_that_compose_makes_may_migrate_and_guard_what_is_written_once(composed):
    composed.run("migrate")
    engine = create_engine(
        f"mysql+pymysql://trading:{(composed.secrets / 'database_password').read_text().strip()}"
        f"@127.0.0.1:{composed.here['DB_PORT']}/{TRANSACTIONS}"
    )
    with engine.connect() as connection:
        triggers = connection.execute(
            text("SELECT COUNT(*) FROM information_schema.triggers")
        ).scalar()
        tables = connection.execute(
            text("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = :name"),
            {"name": PRICES},
        ).scalar()
    engine.dispose()
    assert triggers
    assert tables


@pytest.mark.long
def test_what_compose_tells_them_is_enough_to_trade(composed):
    composed.run("migrate")
    composed.run("model")
    with ExitStack() as held:
        for name, one in OURS.items():
            if one["command"][0] in NAMES:
                process = composed.start(name)
                held.callback(process.wait, 30)
                held.callback(process.terminate)
        wait_until(lambda: all(composed.ready(one) for one in NAMES), 120, "not all are ready")
        key = (composed.secrets / "api_keys").read_text().strip().partition(":")[2]
        host = composed.here["TRADING_BIND_HOST"]

        def has_filled():
            url = f"http://{host}:{PORTS['executor']}/fills"
            return bool(httpx.get(url, headers={HEADER: key}, trust_env=False).json()["items"])

        wait_until(has_filled, 120, "nothing was filled")
