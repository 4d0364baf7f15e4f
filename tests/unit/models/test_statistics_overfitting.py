from itertools import combinations

import numpy as np
import pytest

from models.statistics.overfitting import probability_of_overfitting
from shared.domain.errors import BadInput


def noise(length=640, configurations=20, seed=0):
    return np.random.default_rng(seed).normal(size=(length, configurations))


def naive(returns, blocks):
    parts = np.array_split(np.arange(len(returns)), blocks)
    overfitted = 0
    splits = list(combinations(range(blocks), blocks // 2))
    for chosen in splits:
        inside = np.concatenate([parts[one] for one in chosen])
        outside = np.setdiff1d(np.arange(len(returns)), inside)
        sharpe = [
            returns[half].mean(axis=0) / returns[half].std(axis=0) for half in (inside, outside)
        ]
        best = int(np.argmax(sharpe[0]))
        rank = (sharpe[1] < sharpe[1][best]).sum() + 1
        share = rank / (returns.shape[1] + 1)
        overfitted += np.log(share / (1 - share)) <= 0
    return overfitted / len(splits)


def test_choosing_among_noise_is_a_coin_toss():
    found = [probability_of_overfitting(noise(seed=seed), blocks=8) for seed in range(30)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_one_real_strategy_is_found_again():
    returns = noise()
    returns[:, 3] += 0.5
    assert probability_of_overfitting(returns, blocks=8) == 0.0
    assert probability_of_overfitting(returns) == 0.0


def test_a_strategy_that_lives_in_one_half_only_is_overfitted():
    returns = noise(configurations=2)
    returns[:320, 0] += 3.0
    returns[320:, 0] -= 3.2
    assert probability_of_overfitting(returns, blocks=2) == 1.0


@pytest.mark.parametrize("configurations", [2, 5, 20])
def test_it_agrees_with_the_definition(configurations):
    returns = noise(240, configurations, seed=configurations) + 0.05 * np.arange(configurations)
    assert probability_of_overfitting(returns, blocks=6) == pytest.approx(naive(returns, 6))


def test_a_large_mean_costs_no_digits():
    returns = noise(240, 5)
    scale = 1e-6
    found = probability_of_overfitting(returns * scale + 1.0, blocks=6)
    assert found == pytest.approx(naive(returns * scale + 1.0, 6))


def test_rows_that_do_not_fill_the_blocks_are_used_all_the_same():
    assert probability_of_overfitting(noise(647), blocks=8) is not None


@pytest.mark.parametrize(("length", "configurations"), [(640, 1), (640, 0), (31, 5), (0, 5)])
def test_too_little_to_split_says_nothing(length, configurations):
    assert probability_of_overfitting(noise(length, configurations)) is None


def test_a_missing_return_says_nothing():
    returns = noise()
    returns[5, 5] = np.nan
    assert probability_of_overfitting(returns) is None


def test_configurations_that_cannot_be_told_apart_are_no_evidence():
    assert probability_of_overfitting(np.repeat(noise(640, 1), 4, axis=1)) == 1.0
    assert probability_of_overfitting(np.zeros((640, 4))) == 1.0


@pytest.mark.parametrize("blocks", [0, 7])
def test_blocks_that_have_no_half_are_refused(blocks):
    with pytest.raises(BadInput, match="blocks"):
        probability_of_overfitting(noise(), blocks)
