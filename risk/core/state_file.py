"""What a file says about the trading state: one word first, then, if anything, why.

It can only tighten, so `run` asks for nothing; what cannot be understood asks for REDUCE.
"""

from dataclasses import dataclass

from shared.domain.enums import TradingState

_WORDS = {str(state): state for state in TradingState}
_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`is_clear`: whether the file names a state; one that does not may be half written."""

    state: TradingState
    reason: str
    is_clear: bool = True


def wish_of(text: str) -> Wish:
    """Return what the text asks for: `halt`, or `halt venue maintenance`, or on two lines."""
    first, *_ = text.strip().split(maxsplit=1) or ("",)
    state = _WORDS.get(first.rstrip(":").lower())
    if state is None:
        return unclear(f"it begins with '{first[:_SHOWN]}', not with run, reduce or halt")
    why = " ".join(text.strip()[len(first) :].split())
    return Wish(state=state, reason=why or f"it says {state}")


def unclear(why: str) -> Wish:
    return Wish(state=TradingState.REDUCE, reason=why, is_clear=False)
