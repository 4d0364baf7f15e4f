"""The private stream: `/ws/<listenKey>` and `/stream?streams=<listenKey>`.

A name that is no listen key is a stream on which nothing ever happens, as at the venue.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from simulator.engine.model import OrderChanged
from simulator.metering import Meter
from simulator.wire.binance_us.events import account_position, execution_report, is_told
from simulator.wire.binance_us.house import CONNECTION_HOURS, MESSAGES_PER_SECOND
from simulator.wire.binance_us.office import Office
from simulator.wire.binance_us.subscriptions import Subscriptions

_LOOK_SECONDS = 0.5  # how often a stream looks whether its key is still valid
_GOING_AWAY = 1001
_TOO_MUCH = 1008

# an event with its stream, what the client said, or None: the client has left
Heard = tuple[str, OrderChanged] | str | None


@dataclass(slots=True, kw_only=True)
class Connection:
    """One client on the stream; lives in the server's loop."""

    office: Office
    socket: WebSocket
    subscriptions: Subscriptions
    queue: asyncio.Queue[Heard] = field(default_factory=asyncio.Queue[Heard])
    leave: dict[str, Callable[[], None]] = field(default_factory=dict[str, Callable[[], None]])
    said: Meter = field(default_factory=lambda: Meter(limit=MESSAGES_PER_SECOND, seconds=1))

    def listen(self) -> None:
        """Hear what the subscriptions name, and nothing else."""
        loop, names = asyncio.get_running_loop(), self.subscriptions.names
        for gone in [name for name in self.leave if name not in names]:
            self.leave.pop(gone)()
        for name in names:
            key = self.office.listen_key(name)
            if key is not None and name not in self.leave:
                hear = self._hearer(loop, name)
                self.leave[name] = self.office.exchange.subscribe(key.account, hear)

    def _hearer(self, loop: asyncio.AbstractEventLoop, name: str) -> Callable[[OrderChanged], None]:
        return lambda changed: _post(loop, self.queue, (name, changed))

    async def receive(self) -> None:
        while (message := await self.socket.receive())["type"] != "websocket.disconnect":
            self.queue.put_nowait(message.get("text") or "")
        self.queue.put_nowait(None)

    @property
    def has_ended(self) -> bool:
        return bool(self.leave) and not any(map(self.office.listen_key, self.leave))

    async def speak(self) -> None:
        exchange = self.office.exchange
        ends_at = exchange.now() + timedelta(hours=CONNECTION_HOURS)
        while True:
            if self.has_ended or exchange.now() >= ends_at:
                await self.socket.close(_GOING_AWAY)
                return
            try:
                heard = await asyncio.wait_for(self.queue.get(), _LOOK_SECONDS)
            except TimeoutError:
                continue
            if heard is None or not await self._answer(heard):
                return

    async def _answer(self, heard: tuple[str, OrderChanged] | str) -> bool:
        """Tell an event or answer the client; False: the connection is over."""
        if isinstance(heard, str):
            return await self._answer_client(heard)
        name, changed = heard
        if name in self.leave:
            for document in messages(self.office, changed):
                is_wrapped = self.subscriptions.is_combined
                await self._send({"stream": name, "data": document} if is_wrapped else document)
        return True

    async def _answer_client(self, text: str) -> bool:
        use = self.said.spend("", 1, self.office.exchange.now().timestamp())
        if use.is_exceeded and self.office.premises.limits.is_enforced:
            await self.socket.close(_TOO_MUCH)
            return False
        answer = self.subscriptions.hear(text)
        self.listen()
        await self._send(answer)
        return True

    async def _send(self, document: dict[str, Any]) -> None:
        await self.socket.send_text(json.dumps(document, separators=(",", ":")))


def _post(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Heard], heard: Heard) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(queue.put_nowait, heard)


async def serve_stream(office: Office, socket: WebSocket, subscriptions: Subscriptions) -> None:
    """Speak until the client leaves, its listen keys have ended, or a day is over."""
    connection = Connection(office=office, socket=socket, subscriptions=subscriptions)
    connection.listen()
    await socket.accept()
    receiving = asyncio.create_task(connection.receive())
    try:
        await connection.speak()
    except (WebSocketDisconnect, RuntimeError):  # the client left while we were telling
        pass
    finally:
        for leave in connection.leave.values():
            leave()
        receiving.cancel()


def messages(office: Office, changed: OrderChanged) -> list[dict[str, Any]]:
    """Return the order's event and the balances it may have moved."""
    if not is_told(changed):
        return []
    exchange, order = office.exchange, changed.order
    listing, now = exchange.listings[order.asked.symbol], exchange.now()
    cancel_id = office.cancel_ids.get(order.venue_order_id) or office.new_id()
    return [
        execution_report(changed, listing, cancel_id, now),
        account_position(changed, listing, exchange.funds(order.asked.account), now),
    ]
