"""Models come and go while candles are answered; a candle is answered by one set of them."""

from contextlib import suppress
from copy import deepcopy
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.model_set import ModelSet
from models.registry import Registry
from models.signing import ANY_UNSIGNED
from shared.bus.consumer import Consumer
from shared.bus.history import last_events
from shared.bus.tables import event_log
from shared.domain.enums import Interval
from signal_generator.core.asking import Instant, ModelSets
from signal_generator.core.window import Windows
from signal_generator.handlers import SignalGeneratorHandlers
from signal_generator.settings import SignalGeneratorSettings
from signal_generator.tables import ml_shadow_signals, ml_signals
from tests.unit.signal_generator.conftest import SYMBOLS, TRADED, closed_at
from tests.unit.signal_generator.desk import READY, Desk, everything, fact

STREAMS = {2: ("synthetic:1h:0", "synthetic:1h:1"), 50: ("synthetic:1h:0",)}


@pytest.fixture(scope="session")
def pooled(models_dir):
    registry = Registry(models_dir, TRADED, trust=ANY_UNSIGNED)
    registry.refresh()
    return registry.champions()["GLOBAL"]


@pytest.fixture(scope="session")
def windows():
    """Feature engines that have seen everything before READY."""
    windows = Windows(Interval.H1, SYMBOLS)
    for one in everything(READY - 400, READY):
        beside = {candle.symbol: candle for candle in one.candles}
        for candle in one.candles:
            windows.advance(candle, beside[windows.reference(candle.symbol)])
    return windows


def named(model, release_id):
    return replace(model, manifest=replace(model.manifest, release_id=release_id))


class Scripted:
    """The models of a desk as a test wants them; `asked` is how often somebody looked."""

    def __init__(self, *sets):
        self.sets, self.asked = list(sets), 0

    def __call__(self):
        self.asked += 1
        return self.sets.pop(0) if len(self.sets) > 1 else self.sets[0]


def listen(desk, current, windows, size=50):
    """Let the desk's candles be answered by scripted models, with windows that are warm."""
    handlers = SignalGeneratorHandlers(
        models=ModelSets(current),
        policy=SignalGeneratorSettings().policy(0.0002, 0.0001),
        symbols=SYMBOLS,
        metrics=desk.service.metrics,
    )
    handlers.windows.update({stream: deepcopy(windows) for stream in STREAMS[size]})
    desk.consumer = Consumer(
        "signal_generator", desk.transactions("signal_generator"), handlers.by_topic(), 0.1
    )
    return handlers


def rows(desk, table):
    with desk.outside.read() as connection:
        return connection.execute(select(table).order_by(table.c.closed_at, table.c.symbol)).all()


def speakers(desk):
    """Return who spoke, by candle."""
    found = {}
    for row in rows(desk, ml_signals):
        found.setdefault(row.closed_at, set()).add(row.release_id)
    return found


def test_a_reload_between_two_shards_does_not_mix_a_candle(
    sqlite_engine, models_dir, pooled, windows
):
    desk = Desk(sqlite_engine, models_dir)
    current = Scripted(*(ModelSet(models={"GLOBAL": named(pooled, f"R{n}")}) for n in range(9)))
    listen(desk, current, windows, size=2)
    desk.hear(fact(READY, 2, 0), fact(READY, 2, 1))
    desk.catch_up(*(fact(READY + 1, 2, shard) for shard in (0, 1)))
    desk.hear(fact(READY + 2, 2, 1), fact(READY + 2, 2, 0))
    assert speakers(desk) == {closed_at(READY + n): {f"R{n}"} for n in range(3)}
    assert current.asked == 3


def test_a_reload_between_two_tries_of_a_candle_does_not_mix_it(
    sqlite_engine, models_dir, pooled, windows
):
    desk = Desk(sqlite_engine, models_dir)
    current = Scripted(*(ModelSet(models={"GLOBAL": named(pooled, f"R{n}")}) for n in range(9)))
    handlers = listen(desk, current, windows, size=2)
    desk.hear(fact(READY, 2, 0))
    roll_back(desk, handlers, _envelopes(desk, fact(READY, 2, 1)))
    handlers.windows["synthetic:1h:1"] = deepcopy(windows)
    desk.drain()
    assert speakers(desk) == {closed_at(READY): {"R0"}}


def roll_back(desk, handlers, heard):
    with suppress(ZeroDivisionError), desk.transactions("signal_generator").begin() as uow:
        handlers.on_candles_closed(heard, uow)
        raise ZeroDivisionError


def _envelopes(desk, one):
    desk.say(one)
    with desk.outside.read() as connection:
        return last_events(
            connection, topic=one.topic, stream=one.stream, before=closed_at(100_000), limit=1
        )


def test_old_sets_of_models_are_let_go():
    sets = ModelSets(ModelSet)
    instants = [Instant("synthetic", Interval.H1, closed_at(number)) for number in range(20)]
    first = sets.at(instants[0])
    assert sets.at(instants[0]) is first
    for instant in instants:
        sets.at(instant)
    assert sets.at(instants[-1]) is sets.at(instants[-1])
    assert sets.at(instants[0]) is not first


@pytest.fixture
def shadowed(engine, models_dir, pooled, windows):
    """A desk with a shadow of GLOBAL, and one of SOL that speaks with another's voice."""
    desk = Desk(engine, models_dir)
    registry = Registry(models_dir, TRADED, trust=ANY_UNSIGNED)
    registry.refresh()
    champions = dict(registry.champions())
    current = Scripted(
        ModelSet(
            models={scope: champions[scope] for scope in ("GLOBAL", "SOLUSDT")},
            shadows={
                "GLOBAL": named(champions["ETHUSDT"], "SHADOW_G"),
                "SOLUSDT": named(champions["BTCUSDT"], "SHADOW_S"),
            },
        )
    )
    desk.handlers = listen(desk, current, windows)
    return desk


def test_a_shadow_is_asked_about_the_same_vector_and_kept(shadowed, models_dir):
    shadowed.hear(fact(READY))
    kept = rows(shadowed, ml_shadow_signals)
    assert [(row.symbol, row.release_id) for row in kept] == [
        ("BTC-USDT", "SHADOW_G"), ("ETH-USDT", "SHADOW_G"), ("SOL-USDT", "SHADOW_S"),
    ]  # fmt: skip
    said = {row.symbol: row for row in rows(shadowed, ml_signals)}
    registry = Registry(models_dir, TRADED, trust=ANY_UNSIGNED)
    registry.refresh()
    for row in kept:
        beside = said[row.symbol]
        assert (row.coverage, row.price, row.closed_at) == (
            beside.coverage, beside.price, beside.closed_at,
        )  # fmt: skip
        assert row.signal_id != beside.signal_id
        assert row.probability != beside.probability
        assert row.edge["release_id"] == row.release_id
        assert set(row.edge["factors"]) == {"coverage", "drift", "age", "live", "standing"}
    assert shadowed.metric("signals_total", source="shadow", action=kept[0].action) >= 1


def test_what_a_shadow_thinks_is_never_said(shadowed, models_dir, windows):
    """Nobody who hears the facts can know it: not by its id, nor by its release."""
    shadowed.hear(*(fact(READY + number) for number in range(20)))
    kept = rows(shadowed, ml_shadow_signals)
    assert {row.action for row in kept} > {"hold"}
    with shadowed.outside.read() as connection:
        payloads = " ".join(connection.execute(select(event_log.c.payload)).scalars())
    assert "SHADOW" not in payloads.upper()
    assert not [row.signal_id for row in kept if row.signal_id in payloads]
    stored = {row.signal_id for row in rows(shadowed, ml_signals)}
    assert {signal.signal_id for one in shadowed.said() for signal in one.signals} == stored


def test_a_candle_handled_again_collides_and_overwrites_nothing(shadowed):
    shadowed.hear(fact(READY))
    before = rows(shadowed, ml_signals), rows(shadowed, ml_shadow_signals)
    heard = _envelopes(shadowed, fact(READY + 1))
    again = replace(heard[0], event=fact(READY))
    with pytest.raises(IntegrityError), shadowed.transactions("signal_generator").begin() as uow:
        shadowed.handlers.on_candles_closed([again], uow)
    assert (rows(shadowed, ml_signals), rows(shadowed, ml_shadow_signals)) == before


def test_a_batch_that_was_rolled_back_leaves_no_shadow_behind(shadowed, windows):
    heard = _envelopes(shadowed, fact(READY))
    roll_back(shadowed, shadowed.handlers, heard)
    assert rows(shadowed, ml_shadow_signals) == rows(shadowed, ml_signals) == []
    shadowed.handlers.windows["synthetic:1h:0"] = deepcopy(windows)
    shadowed.drain()
    assert len(rows(shadowed, ml_shadow_signals)) == len(rows(shadowed, ml_signals)) == 3


def test_shadows_are_listed_page_by_page(shadowed):
    shadowed.hear(*(fact(READY + number) for number in range(4)))
    first = shadowed.ask("GET", "/shadow-signals?release_id=SHADOW_G&limit=5").json()
    path = f"/shadow-signals?release_id=SHADOW_G&limit=5&cursor={first['next_cursor']}"
    second = shadowed.ask("GET", path).json()
    listed = first["items"] + second["items"]
    assert len({one["signal_id"] for one in listed}) == 8
    assert second["next_cursor"] is None
    assert {one["release_id"] for one in listed} == {"SHADOW_G"}
    assert {one["source"] for one in listed} == {"shadow"}
    of_sol = shadowed.ask("GET", "/shadow-signals?symbol=SOL-USDT").json()["items"]
    assert {one["release_id"] for one in of_sol} == {"SHADOW_S"}
    assert shadowed.ask("GET", "/shadow-signals?symbol=DOGE-USDT").status_code == 422
    assert shadowed.ask("GET", "/shadow-signals", scope=None).status_code == 401
    assert shadowed.ask("GET", f"/signals/{listed[0]['signal_id']}").status_code == 404


def test_whom_nobody_speaks_for_a_shadow_may_still_be_asked_about(
    sqlite_engine, models_dir, pooled, windows
):
    desk = Desk(sqlite_engine, models_dir)
    listen(desk, Scripted(ModelSet(shadows={"GLOBAL": pooled})), windows)
    desk.hear(fact(READY))
    assert {row.release_id for row in rows(desk, ml_signals)} == {None}
    assert {row.release_id for row in rows(desk, ml_shadow_signals)} == {pooled.release_id}
