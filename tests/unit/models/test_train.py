from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models.artifact import verify
from models.booster import BoosterParams
from models.dataset import training_set
from models.forest import read_forest
from models.manifest import FILES, LabelRule, TradedMarket
from models.registry import Registry
from models.train import train_models
from shared.domain.enums import Interval
from shared.domain.errors import BadInput, Conflict
from shared.domain.ids import Symbol
from tests.unit.models.trained_models import (
    MARKET,
    NOW,
    START,
    opposed_markets,
    quick,
    train_into,
    weak_market,
    weak_markets,
)

BTC, ETH = Symbol("BTC-USDT"), Symbol("ETH-USDT")
LONE = TradedMarket.of("made", Interval.H1, (ETH,))


def silent(_text, _share):
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_into(tmp_path_factory.mktemp("train"))


def test_the_same_candles_seed_and_instant_give_the_same_bytes(trained, tmp_path):
    threaded = quick(booster=replace(quick().booster, threads=2))
    again = train_models(weak_markets(), threaded, tmp_path, NOW, silent)
    for first, second in zip(trained, again, strict=True):
        for name in (*FILES, "manifest.json"):
            assert (first.path / name).read_bytes() == (second.path / name).read_bytes(), name


def test_another_seed_gives_other_trees(trained, tmp_path):
    reseeded = quick(booster=replace(quick().booster, seed=8))
    other = train_models(weak_markets(), reseeded, tmp_path, NOW, silent)
    assert (trained[0].path / "booster.ubj").read_bytes() != (
        other[0].path / "booster.ubj"
    ).read_bytes()


def test_a_weak_structure_is_found_on_rows_that_fitted_nothing(tmp_path):
    """Long enough that the holdout holds some 140 independent labels."""
    data = {BTC: weak_market(BTC, 1, count=9_000), ETH: weak_market(ETH, 2, count=9_000)}
    pooled = train_models(data, quick(), tmp_path, NOW, silent)[0]
    assert pooled.holdout is not None
    assert pooled.holdout.beats_base_rate
    assert pooled.holdout.auc > 0.55
    assert pooled.reference_kelly > 0


def test_noise_teaches_nothing_worth_betting_on(tmp_path):
    data = {BTC: weak_market(BTC, 5, strength=0.0), ETH: weak_market(ETH, 6, strength=0.0)}
    pooled = train_models(data, quick(), tmp_path, NOW, silent)[0]
    assert pooled.holdout is not None
    assert abs(pooled.holdout.auc - 0.5) < 0.1
    assert pooled.holdout.log_loss > pooled.holdout.base_log_loss - 0.01


def test_every_instrument_gets_a_release_and_becomes_champion(trained):
    assert [info.scope for info in trained] == ["GLOBAL", "BTCUSDT", "ETHUSDT"]
    registry = Registry(trained[0].path.parents[1])
    registry.refresh()
    assert {model.release_id for model in registry.champions().values()} == {
        info.release_id for info in trained
    }


def test_an_instrument_unlike_the_others_earns_its_own_trees(tmp_path):
    infos = train_models(opposed_markets(), quick(), tmp_path / "free", NOW, silent)
    assert "own" in {info.kind for info in infos[1:]}
    demanding = quick(min_effective_labels=1_500.0)
    infos = train_models(weak_markets(), demanding, tmp_path / "demanding", NOW, silent)
    assert {info.kind for info in infos} == {"global"}
    shared = [(info.path / "booster.ubj").read_bytes() for info in infos]
    assert len(set(shared)) == 1
    assert len({(info.path / "calibrator.json").read_bytes() for info in infos}) == 3


def test_a_lone_instrument_is_served_by_the_pooled_trees(tmp_path):
    infos = train_models({ETH: weak_markets()[ETH]}, quick(market=LONE), tmp_path, NOW, silent)
    assert [(info.scope, info.kind) for info in infos] == [
        ("GLOBAL", "global"),
        ("ETHUSDT", "global"),
    ]


def test_an_instrument_is_learned_beside_the_reference_it_is_served_with(tmp_path):
    """Trained alone, ETH still stands beside BTC, of which nothing is learned."""
    whole = train_models(weak_markets(), quick(publish=False), tmp_path / "both", NOW, silent)
    alone = quick(market=MARKET.only((ETH,)))
    infos = train_models(weak_markets(), alone, tmp_path / "alone", NOW, silent)
    manifest = verify(infos[1].path).manifest
    assert [info.scope for info in infos] == ["GLOBAL", "ETHUSDT"]
    assert manifest.references == {ETH: BTC}
    assert manifest.data_fingerprint == verify(whole[0].path).manifest.data_fingerprint
    with pytest.raises(BadInput, match="BTC-USDT"):
        train_models({ETH: weak_markets()[ETH]}, alone, tmp_path, NOW, silent)


def test_nothing_after_until_is_learned(trained, tmp_path):
    until = datetime.fromtimestamp(START, UTC) + timedelta(hours=2_500)
    cut = train_models(weak_markets(), quick(until=until), tmp_path, NOW, silent)
    manifest = verify(cut[0].path).manifest
    assert manifest.trained_until <= until < verify(trained[0].path).manifest.trained_until
    early = {s: c.taken(np.arange(2_500)) for s, c in weak_markets().items()}
    assert manifest.data_fingerprint == training_set(early, LabelRule(), MARKET).fingerprint


def test_a_recent_dataset_keeps_its_days_and_says_so(tmp_path):
    infos = train_models(weak_markets(), quick(dataset="recent_90d"), tmp_path, NOW, silent)
    assert infos[0].release_id.startswith("GLOBAL_recent_90d_cpu_xgboost_model_")
    windows = verify(infos[0].path).manifest.windows
    assert windows["holdout"].last_at - windows["train"].first_at < timedelta(days=91 + 22)


def test_a_booster_is_cut_behind_its_best_round_and_carries_its_name(trained):
    for info in trained:
        contents = verify(info.path)
        forest = read_forest(contents.files["booster.ubj"])
        assert len(forest.roots) == info.rounds == contents.manifest.rounds
        assert 1 <= info.rounds <= quick().booster.max_rounds
        assert forest.attributes["schema_hash"] == contents.manifest.schema_hash
        assert forest.attributes["release_id"] in (
            contents.manifest.release_id,
            contents.manifest.parent_id,
        )


def test_progress_is_told_from_beginning_to_end(tmp_path):
    heard = []
    train_models(
        weak_markets(), quick(publish=False), tmp_path, NOW, lambda *said: heard.append(said)
    )
    shares = [share for _, share in heard]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert "instruments" in heard[0][0]
    assert Registry(tmp_path).refresh() == ()


def test_a_second_training_in_the_same_second_is_a_conflict(tmp_path):
    train_models(weak_markets(), quick(), tmp_path, NOW, silent)
    with pytest.raises(Conflict):
        train_models(weak_markets(), quick(), tmp_path, NOW, silent)


def test_a_device_that_is_not_there_is_refused_and_nothing_is_written(tmp_path):
    asked = quick(booster=BoosterParams(max_rounds=5, device="gpu"))
    with pytest.raises(BadInput, match="device"):
        train_models(weak_markets(), asked, tmp_path, NOW, silent)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "changes", "named"),
    [
        ({}, {}, "candles"),
        ({ETH: weak_market(ETH, 2, count=200)}, {}, "labelled row"),
        ({ETH: weak_market(ETH, 2, count=560)}, {}, "too few"),
        ({ETH: weak_market(ETH, 2)}, {"label": LabelRule(fee_ratio=0.05)}, "lower costs"),
        ({ETH: weak_market(ETH, 2)}, {"dataset": "all"}, "recent_<days>d"),
        ({ETH: weak_market(ETH, 2)}, {"until": datetime(2020, 1, 1, tzinfo=UTC)}, "no candles"),
    ],
)
def test_what_cannot_be_learned_from_is_named_with_a_remedy(tmp_path, data, changes, named):
    with pytest.raises(BadInput, match=named):
        train_models(data, quick(market=LONE, **changes), tmp_path, NOW, silent)
    assert not list(tmp_path.iterdir())
