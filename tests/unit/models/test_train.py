from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from models.aliases import Role
from models.artifact import verify
from models.booster import BoosterParams
from models.dataset import training_set
from models.features import FEATURE_NAMES, REQUIRED, schema_hash
from models.forest import read_forest
from models.manifest import FILES, LabelRule, TradedMarket
from models.registry import Registry
from models.scorer import load
from models.signing import ANY_UNSIGNED, NOBODY
from models.train import TrainingConfig, train_models
from shared.domain.enums import Interval
from shared.domain.errors import BadInput, Conflict
from shared.domain.ids import Symbol
from tests.swiftly import WALK
from tests.unit.models.made_releases import SIGNER
from tests.unit.models.trained_models import (
    HOUR,
    MARKET,
    NOW,
    START,
    quick,
    train_into,
    weak_market,
    weak_markets,
)

BTC, ETH = Symbol("BTC-USDT"), Symbol("ETH-USDT")
LONE = TradedMarket.of("made", Interval.H1, (ETH,))


def silent(_text, _share):
    pass


def manifest_of(info):
    return verify(info.path, trust=ANY_UNSIGNED).manifest


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_into(tmp_path_factory.mktemp("train"))


def test_the_same_candles_seed_and_instant_give_the_same_bytes(trained, tmp_path):
    threaded = quick(booster=replace(quick().booster, threads=2))
    again = train_models(weak_markets(), threaded, tmp_path, NOW, silent)
    for first, second in zip(trained, again, strict=True):
        names = sorted(entry.name for entry in first.path.iterdir())
        assert {*FILES, "manifest.json", "evaluation.json", "gate.json", "report.html"} <= {*names}
        for name in names:
            assert (first.path / name).read_bytes() == (second.path / name).read_bytes(), name


def test_another_seed_gives_other_trees(trained, tmp_path):
    reseeded = quick(booster=replace(quick().booster, seed=8))
    other = train_models(weak_markets(), reseeded, tmp_path, NOW, silent)
    assert (trained[0].path / "booster.ubj").read_bytes() != (
        other[0].path / "booster.ubj"
    ).read_bytes()


@pytest.fixture(scope="module")
def learnable(tmp_path_factory):
    """A year in which the next hours lean with the last ones."""
    data = {BTC: weak_market(BTC, 1, count=9_000), ETH: weak_market(ETH, 2, count=9_000)}
    walk = replace(WALK, folds=3, test_days=60, first_train_days=90, holdout_days=60)
    config = quick(walk=walk, min_effective_labels=1e9)
    return train_models(data, config, tmp_path_factory.mktemp("learnable"), NOW, silent)[0]


def test_a_weak_structure_is_found_on_rows_that_fitted_nothing(learnable):
    skill = learnable.evaluation.skill
    assert skill.log_loss < skill.base_log_loss
    assert skill.auc.low > 0.5
    assert learnable.evaluation.holdout_skill.auc.value > 0.55
    assert learnable.reference_kelly > 0


def test_what_the_model_earns_stands_beside_what_it_has_to_beat(learnable):
    for money in (learnable.evaluation.walk_forward, learnable.evaluation.holdout):
        names = [one.name for one in money.results]
        assert names == ["model", "flat", "buy and hold", "EMA/RSI", "logistic regression"]
    assert learnable.evaluation.walk_forward.results[0].trades > 0
    assert learnable.evaluation.walk_forward.deflated_sharpe is not None


def test_noise_teaches_nothing_worth_betting_on(tmp_path):
    data = {BTC: weak_market(BTC, 5, strength=0.0), ETH: weak_market(ETH, 6, strength=0.0)}
    pooled = train_models(data, quick(min_effective_labels=1e9), tmp_path, NOW, silent)[0]
    skill = pooled.evaluation.skill
    assert skill.auc.low < 0.5
    assert not pooled.verdict.is_passed
    assert "should not trade" in pooled.verdict.sentence


def test_every_instrument_gets_a_release_and_becomes_champion(trained):
    assert [info.scope for info in trained] == ["GLOBAL", "BTCUSDT", "ETHUSDT"]
    registry = Registry(trained[0].path.parents[1], trust=ANY_UNSIGNED)
    registry.refresh()
    assert {model.release_id for model in registry.champions().values()} == {
        info.release_id for info in trained
    }


def test_without_labels_enough_all_share_the_pooled_trees(tmp_path):
    demanding = quick(min_effective_labels=1_500.0)
    infos = train_models(weak_markets(), demanding, tmp_path, NOW, silent)
    assert {info.kind for info in infos} == {"global"}
    shared = [(info.path / "booster.ubj").read_bytes() for info in infos]
    assert len(set(shared)) == 1
    assert len({(info.path / "calibrator.json").read_bytes() for info in infos}) == 3


def test_an_instrument_unlike_the_others_earns_trees_of_its_own(tmp_path):
    data = {
        BTC: weak_market(BTC, 5, count=9_000, strength=0.3),
        ETH: weak_market(ETH, 6, count=9_000, strength=-1.0),
    }
    walk = replace(WALK, folds=2, test_days=80, first_train_days=120, holdout_days=45)
    infos = train_models(data, quick(walk=walk), tmp_path, NOW, silent)
    kinds = {info.scope: info.kind for info in infos}
    assert kinds["ETHUSDT"] in ("own", "blend")
    registry = Registry(tmp_path, trust=ANY_UNSIGNED)
    registry.refresh()
    model = registry.model_for(ETH)
    assert model.kind == kinds["ETHUSDT"]


def test_a_challenger_waits_and_runs_in_shadow(tmp_path):
    infos = train_models(weak_markets(), quick(role=Role.CHALLENGER), tmp_path, NOW, silent)
    registry = Registry(tmp_path, trust=ANY_UNSIGNED)
    registry.refresh()
    assert registry.champions() == {}
    assert registry.current().shadow_for(BTC).release_id == infos[1].release_id
    assert registry.aliases("BTCUSDT") == {
        Role.CHALLENGER: infos[1].release_id,
        Role.SHADOW: infos[1].release_id,
    }


def test_a_challenger_is_compared_with_the_champion_on_rows_new_to_both(tmp_path):
    first = train_models(weak_markets(), quick(), tmp_path, NOW, silent)
    later = quick(role=Role.CHALLENGER, booster=replace(quick().booster, max_depth=1))
    second = train_models(weak_markets(), later, tmp_path, NOW + timedelta(days=1), silent)
    for champion, challenger in zip(first, second, strict=True):
        rival = challenger.evaluation.champion
        assert rival.release_id == champion.release_id == challenger.verdict.champion_id
        assert not rival.is_expired
        assert rival.gain.low <= rival.gain.value <= rival.gain.high
    alike = train_models(weak_markets(), quick(role=None), tmp_path, NOW + timedelta(2), silent)
    assert all(info.evaluation.champion.gain.value == 0 for info in alike)


@pytest.mark.long
def test_every_try_is_counted_once_however_often_it_is_repeated(tmp_path):
    quickly = quick(configurations=2, role=None, min_effective_labels=1e9)
    first = train_models(weak_markets(), quickly, tmp_path, NOW, silent)
    again = train_models(weak_markets(), quickly, tmp_path, NOW + timedelta(days=1), silent)
    assert first[0].evaluation.walk_forward.trials == 2
    assert again[0].evaluation.walk_forward.trials == 2
    wider = replace(quickly, label=LabelRule(k_target=1.5))
    third = train_models(weak_markets(), wider, tmp_path, NOW + timedelta(days=2), silent)
    assert third[0].evaluation.walk_forward.trials == 4
    assert first[0].evaluation.walk_forward.overfitting_probability is not None


def test_what_a_killed_training_had_done_is_not_done_again(tmp_path):
    class Killed(Exception):
        pass

    def until_two_folds_are_done(text, _share):
        if text == "fold GLOBAL 1":
            raise Killed

    with pytest.raises(Killed):
        train_models(weak_markets(), quick(), tmp_path, NOW, until_two_folds_are_done)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob(".work/*/fold-GLOBAL-*.piece")}
    assert len(kept) == 2
    heard = []

    def listening(text, share):
        heard.append(text)
        if share < 0.8:
            assert {path: path.stat().st_mtime_ns for path in kept} == kept

    train_models(weak_markets(), quick(), tmp_path, NOW, listening)
    assert not list(tmp_path.glob(".work/*/fold-*"))
    whole = tmp_path / "whole"
    train_models(weak_markets(), quick(), whole, NOW, silent)
    for path in sorted(whole.glob("*/*/*")):
        assert path.read_bytes() == (tmp_path / path.relative_to(whole)).read_bytes(), path.name


def test_a_lone_instrument_is_served_by_the_pooled_trees(tmp_path):
    infos = train_models({ETH: weak_markets()[ETH]}, quick(market=LONE), tmp_path, NOW, silent)
    assert [(info.scope, info.kind) for info in infos] == [
        ("GLOBAL", "global"),
        ("ETHUSDT", "global"),
    ]


def test_an_instrument_is_learned_beside_the_reference_it_is_served_with(tmp_path):
    """Trained alone, ETH still stands beside BTC, of which nothing is learned."""
    whole = train_models(weak_markets(), quick(role=None), tmp_path / "both", NOW, silent)
    alone = quick(market=MARKET.only((ETH,)))
    infos = train_models(weak_markets(), alone, tmp_path / "alone", NOW, silent)
    manifest = manifest_of(infos[1])
    assert [info.scope for info in infos] == ["GLOBAL", "ETHUSDT"]
    assert manifest.references == {ETH: BTC}
    assert manifest.data_fingerprint == manifest_of(whole[0]).data_fingerprint
    with pytest.raises(BadInput, match="BTC-USDT"):
        train_models({ETH: weak_markets()[ETH]}, alone, tmp_path, NOW, silent)


def test_nothing_after_until_is_learned(trained, tmp_path):
    until = datetime.fromtimestamp(START, UTC) + timedelta(hours=2_500)
    cut = train_models(weak_markets(), quick(until=until), tmp_path, NOW, silent)
    manifest = manifest_of(cut[0])
    assert manifest.trained_until <= until < manifest_of(trained[0]).trained_until
    early = {s: c.taken(np.arange(2_500)) for s, c in weak_markets().items()}
    assert manifest.data_fingerprint == training_set(early, LabelRule(), MARKET).fingerprint


def test_a_recent_dataset_keeps_its_days_and_says_so(tmp_path):
    infos = train_models(weak_markets(), quick(dataset="recent_90d"), tmp_path, NOW, silent)
    assert infos[0].release_id.startswith("GLOBAL_recent_90d_cpu_xgboost_model_")
    windows = manifest_of(infos[0]).windows
    assert windows["holdout"].last_at - windows["train"].first_at < timedelta(days=91 + 22)


def test_a_manifest_tells_where_the_model_comes_from(trained):
    manifest = manifest_of(trained[1])
    assert manifest.scope == "BTCUSDT"
    assert manifest.schema_hash == schema_hash(HOUR)
    assert manifest.symbols == (BTC,)
    assert manifest.venue == "made"
    assert manifest.references == {BTC: ETH}
    assert manifest.label == LabelRule()
    assert manifest.created_at == NOW
    assert manifest.device == manifest.device_requested == "cpu"
    assert manifest.versions.keys() >= {"python", "xgboost", "numpy"}
    rows = training_set(weak_markets(), LabelRule(), MARKET)
    assert manifest.data_fingerprint == rows.fingerprint
    assert manifest.trained_until.timestamp() == rows.label_end_at.max()
    windows = manifest.windows
    assert list(windows) == ["train", "calibration", "holdout"]
    ends = [window.last_at for window in windows.values()]
    assert ends == sorted(ends)
    assert windows["calibration"].last_at < windows["holdout"].first_at <= ends[-1]
    assert ends[-1] <= manifest.trained_until
    assert all(0 < window.n_effective <= window.rows for window in windows.values())


def test_what_signals_need_is_never_missing_in_training(trained):
    required = [FEATURE_NAMES.index(name) for name in REQUIRED]
    for info in trained:
        model = load(info.path, trust=ANY_UNSIGNED)
        assert model.is_always_known[required].all()
        assert not model.is_always_known.all()


def test_without_a_signer_no_release_gets_a_role_unless_unsigned_ones_are_tolerated(tmp_path):
    for role in Role.CHAMPION, Role.CHALLENGER:
        for trust in None, NOBODY, SIGNER.trust:
            with pytest.raises(BadInput, match="signer"):
                train_models({}, quick(trust=trust, role=role), tmp_path, NOW, silent)
    with pytest.raises(BadInput, match="candles"):  # asked for after the signer
        train_models({}, quick(trust=None, role=None), tmp_path, NOW, silent)
    assert not list(tmp_path.iterdir())


def test_a_training_believes_the_trust_it_is_given_else_its_signer_else_nobody():
    assert TrainingConfig(market=MARKET).believed == NOBODY
    assert TrainingConfig(market=MARKET, signer=SIGNER).believed == SIGNER.trust
    assert TrainingConfig(market=MARKET, signer=SIGNER, trust=NOBODY).believed == NOBODY


def test_a_booster_is_cut_behind_its_best_round_and_carries_its_name(trained):
    for info in trained:
        contents = verify(info.path, trust=ANY_UNSIGNED)
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
    train_models(weak_markets(), quick(role=None), tmp_path, NOW, lambda *said: heard.append(said))
    shares = [share for _, share in heard]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert "instruments" in heard[0][0]
    assert Registry(tmp_path, trust=ANY_UNSIGNED).refresh() == ()


@pytest.mark.long
def test_a_second_training_in_the_same_second_is_a_conflict(tmp_path):
    train_models(weak_markets(), quick(), tmp_path, NOW, silent)
    with pytest.raises(Conflict):
        train_models(weak_markets(), quick(), tmp_path, NOW, silent)


def test_a_device_that_is_not_there_is_refused_and_nothing_is_written(tmp_path):
    asked = quick(booster=BoosterParams(max_rounds=5, device="gpu"))
    with pytest.raises(BadInput, match="device"):
        train_models(weak_markets(), asked, tmp_path, NOW, silent)
    assert not list(tmp_path.glob("*/*xgboost_model*"))


@pytest.mark.parametrize(
    ("data", "changes", "named"),
    [
        ({}, {}, "candles"),
        ({ETH: weak_market(ETH, 2, count=200)}, {}, "there are none"),
        ({ETH: weak_market(ETH, 2, count=560)}, {}, "are needed"),
        ({ETH: weak_market(ETH, 2)}, {"label": LabelRule(fee_ratio=0.05)}, "lower costs"),
        ({ETH: weak_market(ETH, 2)}, {"dataset": "all"}, "recent_<days>d"),
        ({ETH: weak_market(ETH, 2)}, {"until": datetime(2020, 1, 1, tzinfo=UTC)}, "no candles"),
    ],
)
def test_what_cannot_be_learned_from_is_named_with_a_remedy(tmp_path, data, changes, named):
    with pytest.raises(BadInput, match=named):
        train_models(data, quick(market=LONE, **changes), tmp_path, NOW, silent)
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_combinatorial_paths_show_the_scatter_and_decide_nothing(trained, tmp_path):
    walked = quick(walks_paths=True, min_effective_labels=1e9)
    info = train_models(weak_markets(), walked, tmp_path, NOW, silent)[0]
    assert len(info.evaluation.paths) == 5
    assert all(0.3 < auc < 0.8 for auc in info.evaluation.paths)
    assert len(set(info.evaluation.paths)) > 1
    assert info.evaluation.skill == trained[0].evaluation.skill
    assert f"{info.evaluation.paths[0]:.4f}" in (info.path / "report.html").read_text()
