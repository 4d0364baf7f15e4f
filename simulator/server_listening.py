"""One exchange's door: a thread with a loop that listens, and can stop listening for a while."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from threading import Event, Thread
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from simulator.faults import Fault, Rule
from simulator.faults_http import TRANSPORT, reset

_START_SECONDS = 5.0
_MAX_MESSAGE_BYTES = 1_000_000

Watch = Callable[[], Awaitable[None]]


class _Http(HttpToolsProtocol):
    """uvicorn's protocol, with the connection within reach of the faults."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # pyright: ignore[reportAssignmentType] - a TypedDict
        scope[TRANSPORT] = self.transport

    @property
    def is_idle(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is None or bool(cycle.response_complete)


class _Stream(WebSocketsSansIOProtocol):
    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)  # absent where the handshake failed
        if scope is not None:
            scope[TRANSPORT] = self.transport


class _Cutting(asyncio.Protocol):
    """Resets whoever connects: at once, or when the first bytes (of TLS) have come."""

    def __init__(self, *, is_at_once: bool) -> None:
        self._is_at_once = is_at_once
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if self._is_at_once:
            reset(transport)

    def data_received(self, data: bytes) -> None:
        del data
        if self._transport is not None:
            reset(self._transport)


@dataclass(slots=True, kw_only=True)
class Listening:
    """`port` 0 takes a free one and keeps it; `background` runs in the loop until the end."""

    application: Callable[..., Any]
    host: str = "127.0.0.1"
    port: int = 0
    tls: SSLContext | None = None
    background: Watch | None = None
    _state: ServerState = field(default_factory=ServerState)
    _running: asyncio.AbstractEventLoop | None = None
    _door: asyncio.Server | None = None
    _thread: Thread | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _config: uvicorn.Config | None = None
    _times_shut: int = 0

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        assert self._running is not None, "it listens only after start()"
        return self._running

    def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken, or the address is none of this machine's.
        """
        self._config = uvicorn.Config(
            self.application,
            ws=_Stream,
            log_config=None,
            lifespan="off",
            interface="asgi3",
            ws_max_size=_MAX_MESSAGE_BYTES,
        )
        self._config.load()
        listener = self._bound()
        self.port = listener.getsockname()[1]
        self._running = asyncio.new_event_loop()
        ready = Event()
        self._thread = Thread(
            target=self._run, args=(listener, ready), name=f"simulator-{self.port}", daemon=True
        )
        self._thread.start()
        assert ready.wait(_START_SECONDS), "the simulator's loop did not start"

    def _bound(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(
            family, socket.SOCK_STREAM, socket.IPPROTO_TCP
        )  # or no TCP_NODELAY
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.host, self.port))
        except OSError:
            listener.close()
            raise
        return listener

    def _run(self, listener: socket.socket, ready: Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open(listener))
        if self.background is not None:
            self.spawn(self._watched(self.background))
        self._loop.call_soon(ready.set)
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _watched(self, watch: Watch) -> None:
        await watch()

    async def _open(self, listener: socket.socket) -> None:
        self._door = await self._loop.create_server(self._protocol, sock=listener, ssl=self.tls)

    def _protocol(self) -> asyncio.Protocol:
        assert self._config is not None
        state: Mapping[str, Any] = {}
        return _Http(config=self._config, server_state=self._state, app_state=dict(state))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the loop; call it there."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def disturb(self, rule: Rule) -> None:
        """Shut the door as a rule says, and wait until it is shut; call it from another thread."""
        asyncio.run_coroutine_threadsafe(self.shut(rule), self._loop).result(_START_SECONDS)

    async def shut(self, rule: Rule) -> None:
        """Refuse or cut connections for the seconds of a rule; idle ones end at once."""
        self._shut_door()
        self._times_shut += 1
        for connection in list(self._state.connections):
            if isinstance(connection, _Http) and connection.is_idle:
                connection.transport.close()
        if rule.fault is not Fault.CONNECT_REFUSED:
            is_at_once = rule.fault is Fault.CONNECT_RESET
            self._door = await self._loop.create_server(
                lambda: _Cutting(is_at_once=is_at_once), sock=self._bound()
            )
        self.spawn(self._open_again(rule.seconds(), self._times_shut))

    async def _open_again(self, seconds: float, number: int) -> None:
        await asyncio.sleep(seconds)
        if number == self._times_shut:  # else a newer rule keeps it shut
            self._shut_door()
            await self._open(self._bound())

    def _shut_door(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None

    def stop(self) -> None:
        """End the door, its connections and its tasks."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_START_SECONDS)
            self._thread = None

    async def _close(self) -> None:
        self._shut_door()
        for connection in list(self._state.connections):
            transport: Any = connection.transport
            transport.abort()
        await asyncio.sleep(0)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
