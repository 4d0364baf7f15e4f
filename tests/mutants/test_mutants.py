"""Each wrong line is noticed by a test; one that no longer applies is an error of its own."""

import pytest

from tests.mutants.wrong import MUTANTS

QUICK = [one for one in MUTANTS if one.is_quick]
SLOW = [one for one in MUTANTS if not one.is_quick]


def _is_noticed(copy, mutant):
    why = copy.survives(mutant)
    if why is not None:
        pytest.fail(why, pytrace=False)


def test_the_right_program_passes_what_its_mutants_fail(copy):
    done = copy.run(*sorted({one.test for one in QUICK}))
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("mutant", QUICK, ids=lambda one: one.name)
def test_a_wrong_line_is_noticed(copy, mutant):
    _is_noticed(copy, mutant)


@pytest.mark.long
def test_the_right_program_passes_what_its_slower_mutants_fail(copy):
    done = copy.run(*sorted({one.test for one in SLOW}))
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.long
@pytest.mark.parametrize("mutant", SLOW, ids=lambda one: one.name)
def test_a_wrong_line_is_noticed_by_a_server(copy, mutant):
    _is_noticed(copy, mutant)
