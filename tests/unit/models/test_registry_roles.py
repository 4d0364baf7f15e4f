"""Who is champion, and what is kept: by one writer at a time, on a disk that may be full."""

import json
import subprocess
import sys
from datetime import timedelta
from subprocess import PIPE

import pytest

from models.aliases import Role
from models.artifact import ArtifactRefused
from models.registry import Registry
from shared.domain.errors import BadInput, Conflict, NotFound
from tests.conftest import REPOSITORY
from tests.unit.models.made_releases import BTC, MARKET, NOW, TRUST, generations, put
from tests.unit.models.writing_process import LIMITS, TURNS


@pytest.fixture
def ids(tmp_path):
    """Four releases of GLOBAL, oldest first, without roles."""
    return generations(tmp_path, 4, ("GLOBAL",))["GLOBAL"]


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path, MARKET, trust=TRUST)


def stored(root):
    return json.loads((root / "GLOBAL" / "aliases.json").read_text())


def test_a_promoted_challenger_leaves_its_waiting_places(registry, ids, tmp_path):
    registry.promote("GLOBAL", ids[0])
    registry.point("GLOBAL", {Role.CHALLENGER: ids[1], Role.SHADOW: ids[1]})
    assert stored(tmp_path) == {"champion": ids[0], "challenger": ids[1], "shadow": ids[1]}
    registry.promote("GLOBAL", ids[1])
    assert stored(tmp_path) == {"champion": ids[1], "previous": ids[0]}
    registry.point("GLOBAL", {Role.CHALLENGER: ids[2], Role.SHADOW: ids[2]})
    registry.promote("GLOBAL", ids[3])
    assert registry.aliases("GLOBAL") == {
        Role.CHAMPION: ids[3],
        Role.CHALLENGER: ids[2],
        Role.PREVIOUS: ids[1],
        Role.SHADOW: ids[2],
    }


def test_promoting_the_champion_again_changes_nothing(registry, ids, tmp_path):
    registry.promote("GLOBAL", ids[0])
    registry.promote("GLOBAL", ids[1])
    before = (tmp_path / "GLOBAL" / "aliases.json").stat().st_mtime_ns
    registry.promote("GLOBAL", ids[1])
    assert (tmp_path / "GLOBAL" / "aliases.json").stat().st_mtime_ns == before


def test_a_rollback_brings_the_one_before_back_and_a_second_finds_nothing(registry, ids):
    for release_id in ids[:2]:
        registry.promote("GLOBAL", release_id)
    registry.refresh()
    assert registry.rollback("GLOBAL") == ids[0]
    assert registry.refresh() == ("GLOBAL",)
    assert registry.model_for(BTC).release_id == ids[0]
    after = {Role.CHAMPION: ids[0], Role.RETIRED: ids[1]}
    assert registry.aliases("GLOBAL") == after
    with pytest.raises(Conflict, match=f"no release to go back to; {ids[1]} was taken back"):
        registry.rollback("GLOBAL")
    assert registry.aliases("GLOBAL") == after
    registry.promote("GLOBAL", ids[1])
    assert registry.aliases("GLOBAL") == {Role.CHAMPION: ids[1], Role.PREVIOUS: ids[0]}


def test_only_the_champion_that_was_meant_is_taken_back(registry, ids, tmp_path):
    for release_id in ids[:3]:
        registry.promote("GLOBAL", release_id)
    before = stored(tmp_path)
    for take_back in (registry.rollback, registry.retire):
        with pytest.raises(Conflict, match=f"{ids[2]} is champion of GLOBAL by now, not {ids[1]}"):
            take_back("GLOBAL", champion=ids[1])
    assert stored(tmp_path) == before
    assert registry.rollback("GLOBAL", champion=ids[2]) == ids[1]
    assert registry.retire("GLOBAL", champion=ids[1]) == ids[1]


def test_an_alias_is_not_written_through_a_link_that_somebody_left(registry, ids, tmp_path):
    registry.promote("GLOBAL", ids[0])
    precious = tmp_path / "precious"
    precious.write_text("untouched")
    (tmp_path / "GLOBAL" / ".aliases.json.tmp").symlink_to(precious)
    registry.promote("GLOBAL", ids[1])
    assert precious.read_text() == "untouched"
    assert stored(tmp_path)["champion"] == ids[1]
    assert not (tmp_path / "GLOBAL" / "aliases.json").is_symlink()


def test_there_is_nothing_to_go_back_to_from_the_first_champion(registry, ids):
    for _ in range(2):
        with pytest.raises(Conflict, match=r"to go back to$"):
            registry.rollback("GLOBAL")
        registry.promote("GLOBAL", ids[0])


@pytest.mark.parametrize("harm", ["tampered", "expired", "gone"])
def test_a_rollback_to_what_cannot_be_served_changes_nothing(registry, tmp_path, harm):
    older = put(tmp_path, expires_at=NOW + timedelta(days=1))
    newer = put(tmp_path, at=NOW + timedelta(hours=1), seed=1)
    for path in (older, newer):
        registry.promote("GLOBAL", path.name, NOW)
    now = NOW
    if harm == "tampered":
        (older / "payoff.json").write_text("{}")
    elif harm == "gone":
        older.rename(tmp_path / "elsewhere")
    else:
        now += timedelta(days=1)
    before = stored(tmp_path)
    with pytest.raises(ArtifactRefused):
        registry.rollback("GLOBAL", now)
    assert stored(tmp_path) == before


def test_what_was_taken_back_does_not_go_on_speaking_where_its_successor_fails(tmp_path, registry):
    made = generations(tmp_path, 2)
    registry.promote("GLOBAL", made["GLOBAL"][0])
    for release_id in made["BTCUSDT"]:
        registry.promote("BTCUSDT", release_id)
    registry.refresh()
    good = made["BTCUSDT"][0]
    assert registry.rollback("BTCUSDT") == good
    (tmp_path / "BTCUSDT" / good / "booster.ubj").write_bytes(b"{}")
    registry.refresh()
    model = registry.model_for(BTC)
    assert model.is_global
    assert registry.is_fallback(BTC, model)


def test_a_retired_champion_leaves_the_pooled_model_as_a_fallback(tmp_path, registry):
    made = generations(tmp_path, 1)
    for scope in ("GLOBAL", "BTCUSDT"):
        registry.promote(scope, made[scope][0])
    registry.refresh()
    assert registry.retire("BTCUSDT") == made["BTCUSDT"][0]
    assert registry.refresh() == ("BTCUSDT",)
    model = registry.model_for(BTC)
    assert model.is_global
    assert registry.is_fallback(BTC, model)
    assert registry.failures() == {}
    with pytest.raises(Conflict, match="no champion"):
        registry.retire("BTCUSDT")


def test_an_own_challenger_does_not_make_the_pooled_model_a_fallback(tmp_path, registry):
    made = generations(tmp_path, 1)
    registry.promote("GLOBAL", made["GLOBAL"][0])
    registry.point("BTCUSDT", {Role.CHALLENGER: made["BTCUSDT"][0]})
    registry.refresh()
    assert not registry.is_fallback(BTC, registry.model_for(BTC))


def test_only_releases_of_the_scope_get_a_role(registry, ids):
    unknown = ids[0].replace("2026", "2025")
    for scope, release_id, error in (
        ("GLOBAL", unknown, NotFound),
        ("GLOBAL", "../GLOBAL", BadInput),
        ("BTCUSDT", ids[0], BadInput),
        ("../GLOBAL", ids[0], BadInput),
    ):
        with pytest.raises(error):
            registry.point(scope, {Role.SHADOW: release_id})
    assert registry.aliases("GLOBAL") == {}


def test_releases_are_listed_by_their_instant_whatever_their_data_set(registry, tmp_path):
    first = put(tmp_path)
    recent = first.name.replace("full_dataset", "recent_90d").replace("_013000", "_023000")
    put(tmp_path, at=NOW + timedelta(hours=1), release_id=recent)
    last = put(tmp_path, at=NOW + timedelta(hours=2)).name
    registry.point("GLOBAL", {Role.CHALLENGER: recent, Role.SHADOW: recent})
    assert [one.path.name for one in registry.releases()] == [last, recent, first.name]
    assert registry.find(recent).roles == (Role.CHALLENGER, Role.SHADOW)
    assert registry.find(last).roles == ()


def test_old_releases_are_deleted_but_for_those_with_a_role_or_in_use(tmp_path, registry):
    ids = generations(tmp_path, 12, ("GLOBAL",))["GLOBAL"]
    registry.promote("GLOBAL", ids[0])
    registry.promote("GLOBAL", ids[1])
    registry.point("GLOBAL", {Role.CHALLENGER: ids[2], Role.SHADOW: ids[3]})
    assert registry.prune("GLOBAL", keep=5, in_use={ids[4]}) == (ids[6], ids[5])
    left = sorted(path.name for path in (tmp_path / "GLOBAL").iterdir())
    assert left == sorted([*ids[:5], *ids[7:], "aliases.json"])
    registry.rollback("GLOBAL")
    assert registry.prune("GLOBAL", keep=0) == (*reversed(ids[7:]), ids[4])
    assert ids[1] in {one.path.name for one in registry.releases()}, "who was taken back is kept"
    with pytest.raises(BadInput, match="keep"):
        registry.prune("GLOBAL", keep=-1)


def test_nothing_is_deleted_where_the_roles_cannot_be_read(tmp_path, registry, ids):
    (tmp_path / "GLOBAL" / "aliases.json").write_text("{")
    with pytest.raises(ArtifactRefused):
        registry.prune("GLOBAL", keep=0)
    assert len(registry.releases()) == len(ids)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return put(tmp_path_factory.mktemp("template"))


def in_processes(count, job, root, template):
    """Run a job of `writing_process` in so many processes at once; return what they print."""
    program = [sys.executable, "-m", "tests.unit.models.writing_process", job, root, template]
    started = [
        subprocess.Popen([*map(str, program), str(number)], stdout=PIPE, text=True, cwd=REPOSITORY)
        for number in range(count)
    ]
    said = [process.communicate(timeout=120)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0] * count
    return said


def test_two_processes_that_publish_at_once_do_not_undo_one_another(tmp_path, registry, template):
    challenger, shadow = in_processes(2, "publish_many", tmp_path, template)
    assert registry.aliases("GLOBAL") == {Role.CHALLENGER: challenger, Role.SHADOW: shadow}
    assert registry.refresh() == ("BTCUSDT", "ETHUSDT")
    assert len(registry.releases()) == 4 * TURNS
    assert not list(tmp_path.glob("*/.*"))


def test_of_two_processes_that_write_the_same_release_one_is_told_so(tmp_path, registry, template):
    said = sorted(in_processes(2, "write_the_same", tmp_path, template))
    assert registry.verify(said[0])
    assert said[1] == "conflict"


def test_a_disk_that_is_full_leaves_the_champion_and_nothing_by_halves(tmp_path, template):
    champion = {}
    for limit in LIMITS:
        home = tmp_path / str(limit)
        champion[limit] = put(home).name
        put(home, at=NOW + timedelta(days=1))
        Registry(home, trust=TRUST).promote("GLOBAL", champion[limit])
    (said,) = in_processes(1, "fill_the_disk", tmp_path, template)
    full = "File too large"
    assert said.split(", ") == [full, full, full, full, full, "written"]  # an alias fits in 3000
    for limit in LIMITS:
        home = tmp_path / str(limit)
        registry = Registry(home, MARKET, trust=TRUST)
        registry.refresh()
        assert not list((home / "GLOBAL").glob(".*"))
        assert (len(registry.releases()), registry.failures()) == (2, {})
        stayed = registry.model_for(BTC).release_id == champion[limit]
        assert stayed is (limit < 3000)
