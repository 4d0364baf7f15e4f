"""Ways to break the protocol on purpose: each has to be noticed by the model.

A name the executor of the model knows breaks what it does by hand; the others replace one of the
real functions by a wrong one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from executor.core import absence, order
from executor.core.order import OrderFacts
from executor.core.steps import Happening, _step
from executor.handlers import journal
from tests.model import executor

BY_HAND = (
    "send before commit",
    "send again",
    "failed on exception",
    "error is a miss",
    "no window",
    "new timestamp",
    "plain read of control",
    "lease by local clock",
    "TTL by local clock",
    "single endpoint",
    "no adoption",
)


def _absent_without_horizon(patch: pytest.MonkeyPatch) -> None:
    missed = absence.missed
    patch.setattr(
        absence,
        "missed",
        lambda search, now: missed(replace(search, final_after=now - timedelta(1)), now),
    )


def _one_miss_is_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(absence, "MISSES_NEEDED", 1)


def _released_while_fills_are_missing(patch: pytest.MonkeyPatch) -> None:
    def from_fills(facts, quantity):
        filled = facts.filled_quantity
        if filled > quantity:
            return order.OrderStatus.OVERFILLED
        return order.OrderStatus.FILLED if filled == quantity else None

    patch.setattr(order, "_from_fills", from_fills)


def _overfill_dropped(patch: pytest.MonkeyPatch) -> None:
    filled = journal._filled

    def keep_within(state, told, reference, now):
        if state.facts.filled_quantity + told.quantity > state.order.quantity:
            return _step(state, Happening.REPORTED, OrderFacts(), now)
        return filled(state, told, reference, now)

    patch.setattr(journal, "_filled", keep_within)


def _trade_id_not_in_the_key(patch: pytest.MonkeyPatch) -> None:
    filled = journal._filled

    def alike(state, told, reference, now):
        key = f"{told.venue_order_id}:{told.quantity}:{told.price}"
        return filled(state, replace(told, trade_id=key), reference, now)

    patch.setattr(journal, "_filled", alike)


def _environment_ignored(patch: pytest.MonkeyPatch) -> None:
    def is_ours(_mode, account, text):
        return text.startswith("f1") and text[4:8] == sha256(account.encode()).hexdigest()[:4]

    patch.setattr(executor, "is_client_order_id_of", is_ours)


REPLACED = {
    "absent without horizon": _absent_without_horizon,
    "one miss is enough": _one_miss_is_enough,
    "released while fills are missing": _released_while_fills_are_missing,
    "overfill dropped": _overfill_dropped,
    "trade id not in the key": _trade_id_not_in_the_key,
    "environment ignored": _environment_ignored,
}


@contextmanager
def broken(name: str) -> Iterator[frozenset[str]]:
    """Break the protocol in one way; yields what the executor of the model has to be told."""
    with pytest.MonkeyPatch.context() as patch:
        if name in REPLACED:
            REPLACED[name](patch)
        yield frozenset({name})
