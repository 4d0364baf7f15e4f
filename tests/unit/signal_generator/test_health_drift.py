"""Which stored vectors are compared with training, and what they read."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import insert

from models.registry import Registry
from models.signing import ANY_UNSIGNED
from models.statistics.drift import drift_reference
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.clock import FollowingClock
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from signal_generator.core.maturing import Role
from signal_generator.repository.followup import Moment
from signal_generator.repository.readings import Asked, read_drift
from signal_generator.repository.recent import recent_vectors
from signal_generator.tables import ml_signals
from tests.unit.signal_generator.conftest import START, TRADED, closed_at
from tests.unit.signal_generator.desk import fact

SOL = Symbol("SOL-USDT")
ENOUGH = 0.02


def row(number, vector, *, at, coverage=1.0, barrier=0.03):
    return {
        "signal_id": f"{SOL}-{number}",
        "symbol": SOL,
        "interval": Interval.H1,
        "closed_at": at,
        "expires_at": at,
        "action": "hold",
        "confidence": 0.0,
        "coverage": coverage,
        "reasons": [],
        "release_id": "R",
        "barrier_ratio": barrier,
        "price": 1,
        "features": vector.astype("<f4").tobytes(),
        "carry": b"",
    }


def store(engine, rows):
    with engine.begin() as connection:
        connection.execute(insert(ml_signals), rows)


def vectors(count, seed=1, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 1.0, (count, 86))


def test_the_newest_vectors_that_could_be_learned_from_come_oldest_first(engine):
    made = vectors(12)
    rows = [row(number, made[number], at=closed_at(number)) for number in range(10)]
    rows[8] |= {"coverage": 0.89}
    rows[7] |= {"barrier_ratio": 0.019}
    rows[6] |= {"barrier_ratio": None}
    store(engine, rows)
    with engine.connect() as connection:
        found = recent_vectors(connection, SOL, Interval.H1, closed_at(9), 4, ENOUGH)
        none = recent_vectors(connection, Symbol("BTC-USDT"), Interval.H1, closed_at(9), 4, ENOUGH)
    np.testing.assert_array_equal(found, made[[2, 3, 4, 5]].astype(np.float32))
    assert len(none) == 0


def test_vectors_of_long_ago_are_not_recent(sqlite_engine):
    store(sqlite_engine, [row(number, vectors(1)[0], at=closed_at(number)) for number in range(5)])
    with sqlite_engine.connect() as connection:
        found = recent_vectors(connection, SOL, Interval.H1, closed_at(100), 4, ENOUGH)
    assert len(found) == 0


def test_a_long_window_of_short_candles_is_thinned_over_its_whole_length(sqlite_engine):
    minute = timedelta(minutes=1)
    made = vectors(1)[0]
    rows = [
        row(number, np.full(86, float(number)), at=START + number * minute) | {"interval": "1m"}
        for number in range(6000)
    ]
    store(sqlite_engine, rows)
    with sqlite_engine.connect() as connection:
        found = recent_vectors(connection, SOL, Interval.M1, START + 6000 * minute, 6000, ENOUGH)
    assert len(found) == 2000
    assert (np.diff(found[:, 0]) == 3).all()
    assert len(made) == found.shape[1]


@pytest.fixture(scope="session")
def pooled(models_dir):
    registry = Registry(models_dir, TRADED, trust=ANY_UNSIGNED)
    registry.refresh()
    model = registry.champions()["GLOBAL"]
    seen = vectors(6000)
    probability = np.array([one.probability for one in model.predict(seen)])
    instants = np.arange(6000) * 3600
    nobody = np.zeros(6000, dtype=np.int64)
    return replace(model, drift=drift_reference(seen, probability, instants, nobody, 500, []))


def read(engine, model, stored):
    store(engine, [row(n, vector, at=closed_at(n)) for n, vector in enumerate(stored)])
    with engine.connect() as connection:
        uow = UnitOfWork(connection, FollowingClock(), None)
        moment = Moment(fact=fact(len(stored)), envelope=None, uow=uow)
        return read_drift(moment, Asked(symbol=SOL, model=model, role=Role.CHAMPION))


def test_vectors_like_those_of_training_have_not_drifted(sqlite_engine, pooled):
    drift = read(sqlite_engine, pooled, vectors(500, seed=2))
    assert drift.vectors == 500
    assert drift.psi_adjusted < 0.1
    assert not drift.is_feature_alarm


def test_vectors_from_elsewhere_have(sqlite_engine, pooled):
    drift = read(sqlite_engine, pooled, vectors(500, seed=2, shift=1.0))
    assert drift.is_feature_alarm
    assert drift.drifted_ratio > 0.9


def test_fewer_than_five_hundred_vectors_and_a_release_without_a_reference_say_nothing(
    sqlite_engine, pooled
):
    assert read(sqlite_engine, pooled, vectors(499)) is None
    with sqlite_engine.connect() as connection:
        moment = Moment(
            fact=fact(499), envelope=None, uow=UnitOfWork(connection, FollowingClock(), None)
        )
        blind = replace(pooled, drift=None)
        assert read_drift(moment, Asked(symbol=SOL, model=blind, role=Role.CHAMPION)) is None
