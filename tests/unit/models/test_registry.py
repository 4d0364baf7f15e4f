import errno
import json
import os
import shutil
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from models.aliases import Role
from models.artifact import ArtifactRefused
from models.manifest import TradedMarket
from models.registry import Registry
from models.train import train_models
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from tests.unit.models.trained_models import MARKET, NOW, quick, train_into, weak_markets

BTC, ETH, SOL = Symbol("BTC-USDT"), Symbol("ETH-USDT"), Symbol("SOL-USDT")


@pytest.fixture(scope="module")
def two_trainings(tmp_path_factory):
    """A folder with an older and a newer release per scope; the newer ones are champions."""
    root = tmp_path_factory.mktemp("registry")
    first = train_into(root)
    later = NOW + timedelta(days=7)
    second = train_models(weak_markets(), quick(), root, later, lambda _text, _share: None)
    return root, [info.release_id for info in first], [info.release_id for info in second]


@pytest.fixture
def folder(two_trainings, tmp_path):
    root = tmp_path / "models"
    shutil.copytree(two_trainings[0], root)
    return root


def test_an_instrument_is_served_by_its_own_champion_else_by_the_global_one(folder, two_trainings):
    registry = Registry(folder, MARKET)
    assert registry.model_for(BTC) is None
    assert registry.refresh() == ("BTCUSDT", "ETHUSDT", "GLOBAL")
    newest = set(two_trainings[2])
    assert {model.release_id for model in registry.champions().values()} == newest
    assert registry.model_for(BTC).scope == "BTCUSDT"
    assert registry.model_for(SOL).is_global
    assert registry.failures() == {}
    assert registry.refresh() == ()


def test_an_empty_or_absent_folder_has_no_models(tmp_path):
    for root in (tmp_path, tmp_path / "nothing"):
        registry = Registry(root)
        assert registry.refresh() == ()
        assert registry.model_for(BTC) is None
        assert registry.releases() == ()


def test_publishing_moves_the_alias_and_remembers_the_one_before(folder, two_trainings):
    _, older, newer = two_trainings
    registry = Registry(folder)
    registry.refresh()
    before = registry.champions()
    registry.publish("GLOBAL", older[0])
    assert registry.model_for(SOL).release_id == newer[0]
    assert registry.refresh() == ("GLOBAL",)
    assert registry.model_for(SOL).release_id == older[0]
    assert before["GLOBAL"].release_id == newer[0]
    aliases = json.loads((folder / "GLOBAL" / "aliases.json").read_text())
    assert aliases == {"champion": older[0], "previous": newer[0]}
    registry.publish("GLOBAL", older[0])
    assert json.loads((folder / "GLOBAL" / "aliases.json").read_text()) == aliases


def test_a_champion_that_cannot_be_proven_leaves_the_old_one_serving(folder, two_trainings):
    _, older, newer = two_trainings
    registry = Registry(folder)
    registry.refresh()
    booster = folder / "GLOBAL" / older[0] / "booster.ubj"
    good = booster.read_bytes()
    registry.publish("GLOBAL", older[0])
    booster.write_bytes(good[:-1] + b"!")
    assert registry.refresh() == ()
    assert registry.model_for(SOL).release_id == newer[0]
    assert registry.failures()["GLOBAL"].startswith("hash_mismatch")
    assert registry.model_for(BTC).scope == "BTCUSDT"
    booster.write_bytes(good)
    assert registry.refresh() == ("GLOBAL",)
    assert registry.failures() == {}


def test_the_pooled_model_is_a_fallback_only_for_an_own_model_that_failed(folder, two_trainings):
    broken = folder / "BTCUSDT" / next(i for i in two_trainings[2] if i.startswith("BTCUSDT"))
    (broken / "booster.ubj").write_bytes(b"{}")
    registry = Registry(folder, MARKET)
    registry.point("BTCUSDT", {Role.PREVIOUS: None})
    registry.refresh()
    spoken = {symbol: registry.model_for(symbol) for symbol in (BTC, ETH, SOL)}
    assert [model.scope for model in spoken.values()] == ["GLOBAL", "ETHUSDT", "GLOBAL"]
    assert [registry.is_fallback(*one) for one in spoken.items()] == [True, False, False]


@pytest.mark.parametrize("name", ["booster.ubj", "aliases.json"])
def test_a_disk_that_fails_while_a_release_is_replaced_leaves_the_old_one_serving(
    folder, two_trainings, monkeypatch, name
):
    _, older, newer = two_trainings
    registry = Registry(folder, MARKET)
    registry.refresh()
    registry.publish("GLOBAL", older[0])
    read = os.open

    def failing(path, *args, **kwargs):
        if str(path).endswith(name) and "GLOBAL" in str(path):
            raise OSError(errno.ESTALE, "Stale file handle", str(path))
        return read(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", failing)
        assert registry.refresh() == ()
        assert registry.model_for(SOL).release_id == newer[0]
        assert "Stale file handle" in registry.failures()["GLOBAL"]
        assert registry.releases()
    assert registry.refresh() == ("GLOBAL",)
    assert registry.failures() == {}


def test_a_models_folder_that_cannot_be_read_is_named_and_what_serves_goes_on(
    folder, two_trainings
):
    registry = Registry(folder, MARKET)
    registry.refresh()
    folder.rename(folder.with_name("aside"))
    folder.write_text("not a folder")
    assert registry.refresh() == ()
    assert registry.model_for(SOL).release_id == two_trainings[2][0]
    assert "Not a directory" in registry.failures()["models"]
    assert registry.releases() == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"champion": "../../etc"}', '{"champion": ""}'])
def test_aliases_that_make_no_sense_change_nothing(folder, text):
    registry = Registry(folder)
    registry.refresh()
    serving = registry.model_for(ETH).release_id
    (folder / "ETHUSDT" / "aliases.json").write_text(text)
    assert registry.refresh() == ()
    assert registry.model_for(ETH).release_id == serving
    assert registry.failures()["ETHUSDT"].startswith("unreadable_manifest")
    (folder / "ETHUSDT" / "aliases.json").unlink()
    registry.refresh()
    assert registry.model_for(ETH).release_id == serving
    assert registry.failures()["ETHUSDT"].startswith("missing_file")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"interval": Interval.M1}, "interval_mismatch"),
        ({"venue": "binance"}, "venue_mismatch"),
        ({"references": {BTC: SOL, ETH: SOL, SOL: ETH}}, "reference_mismatch"),
    ],
)
def test_models_of_another_market_do_not_serve(folder, changes, reason):
    registry = Registry(folder, replace(MARKET, **changes))
    assert registry.refresh() == ()
    assert set(registry.failures()) == {"BTCUSDT", "ETHUSDT", "GLOBAL"}
    assert all(text.startswith(reason) for text in registry.failures().values())


def test_a_model_serves_where_only_other_instruments_were_added_or_left_out(folder):
    wider = TradedMarket.of(MARKET.venue, MARKET.interval, (BTC, ETH, SOL))
    for market in (wider, MARKET.only((ETH,))):
        registry = Registry(folder, market)
        assert registry.refresh() == ("BTCUSDT", "ETHUSDT", "GLOBAL")
        assert registry.failures() == {}


def test_only_a_proven_release_of_the_scope_is_published(folder, two_trainings):
    registry = Registry(folder)
    with pytest.raises(ArtifactRefused, match="missing_file"):
        registry.publish("GLOBAL", "GLOBAL_full_dataset_cpu_xgboost_model_20200101_000000")
    name = two_trainings[1][0]
    shutil.copytree(folder / "GLOBAL" / name, folder / "ETHUSDT" / name)
    with pytest.raises(BadInput, match="ETHUSDT"):
        registry.publish("ETHUSDT", name)


def test_every_release_is_listed_newest_first_with_its_champion_marked(folder, two_trainings):
    _, older, newer = two_trainings
    listings = Registry(folder).releases()
    assert len(listings) == 6
    of_global = [entry for entry in listings if entry.manifest.scope == "GLOBAL"]
    assert [entry.manifest.release_id for entry in of_global] == [newer[0], older[0]]
    assert [entry.is_champion for entry in of_global] == [True, False]
    (folder / "GLOBAL" / older[0] / "manifest.json").write_text("?")
    assert len(Registry(folder).releases()) == 5


def test_instruments_that_share_a_booster_share_its_trees(tmp_path):
    config = quick(min_effective_labels=1e9)
    train_models(weak_markets(), config, tmp_path, NOW, lambda _text, _share: None)
    registry = Registry(tmp_path)
    registry.refresh()
    models = registry.champions()
    assert models["BTCUSDT"].kind == "global"
    assert models["BTCUSDT"].forest is models["ETHUSDT"].forest is models["GLOBAL"].forest
    assert models["BTCUSDT"].manifest.parent_id == models["GLOBAL"].release_id


def test_a_reader_never_sees_half_an_alias(folder, two_trainings):
    _, older, newer = two_trainings
    writer, reader = Registry(folder), Registry(folder)
    reader.refresh()
    done = threading.Event()

    def publish_in_turns():
        for turn in range(40):
            writer.publish("GLOBAL", (older if turn % 2 else newer)[0])
        done.set()

    thread = threading.Thread(target=publish_in_turns)
    thread.start()
    while not done.is_set():
        reader.refresh()
        assert reader.failures() == {}
        assert reader.model_for(SOL).release_id in (older[0], newer[0])
    thread.join()
