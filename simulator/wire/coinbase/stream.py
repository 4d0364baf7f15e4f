"""The WebSocket: subscriptions, one channel a message, each private one with a fresh token."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from simulator.metering import Meter
from simulator.wire.coinbase.auth import Keyring
from simulator.wire.coinbase.connection import Connection
from simulator.wire.port import Premises

SUBSCRIBE_WITHIN_SECONDS = 5.0
IDLE_SECONDS = 75.0  # between the 60 and 90 after which the venue closes a silent connection
_CONNECTIONS_PER_SECOND = 8  # per address
_POLICY = 1008


def stream_of(premises: Premises, keyring: Keyring) -> Callable[[WebSocket], Awaitable[None]]:
    limit = max(1, int(_CONNECTIONS_PER_SECOND * premises.limits.scale))
    meter = Meter(limit=limit, seconds=1)

    async def serve(socket: WebSocket) -> None:
        if premises.limits.is_enforced:
            host = socket.client.host if socket.client else ""
            if meter.spend(host, 1, premises.exchange.now().timestamp()).is_exceeded:
                await socket.send_denial_response(PlainTextResponse("Too Many Requests", 429))
                return
        await socket.accept()
        connection = Connection(premises=premises, keyring=keyring)
        tasks = [
            asyncio.create_task(work)
            for work in (_hear(socket, connection), _tell(socket, connection), connection.beat())
        ]
        with suppress(asyncio.CancelledError):  # the server goes down: an end like any other
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                connection.close()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    return serve


async def _hear(socket: WebSocket, connection: Connection) -> None:
    """Read until the client leaves, or until it has not subscribed in time."""
    with suppress(WebSocketDisconnect):
        try:
            first = await asyncio.wait_for(socket.receive_text(), SUBSCRIBE_WITHIN_SECONDS)
        except TimeoutError:
            await socket.close(_POLICY)
            return
        connection.take(_read(first))
        while True:
            connection.take(_read(await socket.receive_text()))


async def _tell(socket: WebSocket, connection: Connection) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # it left while being told
        while True:
            try:
                text = await asyncio.wait_for(connection.next(), IDLE_SECONDS)
            except TimeoutError:
                await socket.close()
                return
            await socket.send_text(text)


def _read(text: str) -> Any:
    try:
        return json.loads(text, parse_float=str)
    except ValueError:
        return None
