"""The venue as one application: tokens are checked, rates kept, and the table of answers served."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from math import ceil
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from simulator.metering import Meter
from simulator.wire.coinbase.auth import Keyring, bearer, demand_trading
from simulator.wire.coinbase.calls import Access, Call, Entry
from simulator.wire.coinbase.errors import VenueError, invalid, no_such_path, too_fast
from simulator.wire.coinbase.routes import ENTRIES, STREAM_PATH, operation
from simulator.wire.coinbase.stream import stream_of
from simulator.wire.port import Application, Premises, SimulatedKey, Wire

_PRIVATE_PER_SECOND = 30  # per user
_PUBLIC_PER_SECOND = 10  # per address
_NOBODY = SimulatedKey(key="", secret="", account="", may_trade=False)


def coinbase_wire(premises: Premises) -> Wire:
    """Return the venue over these premises.

    Raises:
        ValueError: a secret is no private key that Coinbase would have given.
    """
    keyring = Keyring(keys=premises.keys)
    desk = _Desk(
        premises=premises,
        keyring=keyring,
        private=_meter(_PRIVATE_PER_SECOND, premises),
        public=_meter(_PUBLIC_PER_SECOND, premises),
    )
    routes = [Route(one.path, _served(one, desk), methods=[one.method]) for one in ENTRIES]
    stream = WebSocketRoute(STREAM_PATH, stream_of(premises, keyring))
    application = Starlette(
        routes=[*routes, stream],
        exception_handlers={404: _not_there, 405: _not_there, VenueError: _refused},
    )
    application.router.redirect_slashes = False
    return Wire(application=_dated(application, premises), operation=operation)


def _dated(application: Application, premises: Premises) -> Application:
    """Let every answer say when it was given: by that a refused token is told from a wrong key."""

    async def dated(scope: Any, receive: Any, send: Any) -> None:
        async def say(message: Any) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(premises.exchange.now(), usegmt=True)
                headers = [*message.get("headers", ()), (b"date", date.encode())]
                message = {**message, "headers": headers}
            await send(message)

        await application(scope, receive, say)

    return dated


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    premises: Premises
    keyring: Keyring
    private: Meter
    public: Meter

    def admit(self, request: Request, entry: Entry) -> tuple[SimulatedKey, dict[str, str]]:
        """Return who asks, and the headers that tell what is left of the rate.

        A public request is not asked for its token, even where it carries one.
        """
        now = self.premises.exchange.now().timestamp()
        if entry.access is Access.PUBLIC:
            host = request.client.host if request.client else ""
            return _NOBODY, self._spend(self.public, host, now)
        token = bearer(request.headers.get("authorization", ""))
        key = self.keyring.holder(token, _uris(request), now)
        headers = self._spend(self.private, key.account, now)
        if entry.access is Access.TRADE:
            demand_trading(key)
        return key, headers

    def _spend(self, meter: Meter, who: str, now: float) -> dict[str, str]:
        if not self.premises.limits.is_enforced:
            return {}
        use = meter.spend(who, 1, now)
        headers = {
            "x-ratelimit-limit": str(use.limit),
            "x-ratelimit-remaining": str(use.remaining),
            "x-ratelimit-reset": str(ceil(use.reset_seconds)),
        }
        if use.is_exceeded:
            raise too_fast(headers)
        return headers


def _served(entry: Entry, desk: _Desk) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        body = await request.body() if entry.method == "POST" else b""
        key, headers = desk.admit(request, entry)
        call = Call(
            exchange=desk.premises.exchange,
            key=key,
            path=request.path_params,
            query=_query(request),
            body=_read(body) if body else {},
        )
        return JSONResponse(entry.answer(call), headers=headers)

    return serve


def _uris(request: Request) -> tuple[str, ...]:
    """Return what the token may name: the path as it was sent, or as it reads."""
    host, method = request.headers.get("host", ""), request.method
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    paths = (raw.decode("latin-1").partition("?")[0], request.url.path)
    return tuple(f"{method} {host}{path}" for path in paths)


def _query(request: Request) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    return found


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        read: Any = json.loads(body, parse_float=_no_amount, parse_constant=_no_amount)
    except (ValueError, RecursionError) as error:
        raise invalid("the request body is no JSON") from error
    if not isinstance(read, dict):
        raise invalid("the request body is no object")
    return read


def _no_amount(text: str) -> object:
    """Refuse a JSON number with a point: amounts are text, and nothing becomes a float."""
    raise ValueError(f"{text} is no text")


def _meter(per_second: int, premises: Premises) -> Meter:
    return Meter(limit=max(1, int(per_second * premises.limits.scale)), seconds=1)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, VenueError)
    if isinstance(error.body, str):
        return PlainTextResponse(error.body, error.status, error.headers)
    return JSONResponse(error.body, error.status, error.headers)


async def _not_there(request: Request, _: Exception) -> Response:
    return await _refused(request, no_such_path(request.url.path))
