"""Leaves secrets out of what a command writes down of its talk with a venue."""

import re
from collections.abc import Iterable

from venues.port import VenueKeys

HIDDEN = "hidden"
_SHORTEST = 6  # shorter ones would take half of every text with them
_NAMED = "apiKey|api_key|listenKey|token|uid|subName|userId|user_id|remark|nonce"
_IN_JSON = re.compile(rf'"({_NAMED}|\w*portfolio_u?u?id|signature)"(\s*:\s*)("[^"]*"|-?\d+)')
_IN_QUERY = re.compile(r"\b(signature|listenKey|apiKey)=[^&\s\"]+")


class Mask:
    """Hides the parts of the keys wherever they are, and fields that name a person or a session."""

    def __init__(self, keys: VenueKeys) -> None:
        parts = {keys.key, keys.secret, keys.passphrase, *_lines(keys.secret)}
        self._parts = sorted((one for one in parts if len(one) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for part in self._parts:
            text = text.replace(part, HIDDEN)
        text = _IN_JSON.sub(rf'"\1"\2"{HIDDEN}"', text)
        return _IN_QUERY.sub(rf"\1={HIDDEN}", text)


def _lines(secret: str) -> Iterable[str]:
    """Return the lines of a private key that are the key itself."""
    return (line for line in secret.splitlines() if not line.startswith("-----"))
