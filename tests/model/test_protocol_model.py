"""Thousands of short histories of the submit protocol, each full of faults, none without an end."""

import sys
from collections import Counter

import pytest

from tests.model.playing import play

SHARES = 5  # so that several workers can play at once
SEEDS = 5_000
MANY_SEEDS = 200_000


def _play(seeds, twice_every=100):
    counts = Counter()
    for seed in seeds:
        outcome = play(seed)
        counts.update(outcome.counts)
        if outcome.broken:
            pytest.fail(outcome.told(), pytrace=False)
        if seed % twice_every == 0:
            assert play(seed).digest == outcome.digest, f"seed {seed} is not the same twice"
    return counts


def _say(counts):
    sys.stdout.write(f"{dict(counts)}\n")


@pytest.mark.parametrize(
    "share",
    [pytest.param(one, marks=pytest.mark.long if one > 1 else ()) for one in range(SHARES)],
)
def test_every_history_ends_with_books_and_venue_telling_the_same(share):
    counts = _play(range(share, SEEDS, SHARES))
    _say(counts)
    # a model in which nothing happens proves nothing
    assert all(
        counts[name] > 0
        for name in ("accepted", "unknowns_resolved", "absents", "takeovers", "adopted")
    )
    assert counts["orders"] > 4 * SEEDS / SHARES


@pytest.mark.long
@pytest.mark.parametrize("share", range(20))
def test_two_hundred_thousand_histories(share):
    _say(_play(range(SEEDS + share, MANY_SEEDS, 20)))
