"""The venue's package, hardened: our session, our clock, one request at a time, the raw reply.

What is used of python-binance is its map of addresses and its signature. Its session, its clock
(the system's, with a window of ten seconds), its reading of replies (into floats) and its
constructor (a ping, an event loop and two WebSockets) are replaced.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta

from binance.client import Client
from requests import Response

from shared.domain.clock import EPOCH, SystemClock
from venues.port import VenueAddress, VenueKeys
from venues.transport import HardSession, Reach, Reply

READ_WINDOW = timedelta(seconds=5)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(instant: datetime) -> int:
    """Return whole milliseconds since 1970, as the venue counts."""
    return (instant - EPOCH) // _MILLISECOND


class HardClient(Client):
    """A client for one thread; every method of the package sends one request, if any."""

    session: HardSession

    def __init__(self, keys: VenueKeys, address: VenueAddress, reach: Reach) -> None:  # pyright: ignore[reportMissingSuperCall]
        self.API_URL = f"{address.rest}/api"
        self.MARGIN_API_URL = f"{address.rest}/sapi"
        self.API_KEY = keys.key
        self.API_SECRET = keys.secret
        self.PRIVATE_KEY = None
        self.TIME_UNIT = None
        self.tld = "us"
        self.testnet = self.demo = self.verbose = self._is_rsa = False
        self._requests_params = None
        self.timestamp_offset = 0  # ours is `offset`
        self.session = HardSession(address.authority, reach)
        self.session.headers.update(self._get_headers())
        self.offset = timedelta()
        self._clock = SystemClock()
        self._pinned: tuple[datetime, timedelta] | None = None

    @property
    def has_keys(self) -> bool:
        return bool(self.API_KEY and self.API_SECRET)

    def now(self) -> datetime:
        """Return the venue's time as far as we know it."""
        return self._clock.now() + self.offset

    @contextmanager
    def signing(self, at: datetime, window: timedelta) -> Generator[None]:
        """Date the request of the block exactly so; the venue refuses it after `at + window`."""
        self._pinned = (at, window)
        try:
            yield
        finally:
            self._pinned = None

    def ask(self, call: Callable[..., object], **parameters: str | int | None) -> Reply:
        """Send the one request of a method of the package.

        Raises:
            requests.RequestException: no whole reply; `session.departure.has_left` says the rest.
            TooLate: as `HardSession.send`.
        """
        self.session.last = None
        self.session.departure.has_left = False
        call(**parameters)
        reply = self.session.last
        assert reply is not None  # the package came back, so it has sent
        return reply

    def start_stream(self) -> None:
        self._post("userDataStream", data={})

    def _get_headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "crypto-trading-engine"}
        if self.API_KEY:
            headers["X-MBX-APIKEY"] = self.API_KEY
        return headers

    def _generate_signature(self, data: dict[str, object], uri_encode: bool = True) -> str:  # noqa: FBT001, FBT002 - the package's own signature
        at, window = self._pinned or (self.now(), READ_WINDOW)
        data["timestamp"] = milliseconds(at)
        data["recvWindow"] = window // _MILLISECOND
        return super()._generate_signature(data, uri_encode)

    @staticmethod
    def _handle_response(response: Response) -> dict[str, object]:
        """Leave the reply to `ask`, as it came."""
        del response
        return {}
