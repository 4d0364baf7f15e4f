"""Every request of a probe and what came back, as it was on the wire, without secrets."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import requests

from launcher.masking import Mask
from venues.transport import HardSession, Reply

_PAUSE_SECONDS = 0.2  # a few requests a second are within every venue's limits
_LEFT_OUT = frozenset({"set-cookie", "authorization"})

Entry = Mapping[str, Any]


class Notebook:
    """Notes what one session sends; for one thread."""

    def __init__(self, session: HardSession, mask: Mask) -> None:
        self._session = session
        self._mask = mask
        self._sent: requests.PreparedRequest | None = None
        self._entries: list[Entry] = []
        hooks: Any = session.hooks["response"]
        hooks.append(self._saw)

    def ask(self, call: Callable[[], object]) -> Reply:
        """Send the one request of `call` and return its reply without secrets, whatever it says.

        Raises:
            requests.RequestException: no whole reply came.
        """
        time.sleep(_PAUSE_SECONDS)
        self._sent = self._session.last = None
        try:
            call()
        except Exception as error:
            self._entries.append({"request": self._request(), "error": type(error).__name__})
            raise
        reply = self._session.last
        assert reply is not None  # the call came back, so it has sent
        clean = replace(reply, body=self._mask(reply.body.decode(errors="replace")).encode())
        self._entries.append({"request": self._request(), "response": self._response(clean)})
        return clean

    def note(self, request: str, response: str) -> None:
        """Keep what went another way than through the session."""
        self._entries.append(
            {"request": {"body": self._mask(request)}, "response": {"body": self._mask(response)}}
        )

    def tear_off(self) -> list[Entry]:
        """Return what was noted since the last time."""
        entries, self._entries = self._entries, []
        return entries

    def _saw(self, response: requests.Response, *_args: object, **_kwargs: object) -> None:
        self._sent = response.request

    def _request(self) -> Entry | None:
        if self._sent is None:
            return None
        body = self._sent.body or b""
        text = body.decode() if isinstance(body, bytes) else str(body)
        url = self._mask(str(self._sent.url))
        return {"method": self._sent.method, "url": url, "body": self._mask(text)}

    def _response(self, reply: Reply) -> Entry:
        headers = {
            name: self._mask(value)
            for name, value in sorted(reply.headers.items())
            if name not in _LEFT_OUT
        }
        return {"status": reply.status, "headers": headers, "body": reply.body.decode()}
