"""What keys may be called: the audit knows people by these names, and must not mistake them."""

import re

from shared.domain.errors import BadInput

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_OF_CONFIGURED_KEYS = re.compile(r"configured-\d+")
ACTORS = frozenset(
    {
        *("market_data", "signal_generator", "signals", "recommender", "risk", "executor"),
        *("portfolio", "simulator", "backtest", "launcher", "shared", "trading", "platform"),
        *("monitoring", "configuration", "state-file", "panic", "live", "keys", "audit"),
        *("command-line", "cli", "system", "root", "unknown", "nobody", "first-start"),
    }
)
"""What acts by itself, and what might be taken for it, in lower case."""


def checked_name(name: str) -> str:
    """Return the name of a new key; those that are there already keep theirs.

    Raises:
        BadInput: the audit could not show it, or it is that of a part of the platform.
    """
    if not _NAME.fullmatch(name):
        remedy = "take 1 to 64 letters, digits, '.', '_', '-' or '@'"
        raise BadInput("NAME", f"{name!r} is no name of a key", remedy)
    if name.lower() in ACTORS or _OF_CONFIGURED_KEYS.fullmatch(name.lower()):
        remedy = f"name the person or program whose key it is, for example 'ada' or '{name}-bot'"
        raise BadInput("NAME", f"in the audit '{name}' is a part of the platform", remedy)
    return name
