"""What a request may cost, and what every answer carries; plain ASGI, for speed."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from anyio import to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.errors import problem, unexpected
from shared.http.headers import add_headers
from shared.http.keys import Principal
from shared.http.uses import Uses

Observe = Callable[[str, str, int, float], None]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_FORBIDDEN, _TOO_MANY = 403, 429


class TooLargeInWords:
    """Turns the framework's bare 413 into a problem document."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._detail = f"a body may have at most {max_bytes} bytes; send less at once"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = False

        async def in_words(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] == 413:
                refused = True
                await problem(413, "too_large", self._detail)(scope, receive, send)
            elif not refused:
                await send(message)

        await self._app(scope, receive, in_words)


class Accounted:
    """Has every use of a known key told: of what may have changed something before it is answered.

    A caller who was answered can be sure that the audit knows of the call.
    """

    def __init__(self, app: ASGIApp, uses: Uses) -> None:
        self._app = app
        self._uses = uses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        told = False

        async def tell_first(message: Message) -> None:
            nonlocal told
            if message["type"] == "http.response.start":
                told = True
                await self._account(scope, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, tell_first)
        except Exception:
            if not told:
                await self._account(scope, 500)
            raise

    async def _account(self, scope: Scope, status: int) -> None:
        state: dict[str, Any] = scope.get("state", {})
        who: Principal | None = state.get("principal")
        if who is None or status == _TOO_MANY:
            return
        use = (who, scope["method"], _route(scope), status)
        may_have_changed = scope["method"] in _CHANGING and state["needed"] != "read"
        if may_have_changed and status != _FORBIDDEN:
            await to_thread.run_sync(self._uses.tell, *use)
        else:
            self._uses.note(*use)


class Observed:
    """Measures every request by its route and adds the security headers, to failures too."""

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at = perf_counter()
        status = 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                add_headers(message, scope["path"], scope["scheme"])
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        except Exception as error:
            if not status:  # answered here, or the answer would lack the headers
                await unexpected(error)(scope, receive, with_headers)
            raise
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._observe(_route(scope), method, status or 500, perf_counter() - started_at)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unmatched")
