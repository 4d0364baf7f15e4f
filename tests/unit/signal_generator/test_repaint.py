"""What was predicted stays what was stored, whatever happens to the models afterwards."""

import json
import shutil

from sqlalchemy import text

from tests.unit.signal_generator.desk import READY, Desk, everything, fact

RETRAINED = "_20240601_000000"


def raw_rows(desk, before):
    """Return the rows as the database holds them, no type of ours in between."""
    with desk.engine.connect() as connection:
        found = connection.execute(
            text("SELECT * FROM ml_signals ORDER BY closed_at, symbol")
        ).mappings()
        return [tuple(row.values()) for row in found][:before]


def retrained(root, scope):
    """Publish what a training run leaves: a new release, and an alias that may be moved to it."""
    old = next((root / scope).glob(f"{scope}_*"))
    new = old.with_name(old.name[: -len(RETRAINED)] + RETRAINED)
    shutil.copytree(old, new)
    manifest = json.loads((new / "manifest.json").read_text())
    (new / "manifest.json").write_text(json.dumps(manifest | {"release_id": new.name}))
    return old.name, new.name


def point(root, scope, **aliases):
    (root / scope / "aliases.json").write_text(json.dumps(aliases))


def test_retraining_promoting_and_rolling_back_change_no_stored_signal(
    sqlite_engine, models_dir, tmp_path
):
    root = tmp_path / "models"
    shutil.copytree(models_dir, root)
    desk = Desk(sqlite_engine, root)
    desk.catch_up(*everything(READY - 400, READY))
    stored = raw_rows(desk, 1200)
    assert len(stored) == 1200
    champion, challenger = retrained(root, "SOLUSDT")
    spoke = []
    for number, now in enumerate((challenger, champion)):
        point(root, "SOLUSDT", champion=now, previous=champion)
        desk.start()
        desk.hear(fact(READY + number))
        spoke.append(desk.said()[-1].signals[2].edge.release_id)
        assert raw_rows(desk, 1200) == stored
    assert spoke == [challenger, champion]


def test_a_release_that_is_gone_changes_no_stored_signal(sqlite_engine, models_dir, tmp_path):
    root = tmp_path / "models"
    shutil.copytree(models_dir, root)
    desk = Desk(sqlite_engine, root)
    desk.catch_up(*everything(READY - 400, READY))
    stored = raw_rows(desk, 1200)
    shutil.rmtree(root)
    desk.start()
    desk.hear(fact(READY))
    assert desk.said()[-1].signals[0].reasons == ("no_model",)
    assert raw_rows(desk, 1200) == stored
