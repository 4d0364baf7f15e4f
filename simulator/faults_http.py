"""What the faults do to a request: before the venue has seen it, after, or later."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from simulator.engine.exchange import Exchange
from simulator.faults import Asked, Fault, FaultPlan, Rule, Stage
from simulator.faults_replies import (
    Answer,
    duplicate,
    error_page,
    garbage,
    limited,
    renamed,
    truncated,
)
from simulator.wire.port import Wire

TRANSPORT = "simulator.transport"
_LINGER_NOT = struct.pack("ii", 1, 0)
_A_MOMENT = 0.01

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def reset(transport: asyncio.BaseTransport) -> None:
    """Cut a connection so that the other side hears a reset, not an orderly end."""
    if not isinstance(transport, asyncio.WriteTransport):
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A request that has been read, and the rule that hits it."""

    scope: Mapping[str, Any]
    body: bytes
    receive: Receive
    send: Send
    rule: Rule


@dataclass(slots=True, kw_only=True)
class FaultyHttp:
    """Stands in front of a wire; runs in the server's loop."""

    wire: Wire
    plan: FaultPlan
    exchange: Exchange
    _later: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        operation = self.wire.operation(scope["method"], scope["path"])
        line = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
        rule = self.plan.take(Stage.HEAD, Asked(operation=operation, text=line))
        if rule is not None:
            await self._cut_early(scope, receive, rule)
            return
        body = await _read(receive)
        asked = Asked(operation=operation, text=f"{line}\n{body.decode('latin-1')}")
        rule = self.plan.take(Stage.WHOLE, asked)
        if rule is None:
            await self.wire.application(scope, _given(body, receive), send)
            return
        call = _Call(scope=scope, body=body, receive=receive, send=send, rule=rule)
        await self._act(call)

    async def _cut_early(self, scope: Mapping[str, Any], receive: Receive, rule: Rule) -> None:
        if rule.fault is Fault.RESET_MID_REQUEST:
            await receive()
        await _cut(scope)

    async def _act(self, call: _Call) -> None:
        match call.rule.fault:
            case Fault.RESET_BEFORE_REQUEST | Fault.RESET_MID_REQUEST:
                await _cut(call.scope)
            case Fault.RESET_AFTER_ACCEPT:
                await self._processed(call)
                await _cut(call.scope)
            case Fault.TIMEOUT_THEN_ACCEPTED:
                await self._hang(call)
            case Fault.ACCEPTED_LATE:
                await self._be_late(call)
            case Fault.FILL_BEFORE_ACK:
                answer = await self._processed(call)
                await asyncio.sleep(call.rule.seconds())
                await _say(call.send, answer)
            case Fault.SLOW_DRIP:
                await _drip(call.send, await self._processed(call), call.rule)
            case Fault.STALE_READS | Fault.CLOCK_SKEW:
                disturb(self.exchange, call.rule)
                await self.wire.application(call.scope, _given(call.body, call.receive), call.send)
            case _:
                await _say(call.send, await self._false_answer(call))

    async def _false_answer(self, call: _Call) -> Answer:
        told = call.rule.parameters
        if told.get("is_processed", call.rule.fault in _AFTER):
            answer = await self._processed(call)
        else:
            answer = Answer(status=200, body=b"")
        return self._falsified(call.rule, answer)

    def _falsified(self, rule: Rule, answer: Answer) -> Answer:
        told = rule.parameters
        match rule.fault:
            case Fault.ERROR_BEFORE | Fault.ERROR_AFTER:
                return error_page(int(rule.seconds("status")))
            case Fault.RATE_LIMITED | Fault.BANNED:
                wait = told["retry_after_seconds"]
                status = 418 if rule.fault is Fault.BANNED else 429
                return limited(self.plan.venue, status, None if wait is None else float(wait))
            case Fault.DUPLICATE_ID:
                return duplicate(self.plan.venue)
            case Fault.GARBAGE:
                return garbage(self.exchange.seed, rule.hits)
            case Fault.TRUNCATED_JSON:
                return truncated(answer)
            case _:
                return renamed(answer, str(told["field"]), str(told["to"]))

    async def _processed(self, call: _Call) -> Answer:
        """Let the venue do what was asked, and keep its answer."""
        found: list[Message] = []

        async def keep(message: Message) -> None:
            found.append(message)

        await self.wire.application(call.scope, _given(call.body, None), keep)
        start = next(one for one in found if one["type"] == "http.response.start")
        answer = Answer(
            status=start["status"],
            body=b"".join(one.get("body", b"") for one in found),
            headers=tuple((bytes(name), bytes(value)) for name, value in start.get("headers", ())),
        )
        call.rule.notes.append(f"the venue answered {answer.status}")
        return answer

    async def _hang(self, call: _Call) -> None:
        if call.rule.parameters["accepted"] == "at_once":
            await self._processed(call)
            await asyncio.sleep(call.rule.seconds())
        else:
            await asyncio.sleep(call.rule.seconds())
            await self._processed(call)
        await _cut(call.scope)

    async def _be_late(self, call: _Call) -> None:
        """Pass the request on later, as it is: the venue judges it by its own clock then."""

        async def later() -> None:
            await asyncio.sleep(call.rule.seconds())
            await self._processed(call)

        task = asyncio.get_running_loop().create_task(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)
        if call.rule.parameters["answer"] == "hang":
            await asyncio.wait((task,))
        await _cut(call.scope)


_AFTER = (Fault.ERROR_AFTER, Fault.TRUNCATED_JSON, Fault.RENAMED_FIELD)


def disturb(exchange: Exchange, rule: Rule) -> None:
    """Let the exchange's reads lag, or its clock be wrong, until the plan is cleared."""
    amount = timedelta(seconds=rule.seconds())
    if rule.fault is Fault.STALE_READS:
        exchange.set_lag(amount)
    else:
        exchange.set_offset(amount)


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _given(body: bytes, receive: Receive | None) -> Receive:
    """Return a way to receive what has been read already."""
    rest = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        if rest:
            return rest.pop()
        return {"type": "http.disconnect"} if receive is None else await receive()

    return again


async def _cut(scope: Mapping[str, Any]) -> None:
    reset(scope[TRANSPORT])
    await asyncio.sleep(_A_MOMENT)  # the server hears of it before the request ends


async def _say(send: Send, answer: Answer) -> None:
    headers = list(answer.headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _drip(send: Send, answer: Answer, rule: Rule) -> None:
    headers = list(answer.headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    for byte in answer.body:
        await asyncio.sleep(rule.seconds("byte_seconds"))
        await send({"type": "http.response.body", "body": bytes((byte,)), "more_body": True})
    await send({"type": "http.response.body", "body": b""})
