"""Private events over a WebSocket, as hints: what they say is looked up, never believed.

A stream that is silent for too long, closes, or says what cannot be read is opened again, with
longer and longer pauses; every opening begins with a `Gap`, because something may have been missed.
"""

import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from shared.domain.venue import Gap, Hint
from venues.errors import VenueError

_SHORTEST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_LISTEN_SECONDS = 1.0
# `websockets` hands on whatever ended a handshake: EOFError, or an encoding it does not know
_ENDS = (VenueError, WebSocketException, EOFError, NotImplementedError, OSError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Where to connect, and what to say first."""

    url: str
    greetings: tuple[str, ...] = ()


class Dialect(Protocol):
    """How one venue's private stream is spoken. Lives in the thread of the stream."""

    @property
    def silence_seconds(self) -> float:
        """The longest silence of a healthy stream."""
        ...

    @property
    def beat_seconds(self) -> float: ...

    def opening(self) -> Opening:
        """Return where to connect now, after asking for a token where one is needed.

        Raises:
            VenueError: the token could not be had.
        """
        ...

    def hints(self, message: str) -> Sequence[Hint]:
        """Return what to look at; a message about anything else gives nothing.

        Raises:
            ValueError: the message cannot be read, or says that the stream has failed.
        """
        ...

    def beat(self) -> Sequence[str]:
        """Keep the stream alive, every `beat_seconds`; return what to send on it."""
        ...


def follow(
    dialect: Dialect, hear: Callable[[Hint], None], stop: Event, authority: str | None = None
) -> None:
    """Tell `hear` every hint until `stop` is set; never raises."""
    pause = _SHORTEST_PAUSE
    while not stop.is_set():
        started = time.monotonic()
        try:
            _listen(dialect, hear, stop, authority)
        except _ENDS as error:
            hear(Gap(reason=type(error).__name__))  # its text may hold an address with a token
        if time.monotonic() - started > _LONGEST_PAUSE:
            pause = _SHORTEST_PAUSE
        stop.wait(pause * (0.5 + secrets.randbelow(1000) / 1000))
        pause = min(pause * 2, _LONGEST_PAUSE)


def _listen(
    dialect: Dialect, hear: Callable[[Hint], None], stop: Event, authority: str | None
) -> None:
    opening = dialect.opening()
    trusted = None
    if opening.url.startswith("wss://"):
        trusted = ssl.create_default_context(cafile=authority)
    with connect(opening.url, ssl=trusted, open_timeout=5, close_timeout=1) as socket:
        for greeting in opening.greetings:
            socket.send(greeting)
        hear(Gap(reason="the stream was opened"))
        heard_at = beaten_at = time.monotonic()
        while not stop.is_set():
            now = time.monotonic()
            if now - heard_at > dialect.silence_seconds:
                raise TimeoutError(f"silent for {dialect.silence_seconds:.0f} s")
            if now - beaten_at > dialect.beat_seconds:
                _beat(dialect, socket)
                beaten_at = now
            message = _message(socket)
            if message is None:
                continue
            heard_at = time.monotonic()
            for hint in dialect.hints(message):
                hear(hint)


def _beat(dialect: Dialect, socket: Connection) -> None:
    for message in dialect.beat():
        socket.send(message)


def _message(socket: Connection) -> str | None:
    try:
        message = socket.recv(timeout=_LISTEN_SECONDS)
    except TimeoutError:
        return None
    return message if isinstance(message, str) else message.decode()
