"""What the faults do to a private stream: what it tells of orders comes twice, late, or never."""

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.faults import Asked, Fault, FaultPlan, Stage
from simulator.faults_http import TRANSPORT, Message, Receive, Send, reset
from simulator.wire.port import Application, Operation

# the words by which each venue names our id in what it tells of an order
_OF_AN_ORDER = re.compile(r"executionReport|clientOid|client_order_id")
_REMEMBERED = 100


@dataclass(slots=True, kw_only=True)
class FaultyStream:
    """Stands in front of a wire's streams; `told` is what they have told of orders lately."""

    application: Application
    plan: FaultPlan
    told: deque[str] = field(default_factory=lambda: deque[str](maxlen=_REMEMBERED))

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        connection = _Connection(stream=self, scope=scope, sending=send)
        await self.application(scope, receive, connection.send)


@dataclass(slots=True, kw_only=True)
class _Connection:
    stream: FaultyStream
    scope: Mapping[str, Any]
    sending: Send
    is_stalled: bool = False
    held_back: list[Message] = field(default_factory=list[Message])
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def send(self, message: Message) -> None:
        text = message.get("text") or ""
        if message["type"] == "websocket.accept":
            await self.sending(message)
            self._began()
        elif message["type"] != "websocket.send":
            await self.sending(message)
        elif self.is_stalled:
            return
        elif _OF_AN_ORDER.search(text):
            self.stream.told.append(text)
            await self._tell(message, text)
        else:
            await self.sending(message)

    def _began(self) -> None:
        asked = Asked(operation=Operation.STREAM, text=str(self.scope.get("path", "")))
        rule = self.stream.plan.take(Stage.CONNECTED, asked)
        if rule is not None:
            self._later(rule.seconds(), [self._message(text) for text in self.stream.told])

    async def _tell(self, message: Message, text: str) -> None:
        rule = self.stream.plan.take(Stage.EVENT, Asked(operation=Operation.STREAM, text=text))
        match None if rule is None else rule.fault:
            case Fault.STREAM_GAP:
                return
            case Fault.STREAM_DUPLICATE:
                await self.sending(message)
                await self.sending(message)
            case Fault.STREAM_STALL:
                self.is_stalled = True
            case Fault.STREAM_CUT:
                reset(self.scope[TRANSPORT])
            case Fault.STREAM_REORDER if rule is not None:
                self.held_back.append(message)
                self._later(rule.seconds(), self.held_back)
            case _:
                await self.sending(message)
                await self._let_go(self.held_back)

    def _later(self, seconds: float, messages: list[Message]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            await self._let_go(messages)

        task = asyncio.get_running_loop().create_task(wait())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _let_go(self, messages: list[Message]) -> None:
        while messages and not self.is_stalled:
            await self.sending(messages.pop(0))

    def _message(self, text: str) -> Message:
        return {"type": "websocket.send", "text": text}
