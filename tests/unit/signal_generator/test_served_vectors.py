from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import insert

from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from signal_generator.repository.served import releases_heard, served_vectors
from signal_generator.tables import ml_shadow_signals, ml_signals

BTC, ETH = Symbol("BTC-USDT"), Symbol("ETH-USDT")
START = datetime(2024, 1, 1, tzinfo=UTC)


def row(symbol, number, vector, interval=Interval.H1):
    closed_at = START + timedelta(hours=number)
    return {
        "signal_id": f"{symbol}-{interval}-{number}",
        "symbol": symbol,
        "interval": interval,
        "closed_at": closed_at,
        "expires_at": closed_at,
        "action": "HOLD",
        "confidence": 0.0,
        "coverage": 1.0,
        "reasons": [],
        "price": 1,
        "features": vector.astype("<f4").tobytes(),
        "carry": b"",
    }


def test_the_newest_vectors_of_one_instrument_come_oldest_first(engine):
    vectors = np.random.default_rng(1).random((6, 86)).astype(np.float32)
    vectors[4, 3] = np.nan
    rows = [row(BTC, number, vectors[number]) for number in (2, 0, 1, 3, 4, 5)]
    rows += [row(ETH, 9, vectors[0]), row(BTC, 9, vectors[0], Interval.H4)]
    with engine.begin() as connection:
        connection.execute(insert(ml_signals), rows)
        closed_at, found = served_vectors(connection, BTC, Interval.H1, 4)
    start = int(START.timestamp())
    assert closed_at.tolist() == [start + 3600 * number for number in (2, 3, 4, 5)]
    np.testing.assert_array_equal(found, vectors[2:])


def test_an_instrument_nobody_was_asked_about_has_none(engine):
    with engine.connect() as connection:
        closed_at, found = served_vectors(connection, BTC, Interval.H1, 4)
    assert len(closed_at) == len(found) == 0


def signal(number, release_id, table=ml_signals):
    known = {**row(BTC, number, np.zeros(86)), "release_id": release_id}
    return {name: value for name, value in known.items() if name in table.c}


def test_releases_are_heard_as_long_as_a_signal_or_a_shadow_of_late_names_them(engine):
    day = 24
    within = timedelta(days=90)
    spoken = [(0, "too old"), (10 * day, "on the edge"), (60 * day, "again"), (61 * day, "again")]
    spoken += [(62 * day, None), (100 * day, "newest")]
    listened = [(9 * day, "too old in the shadow"), (50 * day, "in the shadow")]
    with engine.begin() as connection:
        assert releases_heard(connection, within) == frozenset()
        rows = [signal(*one, ml_shadow_signals) for one in listened]
        connection.execute(insert(ml_shadow_signals), rows)
        assert releases_heard(connection, within) == {"too old in the shadow", "in the shadow"}
        connection.execute(insert(ml_signals), [signal(*one) for one in spoken])
        heard = releases_heard(connection, within)
    assert heard == {"on the edge", "again", "newest", "in the shadow"}
