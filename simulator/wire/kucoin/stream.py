"""The WebSocket half: a token in the address, a welcome, topics, pings, and private events."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from starlette.websockets import WebSocket, WebSocketDisconnect

from shared.domain.enums import TimeInForce
from shared.domain.values import ZERO
from simulator.engine.model import Change, Funds, OrderChanged
from simulator.wire.kucoin.account import PING_INTERVAL_MS, PING_TIMEOUT_MS
from simulator.wire.kucoin.desk import Desk
from simulator.wire.kucoin.moments import nanoseconds
from simulator.wire.kucoin.stream_documents import (
    BALANCES,
    ORDERS,
    ORDERS_2,
    PRIVATE,
    Frame,
    balance_frame,
    order_frame,
    order_frames,
)

_SILENCE_SECONDS = (PING_INTERVAL_MS + PING_TIMEOUT_MS) / 1000
_RESTING = (TimeInForce.GTC, TimeInForce.GTD)
_NOTHING = Funds(available=ZERO, held=ZERO)


async def serve(socket: WebSocket, desk: Desk) -> None:
    """Speak with one client until it leaves or falls silent."""
    await socket.accept()
    name = socket.query_params.get("connectId", "")
    token = desk.token(socket.query_params.get("token", ""))
    if token is None:
        await socket.send_text(_text(_error(name, 401, "token is invalid")))
        await socket.close()
        return
    session = Session(desk, token.account)
    session.say({"id": name, "type": "welcome"})
    writer = asyncio.create_task(session.write(socket))
    try:
        await _listen(socket, session)
    finally:
        session.leave()
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await writer


async def _listen(socket: WebSocket, session: "Session") -> None:
    while True:
        try:
            text = await asyncio.wait_for(socket.receive_text(), _SILENCE_SECONDS)
        except WebSocketDisconnect:
            return
        except TimeoutError:
            with contextlib.suppress(RuntimeError):
                await socket.close()
            return
        session.hear(text)


class Session:
    """One connection: what it subscribed to, and what still has to be said."""

    def __init__(self, desk: Desk, account: str | None) -> None:
        self._desk = desk
        self._account = account
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Frame | OrderChanged] = asyncio.Queue()
        self._topics: set[str] = set()
        self._leave: Callable[[], None] | None = None
        self._funds: dict[str, Funds] = {}
        self._begun = ""  # the order that was accepted last and may come to rest

    def say(self, frame: Frame) -> None:
        self._queue.put_nowait(frame)

    def hear(self, text: str) -> None:
        """Answer one message of the client."""
        message = _parsed(text)
        name, kind = str(message.get("id", "")), message.get("type")
        if kind == "ping":
            at = nanoseconds(self._desk.exchange.now()) // 1000
            self.say({"id": name, "type": "pong", "timestamp": at})
        elif kind in ("subscribe", "unsubscribe"):
            self._change_topics(name, message)
        else:
            self.say(_error(name, 404, f"type {kind} is not found"))

    def leave(self) -> None:
        if self._leave is not None:
            self._leave()
            self._leave = None

    async def write(self, socket: WebSocket) -> None:
        """Send what there is to say, in order."""
        last: OrderChanged | None = None
        while True:
            item = await self._queue.get()
            if isinstance(item, OrderChanged):
                frames, last = self._frames(item), item
                if item.change is Change.ACCEPTED:
                    self._begun = item.order.venue_order_id
            else:
                frames = [item]
            if last is not None and self._queue.empty():
                frames += self._after(last)
                last = None
            for frame in frames:
                await socket.send_text(_text(frame))

    def _change_topics(self, name: str, message: Mapping[str, Any]) -> None:
        topic = str(message.get("topic", ""))
        if topic not in PRIVATE:
            self.say(_error(name, 404, f"topic {topic} is not found"))
            return
        if self._account is None:
            self.say(_error(name, 401, f"topic {topic} is private"))
            return
        if message["type"] == "subscribe":
            self._follow(self._account)
            self._topics.add(topic)
        else:
            self._topics.discard(topic)
        if message.get("response") is True:
            self.say({"id": name, "type": "ack"})

    def _follow(self, account: str) -> None:
        if self._leave is not None:
            return
        self._funds = dict(self._desk.exchange.funds(account))

        def hear(change: OrderChanged) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(self._queue.put_nowait, change)

        self._leave = self._desk.exchange.subscribe(account, hear)

    def _frames(self, change: OrderChanged) -> list[Frame]:
        topics = [topic for topic in (ORDERS, ORDERS_2) if topic in self._topics]
        return [frame for topic in topics for frame in order_frames(topic, change)]

    def _after(self, last: OrderChanged) -> list[Frame]:
        """Return what is only known once nothing follows: that an order rests, and balances."""
        frames: list[Frame] = []
        if self._begins_to_rest(last):
            topics = [topic for topic in (ORDERS, ORDERS_2) if topic in self._topics]
            frames = [order_frame(topic, last.order, "open", "open") for topic in topics]
        return frames + (self._balances(last) if BALANCES in self._topics else [])

    def _begins_to_rest(self, last: OrderChanged) -> bool:
        begun = self._begun
        self._begun = ""
        order = last.order
        in_force = order.asked.time_in_force
        return begun == order.venue_order_id and not order.state.is_over and in_force in _RESTING

    def _balances(self, change: OrderChanged) -> list[Frame]:
        frames: list[Frame] = []
        for currency, now in self._desk.exchange.funds(change.order.asked.account).items():
            was = self._funds.get(currency, _NOTHING)
            if now != was:
                frames.append(balance_frame(change, currency, was, now))
                self._funds[currency] = now
        return frames


def _error(name: str, code: int, text: str) -> Frame:
    return {"id": name, "type": "error", "code": code, "data": text}


def _text(frame: Frame) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        message: Any = json.loads(text, parse_float=str)
    except ValueError:
        return {}
    return cast("dict[str, Any]", message) if isinstance(message, dict) else {}
