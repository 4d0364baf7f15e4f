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
from models.signing import ANY_UNSIGNED, Trust
from shared.domain.enums import Interval
from shared.domain.errors import BadInput, TradingError
from tests.unit.models.made_releases import (
    BTC,
    ETH,
    MARKET,
    NOW,
    SOL,
    STRANGER,
    TRUST,
    generations,
    put,
    stored_rows,
)


@pytest.fixture(scope="module")
def two_trainings(tmp_path_factory):
    """A folder with an older and a newer release per scope; the newer ones are champions."""
    root = tmp_path_factory.mktemp("registry")
    made = generations(root)
    registry = Registry(root, trust=TRUST)
    for scope, ids in made.items():
        for release_id in ids:
            registry.promote(scope, release_id)
    return root, [ids[0] for ids in made.values()], [ids[1] for ids in made.values()]


@pytest.fixture
def folder(two_trainings, tmp_path):
    root = tmp_path / "models"
    shutil.copytree(two_trainings[0], root)
    return root


def test_an_instrument_is_served_by_its_own_champion_else_by_the_global_one(folder, two_trainings):
    registry = Registry(folder, MARKET, trust=TRUST)
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
        registry = Registry(root, trust=ANY_UNSIGNED)
        assert registry.refresh() == ()
        assert registry.model_for(BTC) is None
        assert registry.releases() == ()


@pytest.mark.parametrize("role", ["champion", "shadow"])
def test_a_model_of_one_instrument_never_speaks_for_another_though_it_is_in_memory(folder, role):
    registry = Registry(folder, MARKET, trust=TRUST)
    registry.refresh()
    bitcoin, ether = (registry.model_for(symbol).release_id for symbol in (BTC, ETH))
    file = folder / "ETHUSDT" / "aliases.json"
    file.write_text(json.dumps({"champion": ether, role: bitcoin}))
    registry.refresh()
    assert registry.model_for(ETH).release_id == ether
    assert registry.current().shadow_for(ETH) is None
    failures = {**registry.failures(), **registry.current().shadow_failures}
    assert failures["ETHUSDT"].startswith("unreadable_manifest")


def test_publishing_moves_the_alias_and_remembers_the_one_before(folder, two_trainings):
    _, older, newer = two_trainings
    registry = Registry(folder, trust=TRUST)
    registry.refresh()
    before = registry.champions()
    registry.promote("GLOBAL", older[0])
    assert registry.model_for(SOL).release_id == newer[0]
    assert registry.refresh() == ("GLOBAL",)
    assert registry.model_for(SOL).release_id == older[0]
    assert before["GLOBAL"].release_id == newer[0]
    aliases = json.loads((folder / "GLOBAL" / "aliases.json").read_text())
    assert aliases == {"champion": older[0], "previous": newer[0]}
    registry.promote("GLOBAL", older[0])
    assert json.loads((folder / "GLOBAL" / "aliases.json").read_text()) == aliases


def test_a_champion_that_cannot_be_proven_leaves_the_old_one_serving(folder, two_trainings):
    _, older, newer = two_trainings
    registry = Registry(folder, trust=TRUST)
    registry.refresh()
    booster = folder / "GLOBAL" / older[0] / "booster.ubj"
    good = booster.read_bytes()
    registry.promote("GLOBAL", older[0])
    booster.write_bytes(good[:-1] + b"!")
    assert registry.refresh() == ()
    assert registry.model_for(SOL).release_id == newer[0]
    assert registry.failures()["GLOBAL"].startswith("hash_mismatch")
    assert registry.model_for(BTC).scope == "BTCUSDT"
    booster.write_bytes(good)
    assert registry.refresh() == ("GLOBAL",)
    assert registry.failures() == {}


def test_the_pooled_model_stands_in_for_an_own_one_that_failed_and_for_whom_it_never_met(
    folder, two_trainings
):
    broken = folder / "BTCUSDT" / next(i for i in two_trainings[2] if i.startswith("BTCUSDT"))
    (broken / "booster.ubj").write_bytes(b"{}")
    registry = Registry(folder, MARKET, trust=TRUST)
    registry.point("BTCUSDT", {Role.PREVIOUS: None})
    registry.refresh()
    spoken = {symbol: registry.model_for(symbol) for symbol in (BTC, ETH, SOL)}
    assert [model.scope for model in spoken.values()] == ["GLOBAL", "ETHUSDT", "GLOBAL"]
    assert [registry.is_fallback(*one) for one in spoken.items()] == [True, False, True]


@pytest.mark.parametrize("name", ["booster.ubj", "aliases.json"])
def test_a_disk_that_fails_while_a_release_is_replaced_leaves_the_old_one_serving(
    folder, two_trainings, monkeypatch, name
):
    _, older, newer = two_trainings
    registry = Registry(folder, MARKET, trust=TRUST)
    registry.refresh()
    registry.promote("GLOBAL", older[0])
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
    registry = Registry(folder, MARKET, trust=TRUST)
    registry.refresh()
    folder.rename(folder.with_name("aside"))
    folder.write_text("not a folder")
    assert registry.refresh() == ()
    assert registry.model_for(SOL).release_id == two_trainings[2][0]
    assert "Not a directory" in registry.failures()["models"]
    assert registry.releases() == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"champion": "../../etc"}', '{"champion": ""}'])
def test_aliases_that_make_no_sense_change_nothing(folder, text):
    registry = Registry(folder, trust=TRUST)
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
    registry = Registry(folder, replace(MARKET, **changes), trust=TRUST)
    assert registry.refresh() == ()
    assert set(registry.failures()) == {"BTCUSDT", "ETHUSDT", "GLOBAL"}
    assert all(text.startswith(reason) for text in registry.failures().values())


def test_a_model_serves_where_only_other_instruments_were_added_or_left_out(folder):
    wider = TradedMarket.of(MARKET.venue, MARKET.interval, (BTC, ETH, SOL))
    for market in (wider, MARKET.only((ETH,))):
        registry = Registry(folder, market, trust=TRUST)
        assert registry.refresh() == ("BTCUSDT", "ETHUSDT", "GLOBAL")
        assert registry.failures() == {}


def test_only_a_proven_release_of_the_scope_is_published(folder, two_trainings):
    registry = Registry(folder, trust=TRUST)
    with pytest.raises(ArtifactRefused, match="missing_file"):
        registry.promote("GLOBAL", "GLOBAL_full_dataset_cpu_xgboost_model_20200101_000000")
    name = two_trainings[1][0]
    shutil.copytree(folder / "GLOBAL" / name, folder / "ETHUSDT" / name)
    with pytest.raises(BadInput, match="ETHUSDT"):
        registry.promote("ETHUSDT", name)


def test_every_release_is_listed_newest_first_with_its_champion_marked(folder, two_trainings):
    _, older, newer = two_trainings
    listings = Registry(folder, trust=TRUST).releases()
    assert len(listings) == 6
    of_global = [entry for entry in listings if entry.manifest.scope == "GLOBAL"]
    assert [entry.manifest.release_id for entry in of_global] == [newer[0], older[0]]
    assert [entry.is_champion for entry in of_global] == [True, False]
    (folder / "GLOBAL" / older[0] / "manifest.json").write_text("?")
    assert len(Registry(folder, trust=TRUST).releases()) == 5


def test_instruments_that_share_a_booster_share_its_trees(tmp_path):
    registry = Registry(tmp_path, trust=TRUST)
    for scope in ("GLOBAL", "BTCUSDT", "ETHUSDT"):
        registry.promote(scope, put(tmp_path, scope).name)
    registry.refresh()
    models = registry.champions()
    assert models["BTCUSDT"].forest is models["ETHUSDT"].forest is models["GLOBAL"].forest
    blend = put(tmp_path, "BTCUSDT", NOW + timedelta(days=1), kind="blend")
    registry.promote("BTCUSDT", blend.name)
    assert registry.refresh() == ("BTCUSDT",)
    model = registry.model_for(BTC)
    assert model.forest is models["GLOBAL"].forest
    assert model.pooled is not None
    registry.promote("ETHUSDT", put(tmp_path, "ETHUSDT", NOW + timedelta(days=1), seed=1000).name)
    registry.refresh()
    assert registry.model_for(ETH).forest is model.pooled


def test_a_reader_never_sees_half_an_alias(folder, two_trainings):
    _, older, newer = two_trainings
    writer, reader = Registry(folder, trust=TRUST), Registry(folder, trust=TRUST)
    reader.refresh()
    done = threading.Event()

    def publish_in_turns():
        for turn in range(150):
            writer.promote("GLOBAL", (older if turn % 2 else newer)[0])
        done.set()

    thread = threading.Thread(target=publish_in_turns)
    thread.start()
    while not done.is_set():
        reader.refresh()
        assert reader.failures() == {}
        assert reader.model_for(SOL).release_id in (older[0], newer[0])
    thread.join()


def test_who_holds_a_set_is_not_moved_by_what_is_published_meanwhile(folder, two_trainings):
    _, older, newer = two_trainings
    registry = Registry(folder, MARKET, trust=TRUST)
    registry.refresh()
    frozen = registry.current()
    rows = stored_rows()
    before = [frozen.model_for(symbol).margins(rows).tolist() for symbol in (BTC, ETH, SOL)]
    for scope, release_id in zip(("GLOBAL", "BTCUSDT", "ETHUSDT"), older, strict=True):
        registry.promote(scope, release_id)
    assert registry.refresh() == ("BTCUSDT", "ETHUSDT", "GLOBAL")
    assert {model.release_id for model in frozen.models.values()} == set(newer)
    assert {model.release_id for model in registry.current().models.values()} == set(older)
    after = [frozen.model_for(symbol).margins(rows).tolist() for symbol in (BTC, ETH, SOL)]
    assert before == after


def test_where_a_champion_cannot_be_proven_at_the_start_the_one_before_it_speaks(
    folder, two_trainings
):
    _, older, newer = two_trainings
    (folder / "BTCUSDT" / newer[1] / "booster.ubj").write_bytes(b"{}")
    registry = Registry(folder, MARKET, trust=TRUST)
    registry.refresh()
    model = registry.model_for(BTC)
    assert model.release_id == older[1]
    assert not registry.is_fallback(BTC, model)
    assert registry.failures()["BTCUSDT"].startswith("hash_mismatch")
    (folder / "BTCUSDT" / older[1] / "booster.ubj").write_bytes(b"{}")
    restarted = Registry(folder, MARKET, trust=TRUST)
    restarted.refresh()
    model = restarted.model_for(BTC)
    assert model.is_global
    assert restarted.is_fallback(BTC, model)
    assert restarted.failures()["BTCUSDT"].count("hash_mismatch") == 2


def test_the_chain_ends_with_nobody(folder):
    for booster in folder.glob("*/*/booster.ubj"):
        booster.write_bytes(b"{}")
    registry = Registry(folder, MARKET, trust=TRUST)
    assert registry.refresh() == ()
    assert registry.model_for(BTC) is None
    assert set(registry.failures()) == {"BTCUSDT", "ETHUSDT", "GLOBAL"}


def test_a_model_in_memory_falls_silent_when_it_expires_and_speaks_when_the_clock_goes_back(
    tmp_path,
):
    registry = Registry(tmp_path, MARKET, trust=TRUST)
    day = timedelta(days=1)
    first = put(tmp_path, "BTCUSDT", NOW, expires_at=NOW + 30 * day)
    second = put(tmp_path, "BTCUSDT", NOW + day, seed=1, expires_at=NOW + 20 * day)
    pooled = put(tmp_path)
    for release in (first, second):
        registry.promote("BTCUSDT", release.name, NOW)
    registry.promote("GLOBAL", pooled.name, NOW)

    def speaker(at):
        registry.refresh(at)
        model = registry.model_for(BTC)
        return model.release_id, registry.is_fallback(BTC, model)

    assert speaker(NOW) == (second.name, False)
    assert speaker(NOW + 20 * day) == (first.name, False)
    assert registry.failures()["BTCUSDT"].startswith("expired")
    assert speaker(NOW + 30 * day) == (pooled.name, True)
    assert speaker(NOW + 29 * day) == (first.name, False)
    assert speaker(NOW) == (second.name, False)
    assert registry.failures() == {}
    assert speaker(NOW - 900 * day) == (second.name, False)
    with pytest.raises(ArtifactRefused, match="expired"):
        registry.promote("BTCUSDT", second.name, NOW + 20 * day)


def test_an_expired_model_is_silent_even_while_its_folder_cannot_be_read(tmp_path):
    root = tmp_path / "models"
    registry = Registry(root, MARKET, trust=TRUST)
    registry.promote("GLOBAL", put(root, expires_at=NOW + timedelta(days=1)).name)
    registry.refresh(NOW)
    root.rename(tmp_path / "aside")
    registry.refresh(NOW)
    assert registry.model_for(BTC) is not None
    assert registry.refresh(NOW + timedelta(days=1)) == ("GLOBAL",)
    assert registry.model_for(BTC) is None


def test_a_shadow_is_asked_where_its_scope_speaks(folder, two_trainings):
    _, older, newer = two_trainings
    registry = Registry(folder, MARKET, trust=TRUST)
    registry.point("GLOBAL", {Role.SHADOW: older[0]})
    registry.refresh()
    now = registry.current()
    assert now.shadow_for(SOL).release_id == older[0]
    assert now.shadow_for(BTC) is None
    registry.point("BTCUSDT", {Role.SHADOW: older[1]})
    registry.point("ETHUSDT", {Role.SHADOW: newer[2]})
    assert registry.refresh() == ()
    now = registry.current()
    assert now.shadow_for(BTC).release_id == older[1]
    assert now.shadow_for(ETH) is None, "a champion is no shadow of its own"
    assert now.serving(older[1]) is now.shadow_for(BTC)


def test_a_shadow_that_cannot_be_proven_troubles_nobody(folder, two_trainings):
    _, older, newer = two_trainings
    registry = Registry(folder, MARKET, trust=TRUST)
    registry.point("BTCUSDT", {Role.SHADOW: older[1]})
    (folder / "BTCUSDT" / older[1] / "booster.ubj").write_bytes(b"{}")
    registry.refresh()
    now = registry.current()
    assert now.model_for(BTC).release_id == newer[1]
    assert (now.shadow_for(BTC), now.failures) == (None, {})
    assert now.shadow_failures["BTCUSDT"].startswith("hash_mismatch")


def test_a_release_of_one_scope_does_not_serve_in_another(folder, two_trainings):
    name = two_trainings[2][0]
    shutil.copytree(folder / "GLOBAL" / name, folder / "ETHUSDT" / name)
    (folder / "ETHUSDT" / "aliases.json").write_text(json.dumps({"champion": name}))
    registry = Registry(folder, MARKET, trust=TRUST)
    registry.refresh()
    assert registry.failures()["ETHUSDT"].startswith("unreadable_manifest")
    assert registry.is_fallback(ETH, registry.model_for(ETH))


def test_a_key_that_appears_later_is_believed_from_the_next_look_on(folder):
    believed = [Trust()]
    registry = Registry(folder, MARKET, trust=lambda: believed[0])
    registry.refresh()
    assert registry.model_for(BTC) is None
    assert registry.failures()["GLOBAL"].startswith("unknown_key")
    believed[0] = TRUST
    assert registry.refresh() == ("BTCUSDT", "ETHUSDT", "GLOBAL")


def test_keys_that_cannot_be_read_let_in_nothing_new_and_drop_nothing(folder, two_trainings):
    _, older, newer = two_trainings
    problem = []

    def trust():
        if problem:
            raise TradingError("model_signing.pub: cannot be read")
        return TRUST

    registry = Registry(folder, MARKET, trust=trust)
    registry.refresh()
    registry.promote("GLOBAL", older[0])
    problem.append(1)
    assert registry.refresh() == ()
    assert registry.model_for(SOL).release_id == newer[0]
    assert "cannot be read" in registry.failures()["models"]
    problem.clear()
    assert registry.refresh() == ("GLOBAL",)


def test_models_of_strangers_do_not_serve(tmp_path):
    registry = Registry(tmp_path, MARKET, trust=TRUST)
    foreign = put(tmp_path, signer=STRANGER)
    unsigned = put(tmp_path, at=NOW + timedelta(days=1), signer=None)
    for path, reason in ((foreign, "unknown_key"), (unsigned, "unsigned")):
        with pytest.raises(ArtifactRefused, match=reason):
            registry.promote("GLOBAL", path.name)
        registry.point("GLOBAL", {Role.CHAMPION: path.name})
        registry.refresh()
        assert registry.model_for(BTC) is None
        assert registry.failures()["GLOBAL"].startswith(reason)


def test_any_release_can_be_read_by_its_id_from_memory_or_from_the_folder(folder, two_trainings):
    _, older, newer = two_trainings
    registry = Registry(folder, MARKET, trust=TRUST)
    registry.refresh()
    assert registry.load(newer[1]) is registry.model_for(BTC)
    assert registry.load(older[1]).release_id == older[1]
    assert registry.verify(older[1]).signed_by == next(iter(TRUST.keys))
    for unknown in ("nothing", "../GLOBAL", older[1].replace("2026", "2025")):
        for ask in (registry.load, registry.verify, registry.find):
            with pytest.raises(TradingError, match="no release has the id"):
                ask(unknown)


def test_with_real_money_only_a_release_that_passed_the_gate_speaks(folder):
    registry = Registry(folder, MARKET, trust=TRUST, wants_gate=True)
    registry.refresh()
    judged = {model.manifest.gate_passed for model in registry.champions().values()}
    assert judged <= {True}
    unproven = Registry(folder, MARKET, trust=TRUST)
    unproven.refresh()
    silenced = {
        scope
        for scope, model in unproven.champions().items()
        if model.manifest.gate_passed is not True
    }
    assert silenced
    assert silenced == set(registry.failures())
    assert all(why.startswith("gate: ") for why in registry.failures().values())
