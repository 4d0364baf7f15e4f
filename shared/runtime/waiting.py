"""Before a service can start: its port answers the probes and says what is still waited for."""

import asyncio
import socket
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError

from shared.db.engine import DatabaseAddress
from shared.db.schema import mismatch, schema_revision, unusable
from shared.domain.errors import Unavailable
from shared.http import errors
from shared.http.probes import Check, install, problems
from shared.runtime.listening import http_server
from shared.runtime.logging import get_logger
from shared.runtime.service import Runtime

_PAUSE_SECONDS = 0.5

log = get_logger()


@contextmanager
def waiting_room(
    identity: Mapping[str, str], listening: socket.socket, checks: Sequence[Check]
) -> Generator[None]:
    """Answer on this port that the process lives, and why it may not be given work yet.

    Callers that come when the room closes wait at the port for the service itself.
    """
    api = FastAPI(openapi_url=None)
    starting = Check(name="start", problem=lambda: "it is being prepared")
    install(api, lambda: identity, (*checks, starting), CollectorRegistry())
    errors.install(api)

    @api.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    def not_yet(path: str) -> None:  # pyright: ignore[reportUnusedFunction]
        raise Unavailable(f"/{path} cannot be asked yet; /health/ready says what is waited for")

    server = http_server(api)
    ours = listening.dup()  # the server closes what it is given
    thread = Thread(
        target=lambda: asyncio.run(server.serve(sockets=[ours])), name="waiting-room", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def wait_until_met(checks: Sequence[Check], stop: Event) -> bool:
    """Return True when every check is met, False when it was told to stop before."""
    told: Mapping[str, str] = {}
    while not stop.is_set():
        found = problems(checks)
        if not found:
            return True
        if found != told:
            log.warning("start.waits", **found)
            told = found
        time.sleep(_PAUSE_SECONDS)  # a signal sets this event, in this very thread
    return False


def schema_check(runtime: Runtime) -> Check:
    """Return the condition that the database is there and has this release's schema."""
    transactions = runtime.transactions("start")
    address: DatabaseAddress = runtime.settings.database()

    def problem() -> str | None:
        try:
            with transactions.read() as connection:
                return mismatch(schema_revision(connection))
        except SQLAlchemyError as error:
            return unusable(address, error)

    return Check(name="database", problem=problem)
