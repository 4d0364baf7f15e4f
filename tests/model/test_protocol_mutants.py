"""A model that does not notice a broken protocol proves nothing: each way to break it is caught."""

import sys

import pytest

from tests.model.breaking import BY_HAND, REPLACED, broken
from tests.model.playing import play

WITHIN = 2_000  # seeds


@pytest.mark.parametrize("name", [*BY_HAND, *REPLACED])
def test_each_way_to_break_the_protocol_is_noticed(name):
    with broken(name) as breaks:
        for seed in range(WITHIN):
            found = play(seed, breaks).broken
            if found:
                sys.stdout.write(f"{name}: seed {seed}, {found}\n")
                return
    pytest.fail(f"'{name}' survived {WITHIN} seeds", pytrace=False)
