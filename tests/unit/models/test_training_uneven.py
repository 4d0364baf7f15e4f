"""Instruments that were not there all the time: young ones, dead ones, some with holes."""

import numpy as np
import pytest

from models.manifest import TradedMarket
from models.train import train_models
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from tests.unit.models.trained_models import BTC, ETH, NOW, quick, weak_market

COUNT = 3_200
YOUNG, DEAD, TORN, LATE = (Symbol(f"{name}-USDT") for name in ("YOUNG", "DEAD", "TORN", "LATE"))
HOUR_OF_BLOCK = 2_100  # the first of three test blocks begins before


@pytest.fixture(scope="module")
def infos(tmp_path_factory):
    there = {
        BTC: np.arange(COUNT),
        ETH: np.arange(COUNT),
        YOUNG: np.arange(HOUR_OF_BLOCK - 400, COUNT),
        DEAD: np.arange(1_600),
        TORN: np.r_[0:2_080, 2_250:COUNT],
        LATE: np.r_[0:1_300, 2_800:COUNT],
    }
    data = {
        symbol: weak_market(symbol, seed, count=COUNT).taken(rows)
        for seed, (symbol, rows) in enumerate(there.items(), start=1)
    }
    market = TradedMarket.of("made", Interval.H1, tuple(there))
    root = tmp_path_factory.mktemp("uneven")
    config = quick(market=market, role=None, min_effective_labels=20.0)
    made = train_models(data, config, root, NOW, lambda _text, _share: None)
    return {info.scope: info for info in made}


def test_those_who_can_be_judged_get_a_release_and_disturb_nobody(infos):
    assert set(infos) == {"GLOBAL", "BTCUSDT", "ETHUSDT", "YOUNGUSDT", "TORNUSDT"}


def test_a_young_instrument_is_measured_by_the_base_rate_of_all_until_it_has_its_own(infos):
    first = infos["YOUNGUSDT"].evaluation.folds[0]
    shared = infos["GLOBAL"].evaluation.folds[0]
    assert first.number == shared.number == 1
    assert np.isfinite(first.base_log_loss)


def test_a_block_without_a_row_makes_no_fold_of_that_instrument(infos):
    torn = infos["TORNUSDT"].evaluation
    assert [fold.number for fold in torn.folds] == [1, 3]
    assert all(fold.rows > 0 and fold.trees > 0 for fold in torn.folds)
    assert [fold.number for fold in infos["BTCUSDT"].evaluation.folds] == [1, 2, 3]
    assert sum(fold.rows for fold in torn.folds) == torn.skill.rows


def test_the_mean_of_two_opinions_counts_as_a_try_whether_it_is_chosen_or_not(infos):
    for scope in ("BTCUSDT", "ETHUSDT"):  # shared, own, both, and the pooled model itself
        assert infos[scope].evaluation.walk_forward.trials == 4
