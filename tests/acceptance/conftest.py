"""One training for all runs of a session."""

from pathlib import Path
from typing import Any

import pytest

from shared.db.engine import DatabaseAddress
from tests.acceptance.books import books
from tests.acceptance.worlds import (
    KILLED,
    SHORT_LIVED_TRADES,
    WARM,
    life,
    settings_on,
    train_on_history,
)
from tests.database import empty_database


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    settings = settings_on(DatabaseAddress(file=folder / "unused.sqlite"), folder)
    train_on_history(settings, folder / "models")
    return folder / "models"


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """The books of the undisturbed life of the crash tests."""
    folder = tmp_path_factory.mktemp("undisturbed")
    address = DatabaseAddress(file=folder / "trading.sqlite")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SHORT_LIVED_TRADES.items():
            patch.setenv(name, value)
        empty_database(address)
        drive = life(address, folder, WARM + KILLED)
        drive.run()
        found = books(drive.engine)
        drive.close()
    return found
