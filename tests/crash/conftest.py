"""Executors in processes of their own, on a private MariaDB and a simulated venue."""

import pytest

from shared.db.engine import connect
from tests.crash.executors import Nursery
from tests.crash.scene import Scene, cleared, counted_exchange
from tests.database import empty_database

_RECOVERIES = []


@pytest.fixture(scope="session")
def nursery():
    started = Nursery()
    yield started
    started.close()


@pytest.fixture(scope="module")
def module_engine(mariadb_server):
    empty_database(mariadb_server.address)
    engine = connect(mariadb_server.address)
    yield engine
    engine.dispose()


@pytest.fixture
def scene_at(module_engine, mariadb_server, nursery, tmp_path):
    """Return what opens a scene at a venue; its processes end with the test."""
    opened = []

    def open_scene(venue, address=None):
        place = counted_exchange(venue)
        sim, seen = place.__enter__()
        told = address or mariadb_server.address
        scene = Scene(cleared(module_engine), told, sim, seen, nursery, tmp_path)
        opened.append((scene, place))
        return scene

    yield open_scene
    for scene, place in opened:
        scene.end()
        place.__exit__(None, None, None)
