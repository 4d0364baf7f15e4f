"""The baseline over history: `rules.advance` compiled, and nothing else.

Apart from `rules` because numba costs a process 68 MB that the streaming service has no use for.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numba.extending import register_jitable

from signals.core import rules
from signals.core.rules import RuleState

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Codes = np.ndarray[tuple[int], np.dtype[np.int8]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHistory:
    """One code (`rules.BUY`, ...) and one sigma per candle, and the state after the last."""

    codes: Codes
    sigma: Floats
    state: RuleState


for _part in (rules.smooth, rules.trend_of, rules.judge):
    register_jitable(_part)
# cached beside the file it is written in, so that a changed rule is never served from the cache;
# the loop is compiled anew: numba does not watch the files a cached function calls into
_advance = njit(cache=True)(rules.advance)


@njit
def _loop(
    state: RuleState, closes: Floats, is_filled: Flags, codes: Codes, sigma: Floats
) -> RuleState:
    for row in range(closes.shape[0]):
        state, codes[row], sigma[row] = _advance(state, closes[row], is_filled[row])
    return state


def rule_batch(
    closes: Floats, is_filled: Flags | None = None, state: RuleState | None = None
) -> RuleHistory:
    """Return what `rules.advance` says candle by candle, bit for bit.

    `closes` are positive floats in time order; `state` continues from candles seen before.
    """
    codes = np.empty(len(closes), dtype=np.int8)
    sigma = np.empty(len(closes), dtype=np.float64)
    flags = np.zeros(len(closes), dtype=np.bool_) if is_filled is None else is_filled
    values = np.ascontiguousarray(closes, dtype=np.float64)
    after = _loop(RuleState() if state is None else state, values, flags, codes, sigma)
    return RuleHistory(codes=codes, sigma=sigma, state=RuleState(*after))
