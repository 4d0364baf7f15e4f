"""Ports and the HTTP servers behind them."""

import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import uvicorn
from fastapi import FastAPI

from shared.domain.errors import TradingError


class HttpServer(uvicorn.Server):
    """uvicorn without its own signal handling: one handler of ours stops everything in order."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def http_server(api: FastAPI) -> HttpServer:
    config = uvicorn.Config(
        api,
        log_config=None,  # through our own, which leaves secrets out
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
    )
    return HttpServer(config)


def listen(name: str, host: str, port: int, held: ExitStack) -> socket.socket:
    """Take a port before anything starts: a second platform must not handle a single fact.

    Raises:
        TradingError: somebody else has it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = held.enter_context(socket.socket(family))
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen()  # of two that bind, only one may listen
    except OSError as error:
        raise TradingError(f"{name} cannot listen on {host}:{port}: {error.strerror}") from error
    return taken
