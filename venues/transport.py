"""The session every venue package sends through: strict, watched, and sure about what has left.

It takes nothing from the environment (no proxy, no `.netrc`, no certificate bundle), follows no
redirect, repeats nothing, always has time limits, and knows for every request whether a byte of it
went out: what failed before that was certainly not done, whatever failed after it may have been.
"""

import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Timer
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

CONNECT_SECONDS = 2.0
READ_SECONDS = 6.0
MAX_REPLY_BYTES = 32_000_000

Reach = Callable[[str], None]


class TooLate(Exception):
    """The request was held up until it may no longer leave."""


def _nowhere(_point: str) -> None:
    return


@dataclass(slots=True)
class Departure:
    """What is known of the request in hand: whether it left, and until when it may.

    `reach` is told where a request is (crash tests stop the process there). `answer_by`: when its
    answer must have come, whole.
    """

    reach: Reach = _nowhere
    has_left: bool = False
    send_by: float | None = None
    answer_by: float = 0.0

    def leaving(self, send: Callable[[Any], None], data: Any) -> None:
        if not self.has_left and self.send_by is not None and time.monotonic() > self.send_by:
            raise TooLate
        first, self.has_left = not self.has_left, True
        if first and self.send_by is not None and isinstance(data, bytes):
            middle = len(data) // 2
            send(data[:middle])
            self.reach("venue.mid_send")
            send(data[middle:])
        else:
            send(data)


def _watching(base: type[Any], departure: Departure) -> type[Any]:
    """Return the connection class that tells `departure` when the first byte goes out."""

    class Watched(base):
        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()  # name, address and certificate first: nothing has left yet
            departure.leaving(super().send, data)

        def getresponse(self) -> Any:
            departure.answer_by = time.monotonic() + 2 * READ_SECONDS
            with _cut_off_after(2 * READ_SECONDS, self.sock):
                return super().getresponse()

    return Watched


@contextmanager
def _cut_off_after(seconds: float, sock: socket.socket) -> Generator[None]:
    """End what is read in the block, however slowly: a socket's own limit is for each byte.

    Raises:
        TimeoutError: it was cut off.
    """
    is_late = Event()

    def cut_off() -> None:
        is_late.set()
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, cut_off)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_late.is_set():  # an end in the middle of the head would pass for the end of it
            raise TimeoutError("the head of the answer was too slow")


class _Adapter(HTTPAdapter):
    def __init__(self, departure: Departure) -> None:
        self._departure = departure
        super().__init__(max_retries=0, pool_connections=2, pool_maxsize=2)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        watched = {
            "http": (HTTPConnectionPool, HTTPConnection),
            "https": (HTTPSConnectionPool, HTTPSConnection),
        }
        manager: Any = self.poolmanager  # its own attribute for this purpose, typed too narrowly
        manager.pool_classes_by_scheme = {
            scheme: type(
                pool.__name__, (pool,), {"ConnectionCls": _watching(connection, self._departure)}
            )
            for scheme, (pool, connection) in watched.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`headers` by lower-case name."""

    status: int
    headers: dict[str, str]
    body: bytes


class HardSession(requests.Session):
    """A session for one thread; `last` is the newest reply, as it came."""

    def __init__(self, authority: str | None = None, reach: Reach = _nowhere) -> None:
        super().__init__()
        self.trust_env = False
        self.departure = Departure(reach=reach)
        self.verify = authority or True
        self.max_redirects = 0
        self.last: Reply | None = None
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(self.departure))

    @contextmanager
    def sending_by(self, deadline: float) -> Generator[None]:
        """Let the one request of the block leave until `time.monotonic()` reaches `deadline`."""
        self.departure.send_by = deadline
        try:
            yield
        finally:
            self.departure.send_by = None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send once.

        Raises:
            requests.RequestException: as `requests` does; `departure.has_left` says the rest.
            TooLate: the time to send is over, and nothing left.
        """
        self.last = None
        self.departure.has_left = False
        kwargs.update(timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False, stream=True)
        response = super().send(request, **kwargs)
        self.departure.reach("venue.answered")
        response._content = _limited(response, self.departure.answer_by)  # noqa: SLF001 - read here, with a limit  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.last = Reply(status=response.status_code, headers=headers, body=response.content)
        return response


def _limited(response: requests.Response, answer_by: float) -> bytes:
    """Return the body; a venue's answer beyond every sense is cut off as unreadable."""
    parts: list[bytes] = []
    size = 0
    for part in _as_it_comes(response):
        parts.append(part)
        size += len(part)
        if size > MAX_REPLY_BYTES or time.monotonic() > answer_by:
            response.close()
            raise requests.ConnectionError("the answer was too long or too slow")
    return b"".join(parts)


def _as_it_comes(response: requests.Response) -> Generator[bytes]:
    """Yield what one look at the network gives: whoever waits for more waits for a slow venue."""
    try:
        while part := response.raw.read1(65_536, decode_content=True):
            yield part
    except HTTPError as error:
        raise requests.ConnectionError(str(error)) from error
