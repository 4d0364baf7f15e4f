"""One question at a time, within the budget; and how its reply is read."""

from collections.abc import Callable
from typing import TypeVar

import requests

from venues.binance_us import outcome
from venues.binance_us.client import HardClient
from venues.binance_us.limits import WEIGHT, heed
from venues.errors import KeyRefused, VenueAway
from venues.opening import Credentials
from venues.port import VenueName
from venues.reading import Document, Unreadable
from venues.transport import Reply, TooLate

T = TypeVar("T")

_VENUE = VenueName.BINANCE_US


class Asker:
    """The client and the budget it asks within, for one thread."""

    def __init__(self, credentials: Credentials) -> None:
        self.client = HardClient(credentials.keys, credentials.address, credentials.reach)
        self.budget = credentials.budget

    def public(
        self,
        weight: int,
        call: Callable[..., object],
        *,
        is_urgent: bool = False,
        **parameters: str | int | None,
    ) -> Reply:
        """Return the reply to one request, whatever it says; a parameter of None is left out.

        Raises:
            VenueError: it was not sent, or not answered.
        """
        self.budget.spend(WEIGHT, weight, is_urgent=is_urgent)
        try:
            reply = self.client.ask(call, **parameters)
        except (requests.RequestException, OSError, TooLate) as error:
            raise VenueAway(_VENUE, f"no answer: {type(error).__name__}") from error
        heed(self.budget, reply)
        return reply

    def signed(
        self,
        weight: int,
        call: Callable[..., object],
        *,
        is_urgent: bool = False,
        **parameters: str | int | None,
    ) -> Reply:
        """Do as `public`, with the API key and its signature."""
        if not self.client.has_keys:
            raise KeyRefused(_VENUE, "there is no API key")
        return self.public(weight, call, is_urgent=is_urgent, **parameters)


def reading(reply: Reply, parse: Callable[[Document], T]) -> T:
    """Return what an answer says.

    Raises:
        VenueError: it is an error, or cannot be read.
    """
    document = outcome.of_question(reply)
    try:
        return parse(document)
    except Unreadable as error:
        raise VenueAway(_VENUE, str(error)) from error


def each(reply: Reply, parse: Callable[[Document], T]) -> list[T]:
    """Return what every entry of an answer says; raises as `reading`."""
    return reading(reply, lambda answer: [parse(one) for one in answer.items()])
