"""A service that cannot start yet says so at its port, does nothing, and starts when it can."""

import signal
import socket
import time

import pytest
from sqlalchemy import text

from shared.db.base import SCHEMA_REVISION
from shared.db.engine import connect
from tests.conftest import MariaDbServer
from tests.counting_service import prepare
from tests.database import empty_database
from tests.integration.test_serve import Process, until


@pytest.fixture
def server(tmp_path):
    made = MariaDbServer(tmp_path / "db")
    yield made
    if made.process is not None:
        made.stop(signal.SIGKILL)


@pytest.fixture
def begun(server, tmp_path):
    started = []

    def start(**environment):
        started.append(Process(server.address, tmp_path, **environment))
        return started[-1]

    yield start
    for process in started:
        process.child.kill()
        process.child.wait()


def reason(process):
    assert until(lambda: process.get("/health/ready") is not None), process.said()
    return process.get("/health/ready").json()["checks"]["database"]


def says(process, words):
    return until(lambda: words in reason(process))


def stamp(server, revision):
    engine = connect(server.address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    engine.dispose()


def made_ready(server):
    empty_database(server.address)
    engine = connect(server.address)
    prepare(engine)
    engine.dispose()


def test_it_starts_by_itself_once_the_database_and_then_the_schema_are_there(server, begun):
    process = begun()
    assert says(process, f"no use of 127.0.0.1:{server.port}")
    assert process.status("/health/live") == 200
    asked = process.get("/anything")
    assert (asked.status_code, "/health/ready says" in asked.json()["detail"]) == (503, True)
    server.start()
    assert says(process, "trading db migrate"), reason(process)
    made_ready(server)
    assert process.wait_for(200).json()["checks"]["facts"] == "ok"
    assert process.end() == 0, process.said()
    assert "Traceback" not in process.said()


@pytest.mark.parametrize(
    ("revision", "words"),
    [("0000", "run 'trading db migrate' of this release"), ("9999", "run the release that")],
)
def test_a_schema_of_another_release_is_named_and_waited_for(server, begun, revision, words):
    server.start()
    made_ready(server)
    stamp(server, revision)
    process = begun()
    assert says(process, words), reason(process)
    assert revision in reason(process)
    stamp(server, SCHEMA_REVISION)
    process.wait_for(200)


def test_a_wrong_password_is_named(server, begun):
    server.start()
    made_ready(server)
    process = begun(DB_USER="nobody", DB_PASSWORD="wrong-word")
    assert says(process, "check DB_USER and DB_PASSWORD"), reason(process)
    assert "wrong-word" not in process.said() + reason(process)
    assert process.status() == 503


def test_a_missing_grant_is_not_taken_for_a_missing_schema(server, begun):
    server.start()
    made_ready(server)
    engine = connect(server.address)
    with engine.begin() as connection:
        connection.execute(text("CREATE USER 'barred'@'%' IDENTIFIED BY 'barred'"))
        connection.execute(text("GRANT SELECT ON crypto_transactions.audit TO 'barred'@'%'"))
    engine.dispose()
    process = begun(DB_USER="barred", DB_PASSWORD="barred")
    assert says(process, "the grants of that user"), reason(process)


def test_it_can_be_stopped_while_it_waits(server, begun):
    process = begun()
    assert says(process, "no use of")
    started_at = time.monotonic()
    assert process.end() == 0, process.said()
    assert time.monotonic() - started_at < 8.0
    with socket.socket() as again:
        again.bind(("127.0.0.1", process.port))
