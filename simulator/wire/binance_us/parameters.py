"""The parameters of one request: as transmitted (that is what is signed) and as they read."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl

from shared.domain.clock import EPOCH
from simulator.wire.binance_us.errors import VenueError, illegal, mandatory
from simulator.wire.binance_us.house import DECIMALS, DEFAULT_ROWS, MAX_ROWS

_AMOUNT = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER = r"^[0-9]{1,20}$"
_SIGNATURE = re.compile(r"(^|&)signature=([^&]*)")
SECURITY_NAMES = frozenset({"timestamp", "recvWindow", "signature"})
_LAST_INSTANT = 7_258_118_400_000  # the year 2200, in milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """`signed_text` is query and body exactly as they came, without the signature."""

    values: Mapping[str, str]
    signed_text: str = ""
    signature: str | None = field(default=None, repr=False)

    def text(self, name: str) -> str | None:
        return self.values.get(name) or None

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise mandatory(name)
        return value

    def amount(self, name: str) -> Decimal | None:
        """Return a positive amount of at most eight decimals, None where it was not sent."""
        text = self.text(name)
        if text is None:
            return None
        if not re.fullmatch(_AMOUNT, text):
            raise illegal(name, _AMOUNT)
        value = Decimal(text)
        if value != round(value, DECIMALS):
            raise VenueError(-1111, "Precision is over the maximum defined for this asset.")
        if value == 0:
            what = "price" if "rice" in name else "quantity"
            raise VenueError(-1013, f"Invalid {what}.")
        return value

    def integer(self, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        if not re.fullmatch(_INTEGER, text):
            raise illegal(name, _INTEGER)
        return int(text)

    def instant(self, name: str) -> datetime | None:
        """Return the instant of a parameter in milliseconds."""
        number = self.integer(name)
        if number is None:
            return None
        if number > _LAST_INSTANT:
            raise illegal(name, _INTEGER)
        return EPOCH + timedelta(milliseconds=number)

    def rows(self) -> int:
        """Return `limit`: what is above the maximum counts as the maximum."""
        return min(self.integer("limit") or DEFAULT_ROWS, MAX_ROWS)

    def reject_unread(self, reads: Collection[str]) -> None:
        unread = [name for name in self.values if name not in reads and name not in SECURITY_NAMES]
        if unread:
            sent = len(self.values)
            raise VenueError(
                -1104,
                "Not all sent parameters were read; "
                f"read '{sent - len(unread)}' parameter(s) but was sent '{sent}'.",
            )


def read_parameters(query: str, body: str) -> Parameters:
    """Return what was sent: a parameter of the query counts before the same one of the body.

    Raises:
        VenueError: one place names a parameter twice.
    """
    signature: str | None = None
    parts: list[str] = []
    values: dict[str, str] = {}
    for place in (body, query):
        pairs = parse_qsl(place, keep_blank_values=True)
        if len({name for name, _ in pairs}) != len(pairs):
            raise VenueError(-1101, "Duplicate values for a parameter detected.")
        values.update(pairs)
    for place in (query, body):
        found = _SIGNATURE.search(place)
        if found:
            signature = found.group(2)
        parts.append(_SIGNATURE.sub("", place).removeprefix("&"))
    return Parameters(values=values, signed_text="".join(parts), signature=signature)


def milliseconds(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(milliseconds=1)
