"""The service judges its models while candles come: killed, restarted, in the dark, and turned red."""

import json
import shutil
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import insert, select

from models.aliases import Role as Alias
from models.labels import Cost, triple_barrier
from models.manifest import GLOBAL
from models.registry import Registry
from models.signing import ANY_UNSIGNED
from shared.bus.history import last_events
from shared.bus.tables import event_log
from shared.db.audit import audit
from shared.db.engine import DatabaseAddress, connect
from shared.domain.enums import Interval
from shared.domain.events import CandlesClosed, TradingAlarmed
from signal_generator.core.alarms import State
from signal_generator.core.health import Remedy
from signal_generator.repository.followup import CANDLES_BETWEEN
from signal_generator.repository.health import newest_healths
from signal_generator.repository.outcomes import newest_labels
from signal_generator.repository.shadow import shadow_record
from signal_generator.tables import ml_outcomes, ml_shadow_signals, ml_signals, model_health
from tests.database import empty_database
from tests.unit.signal_generator.conftest import MARKET, START, SYMBOLS, closed_at
from tests.unit.signal_generator.desk import FIRST, Desk, fact

BTC, ETH, SOL = SYMBOLS
DAY = 24
MIDNIGHT = 3000 + (-3001) % DAY  # the candle of this number closes at midnight
SPOKEN = FIRST + 396
UNTIL = SPOKEN + 110
PATIENT = {"stale_after_intervals": 1000.0}  # candles of a batch are late by how it was cut


def rows(desk, table, *columns):
    chosen = [table.c[name] for name in columns] or list(table.c)
    order = list(table.primary_key.columns)
    with desk.outside.read() as connection:
        return [tuple(row) for row in connection.execute(select(*chosen).order_by(*order))]


def judgements(desk):
    return rows(desk, ml_outcomes), rows(desk, model_health)


def facts(first, last, without=None):
    found = []
    for number in range(first, last):
        one = fact(number)
        if without is not None:
            kept = tuple(candle for candle in one.candles if (candle.symbol, number) not in without)
            one = CandlesClosed(
                venue=one.venue, interval=one.interval, closed_at=one.closed_at, shard=one.shard,
                candles=kept, references=one.references,
            )  # fmt: skip
        found.append(one)
    return found


def is_turn(number):
    """Tell whether signals are followed up at a candle that is not the first of its day."""
    return closed_at(number).timestamp() / 3600 % CANDLES_BETWEEN == 0


@pytest.fixture(scope="session")
def life(models_dir, tmp_path_factory):
    """Everything an undisturbed life has judged after four days of models that spoke."""
    address = DatabaseAddress(file=tmp_path_factory.mktemp("undisturbed") / "trading.sqlite")
    empty_database(address)
    engine = connect(address)
    desk = Desk(engine, models_dir, **PATIENT)
    desk.hear(*facts(FIRST, UNTIL))
    yield desk
    engine.dispose()


def test_every_stored_signal_gets_the_label_training_would_give_it(life):
    stored = rows(
        life, ml_signals, "symbol", "closed_at", "barrier_ratio", "signal_id", "release_id"
    )
    outcomes = {
        row[0]: row
        for row in rows(life, ml_outcomes, "signal_id", "hit", "gross", "net", "ended_at")
    }
    judged = [row[0] for row in rows(life, model_health, "judged_at")]
    last_look = max(judged + [closed_at(one) for one in range(FIRST, UNTIL) if is_turn(one)])
    due = [row for row in stored if row[4] and row[1] + timedelta(hours=24) <= last_look]
    assert outcomes.keys() == {row[3] for row in due if row[2] and row[2] > 0}
    assert len(outcomes) > 200
    cost = Cost(fee_ratio=0.0002, slippage_ratio=0.0001)
    for symbol in SYMBOLS:
        mine = {
            round((row[1] - START) / timedelta(hours=1)) - 1: row for row in due if row[0] == symbol
        }
        width = np.full(len(MARKET[symbol]), np.nan)
        for number, row in mine.items():
            width[number] = row[2]
        labels = triple_barrier(MARKET[symbol], width, 24, 1.0, 1.0, cost=cost)
        for number, row in mine.items():
            if row[3] in outcomes:
                _, hit, gross, net, ended_at = outcomes[row[3]]
                assert (hit, gross, net) == (
                    labels.hit[number],
                    labels.gross[number],
                    labels.net[number],
                )
                assert ended_at == closed_at(int(labels.end_index[number]))


def test_a_day_of_short_candles_is_not_left_to_its_last_moment(ready, models_dir):
    desk, at = ready(models_dir)
    turn = next(number for number in range(at, at + 80) if is_turn(number) and number % DAY != 22)
    assert closed_at(turn).hour
    desk.catch_up(*facts(at, turn))
    waiting = len(rows(desk, ml_outcomes))
    desk.hear(fact(turn))
    found = rows(desk, ml_outcomes, "symbol", "closed_at")
    assert len(found) > waiting
    assert max(row[1] for row in found) == closed_at(turn - DAY)
    states = rows(desk, model_health)
    desk.hear(fact(turn + 1))
    assert (len(rows(desk, ml_outcomes)), rows(desk, model_health)) == (len(found), states)


def test_every_release_is_judged_once_a_day_at_its_first_candle(life):
    found = rows(life, model_health, "symbol", "day", "judged_at", "role")
    assert len(found) == len({row[:2] for row in found})
    days = {row[1] for row in found}
    assert len(days) * 3 == len(found)
    later = [row for row in found if row[1] > min(days)]
    assert all(judged_at == day for _, day, judged_at, _ in later)
    assert {row[3] for row in found} == {"champion"}


def test_shards_are_judged_one_candle_after_the_other(ready, models_dir):
    desk, midnight = ready(models_dir)
    today = closed_at(midnight)
    for number in range(midnight, midnight + 4):
        desk.hear(*(fact(number, size=1, shard=shard) for shard in range(3)))
    found = rows(desk, model_health, "symbol", "day", "judged_at")
    assert [(row[0], row[2]) for row in found if row[1] == today] == [
        (symbol, closed_at(midnight + place)) for place, symbol in enumerate(SYMBOLS)
    ]


def test_a_life_that_ends_anywhere_judges_the_same(engine, models_dir, life):
    """Restarted, in batches, by turns of two, and rolled back: the same labels and states."""
    desk = Desk(engine, models_dir, **PATIENT)
    waiting = facts(FIRST, UNTIL)
    desk.catch_up(*waiting[:410])
    desk.start()
    desk.catch_up(*waiting[410:450])
    first = desk.consumer
    desk.start()
    second = desk.consumer
    for number, one in enumerate(waiting[450:470]):
        desk.consumer = first if number % 3 else second
        desk.hear(one)
    for number, one in enumerate(waiting[470:]):
        desk.say(one)
        if number % 7 == 0:
            lose(desk, one)
        if number % 11 == 0:
            desk.start()
        desk.drain()
    assert judgements(desk) == judgements(life)


def lose(desk, one):
    """Handle a candle in a transaction that is rolled back."""
    transactions = desk.transactions("signal_generator")
    with desk.outside.read() as connection:
        heard = last_events(
            connection, topic=one.topic, stream=one.stream, before=closed_at(100_000), limit=1
        )
    handle = desk.service.handlers[CandlesClosed.topic]
    with pytest.raises(ZeroDivisionError):
        roll_back(transactions, lambda uow: handle(heard, uow))


def roll_back(transactions, work):
    with transactions.begin() as uow:
        work(uow)
        raise ZeroDivisionError


def test_where_candles_are_missing_nothing_is_guessed(sqlite_engine, models_dir):
    hole = range(SPOKEN + 40, SPOKEN + 43)
    desk = Desk(sqlite_engine, models_dir)
    gone = {(SOL, number) for number in hole}
    desk.catch_up(*facts(FIRST, SPOKEN + 100, without=gone))
    found = {
        (row[0], row[1]): row[2] for row in rows(desk, ml_outcomes, "symbol", "closed_at", "hit")
    }
    unlabelled = {key for key, hit in found.items() if hit is None}
    assert {symbol for symbol, _ in unlabelled} == {SOL}
    assert {at for _, at in unlabelled} <= {closed_at(n) for n in range(hole[0] - 24, hole[-1] + 1)}
    assert (SOL, closed_at(hole[0] - 1)) in unlabelled
    assert found[BTC, closed_at(hole[0] - 1)] is not None


def test_a_day_without_candles_and_a_clock_that_went_back_do_no_harm(sqlite_engine, models_dir):
    desk = Desk(sqlite_engine, models_dir)
    day = SPOKEN + 40
    skipped = facts(day, day + 60)
    desk.catch_up(*facts(FIRST, day), *facts(day + 60, day + 80))
    before = judgements(desk)
    desk.hear(skipped[3])
    assert judgements(desk) == before
    desk.hear(*facts(day + 80, day + 110))
    assert len(rows(desk, model_health)) > len(before[1])


READY = SPOKEN + (MIDNIGHT - SPOKEN) % DAY + DAY
"""The first candle of a day; on the one before all models spoke."""


def warmed(folder, models):
    """Return the file of a database in which everything before READY was answered."""
    address = DatabaseAddress(file=folder / "trading.sqlite")
    empty_database(address)
    engine = connect(address)
    Desk(engine, models).catch_up(*facts(FIRST, READY))
    engine.dispose()
    return address.file


@pytest.fixture(scope="session")
def warm(models_dir, tmp_path_factory):
    return warmed(tmp_path_factory.mktemp("warm"), models_dir)


@pytest.fixture(scope="session")
def warm_pooled(models_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pooled")
    shutil.copytree(models_dir / GLOBAL, folder / "models" / GLOBAL)
    return warmed(folder, folder / "models")


@pytest.fixture
def ready(warm, sqlite_address):
    """Start a service that finds the past of READY in its database."""
    engines = []

    def start(models, file=warm, **settings):
        shutil.copy(file, sqlite_address.file)
        engines.append(connect(sqlite_address))
        return Desk(engines[-1], models, **settings), READY

    yield start
    for engine in engines:
        engine.dispose()


def release_of(desk, symbol):
    return [
        row[1]
        for row in rows(desk, ml_signals, "symbol", "release_id")
        if row[0] == symbol and row[1]
    ][-1]


def add_labels(desk, symbol, release_id, *, promised, won, first, role="champion"):
    """Let 200 labels have matured, decided from a candle on, a share of which won."""
    wins = np.diff(np.floor(np.arange(201) * won)) > 0
    with desk.transactions("signal_generator").begin() as uow:
        uow.connection.execute(
            insert(ml_outcomes),
            [
                {
                    "signal_id": f"{symbol}-{first}-{number}",
                    "release_id": release_id,
                    "role": role,
                    "symbol": symbol,
                    "interval": Interval.H1,
                    "closed_at": closed_at(first + number),
                    "ended_at": closed_at(first + number + 4),
                    "hit": 1 if is_won else -1,
                    "gross": 0.03 if is_won else -0.03,
                    "net": 0.0297 if is_won else -0.0303,
                    "probability": promised,
                    "barrier_ratio": 0.04,
                    "is_bet": False,
                    "is_counted": True,
                }
                for number, is_won in enumerate(wins.tolist())
            ],
        )


def turned_red(desk, symbol, at):
    """Let the model of an instrument have promised much and kept nothing."""
    add_labels(desk, symbol, release_of(desk, symbol), promised=0.9, won=0.0, first=at)


def newest(desk, symbol):
    with desk.outside.read() as connection:
        found = newest_healths(connection, [symbol])
    return max(found, key=lambda one: one.judged_at)


def last_signals(desk):
    return {signal.symbol: signal for signal in desk.said()[-1].signals}


def promoted(desk):
    with desk.outside.read() as connection:
        statement = select(event_log.c.payload).where(event_log.c.topic == "model.promoted")
        return [json.loads(row) for row in connection.execute(statement).scalars()]


@pytest.fixture
def own_models(models_dir, tmp_path):
    folder = tmp_path / "models"
    shutil.copytree(models_dir, folder)
    return folder


def aliases(folder, scope):
    return Registry(folder, trust=ANY_UNSIGNED).aliases(scope)


def older_release(folder, scope):
    """Put a second release of a scope beside its champion, as the one before it."""
    champion = aliases(folder, scope)[Alias.CHAMPION]
    older = champion[:-15] + "20240101_000000"
    shutil.copytree(folder / scope / champion, folder / scope / older)
    manifest = folder / scope / older / "manifest.json"
    document = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**document, "release_id": older}))
    Registry(folder, trust=ANY_UNSIGNED).point(scope, {Alias.PREVIOUS: older})
    return champion, older


def test_a_red_model_without_a_predecessor_makes_way_for_the_pooled_one_at_half(ready, own_models):
    desk, last = ready(own_models)
    champion = release_of(desk, SOL)
    turned_red(desk, SOL, last)
    desk.hear(fact(last))
    health = newest(desk, SOL)
    assert (health.state, health.remedy, health.release_id) == (State.RED, Remedy.RETIRE, champion)
    assert health.alarms[0].monitor == "calibration"
    signal = last_signals(desk)[SOL]
    assert "model_unhealthy" in signal.reasons
    assert aliases(own_models, "SOLUSDT") == {Alias.RETIRED: champion}
    assert [(one["release_id"], one["role"]) for one in promoted(desk)] == [(champion, "retired")]
    desk.hear(fact(last + 1))
    edges = {symbol: one.edge for symbol, one in last_signals(desk).items()}
    assert edges[SOL].release_id.startswith(GLOBAL)
    assert edges[SOL].factors.standing == 0.5
    assert edges[BTC].factors.standing == 1.0
    (entry,) = rows(desk, audit, "actor", "action", "subject")
    assert entry == ("monitoring", "model.retire", champion)


def alarms(desk):
    with desk.outside.read() as connection:
        found = last_events(
            connection, topic=TradingAlarmed.topic, stream="mock-main", before=closed_at(100_000),
            limit=100,
        )  # fmt: skip
    return [envelope.event for envelope in found]


def test_risk_is_warned_of_a_model_in_use_that_is_red_beyond_doubt(ready, own_models):
    desk, last = ready(own_models)
    champion = release_of(desk, SOL)
    turned_red(desk, SOL, last)
    desk.hear(fact(last))
    (alarm,) = alarms(desk)
    assert (alarm.account, alarm.kind, alarm.subject) == ("mock-main", "drift", SOL)
    assert alarm.detail.startswith(f"{champion} is judged red: calibration")
    desk.hear(*(fact(number) for number in range(last + 1, last + DAY + 2)))
    assert len(alarms(desk)) == 1  # another model is in use now


def test_a_model_that_stays_red_and_in_use_is_warned_of_with_every_judgement(ready, own_models):
    champion, older = older_release(own_models, "SOLUSDT")
    booster = own_models / "SOLUSDT" / champion / "booster.ubj"
    booster.write_bytes(booster.read_bytes()[:-1])
    desk, last = ready(own_models)  # the older one stands in, and is not replaced
    add_labels(desk, SOL, older, promised=0.9, won=0.0, first=last)
    desk.hear(*(fact(number) for number in range(last, last + DAY + 1)))
    assert [alarm.raised_at for alarm in alarms(desk)] == [closed_at(last), closed_at(last + DAY)]


def test_a_red_model_goes_back_to_the_one_before_and_that_shows_at_once(ready, own_models):
    champion, older = older_release(own_models, "SOLUSDT")
    desk, last = ready(own_models)
    turned_red(desk, SOL, last)
    desk.hear(fact(last))
    assert newest(desk, SOL).remedy is Remedy.ROLLBACK
    assert aliases(own_models, "SOLUSDT") == {Alias.CHAMPION: older, Alias.RETIRED: champion}
    assert desk.metric("model_info", symbol=SOL, release_id=older, role="champion") == 1
    assert desk.metric("model_info", symbol=SOL, release_id=champion, role="champion") is None
    desk.hear(fact(last + 1))
    signal = last_signals(desk)[SOL]
    assert signal.edge.release_id == older
    assert "model_unhealthy" not in signal.reasons
    assert newest(desk, SOL).release_id == older
    assert {(one["release_id"], one["role"]) for one in promoted(desk)} == {
        (older, "champion"),
        (champion, "retired"),
    }


def test_a_kill_between_the_judgement_and_the_alias_is_made_good(ready, own_models, monkeypatch):
    champion, older = older_release(own_models, "SOLUSDT")
    desk, last = ready(own_models)
    turned_red(desk, SOL, last)
    with monkeypatch.context() as patch:
        patch.setattr("signal_generator.repository.monitoring.carry_out", lambda *_: False)
        desk.hear(fact(last))
    assert aliases(own_models, "SOLUSDT")[Alias.CHAMPION] == champion
    desk.start()
    desk.hear(fact(last + 1))
    assert aliases(own_models, "SOLUSDT")[Alias.CHAMPION] == older
    assert last_signals(desk)[SOL].edge.release_id == older


def test_a_predecessor_that_cannot_be_proven_is_not_gone_back_to(ready, own_models):
    champion, older = older_release(own_models, "SOLUSDT")
    booster = own_models / "SOLUSDT" / older / "booster.ubj"
    booster.write_bytes(booster.read_bytes()[:-1])
    desk, last = ready(own_models)
    turned_red(desk, SOL, last)
    desk.hear(fact(last))
    assert newest(desk, SOL).remedy is Remedy.RETIRE
    assert aliases(own_models, "SOLUSDT")[Alias.RETIRED] == champion
    assert [(one["release_id"], one["role"]) for one in promoted(desk)] == [(champion, "retired")]
    desk.hear(fact(last + 1))
    assert last_signals(desk)[SOL].edge.release_id.startswith(GLOBAL)


def test_a_red_stand_in_is_refused_and_no_alias_is_said_to_have_moved(ready, own_models):
    champion, older = older_release(own_models, "SOLUSDT")
    booster = own_models / "SOLUSDT" / champion / "booster.ubj"
    booster.write_bytes(booster.read_bytes()[:-1])
    before = aliases(own_models, "SOLUSDT")
    desk, last = ready(own_models)
    add_labels(desk, SOL, older, promised=0.9, won=0.0, first=last)
    desk.hear(fact(last))
    health = newest(desk, SOL)
    assert (health.release_id, health.state, health.remedy) == (older, State.RED, Remedy.REFUSE)
    assert "model_unhealthy" in last_signals(desk)[SOL].reasons
    assert aliases(own_models, "SOLUSDT") == before
    assert promoted(desk) == []


@pytest.fixture
def pooled_only(own_models):
    for scope in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
        shutil.rmtree(own_models / scope)
    return own_models


def test_a_pooled_model_red_about_one_instrument_is_silent_there_alone(
    ready, pooled_only, warm_pooled
):
    desk, last = ready(pooled_only, warm_pooled)
    before = aliases(pooled_only, GLOBAL)
    turned_red(desk, SOL, last)
    desk.hear(fact(last))
    assert newest(desk, SOL).remedy is Remedy.REFUSE
    reasons = {symbol: one.reasons for symbol, one in last_signals(desk).items()}
    assert "model_unhealthy" in reasons[SOL]
    assert "model_unhealthy" not in reasons[BTC] + reasons[ETH]
    assert aliases(pooled_only, GLOBAL) == before
    assert promoted(desk) == []
    assert desk.metric("model_health_state", symbol=SOL, state="red") == 1
    assert desk.metric("model_health_state", symbol=BTC, state="red") == 0


def test_silence_ends_when_the_evidence_does(ready, pooled_only, warm_pooled):
    desk, last = ready(pooled_only, warm_pooled)
    turned_red(desk, SOL, last)
    desk.hear(*facts(last, last + DAY))
    assert "model_unhealthy" in last_signals(desk)[SOL].reasons
    release_id = release_of(desk, SOL)
    add_labels(desk, SOL, release_id, promised=0.5, won=0.5, first=last + 300)
    desk.hear(fact(last + DAY))
    assert newest(desk, SOL).state is not State.RED
    assert "model_unhealthy" not in last_signals(desk)[SOL].reasons


def test_broken_promises_short_of_red_scale_the_confidence(ready, pooled_only, warm_pooled):
    desk, last = ready(pooled_only, warm_pooled)
    add_labels(desk, SOL, release_of(desk, SOL), promised=0.62, won=0.45, first=last)
    desk.hear(fact(last))
    health, signal = newest(desk, SOL), last_signals(desk)[SOL]
    assert health.state is State.YELLOW
    assert 2 < -health.live.calibration_z < 3
    factors = signal.edge.factors
    assert factors.live == pytest.approx(1.5 + health.live.calibration_z / 4)
    assert signal.edge.confidence == pytest.approx(factors.live * factors.age)
    assert "model_unhealthy" not in signal.reasons


def test_a_shadow_is_judged_too_and_its_record_is_kept(ready, own_models):
    champion, other = older_release(own_models, "SOLUSDT")
    Registry(own_models, trust=ANY_UNSIGNED).point(
        "SOLUSDT", {Alias.SHADOW: other, Alias.PREVIOUS: None}
    )
    desk, last = ready(own_models)
    desk.hear(*facts(last, last + DAY + 1))
    assert {row[0] for row in rows(desk, ml_shadow_signals, "release_id")} == {other}
    roles = {(row[0], row[1]) for row in rows(desk, model_health, "release_id", "role")}
    assert {(champion, "champion"), (other, "shadow")} <= roles
    with desk.outside.read() as connection:
        record = shadow_record(connection, [SOL], other, champion)
        labels = newest_labels(connection, SOL, other, Interval.H1, 500)
    assert record.matured == record.compared == len(labels) > 0
    assert record.live_brier == pytest.approx(record.champion_brier)
    assert not record.has_red
    add_labels(desk, SOL, other, promised=0.9, won=0.0, first=last, role="shadow")
    desk.hear(*facts(last + DAY + 1, last + 2 * DAY + 1))
    with desk.outside.read() as connection:
        assert shadow_record(connection, [SOL], other, champion).red == (SOL,)
    assert aliases(own_models, "SOLUSDT")[Alias.CHAMPION] == champion


def test_without_monitoring_nothing_is_followed_or_judged(ready, models_dir):
    desk, last = ready(models_dir, monitoring=False)
    before = judgements(desk)
    desk.hear(fact(last))
    assert judgements(desk) == before


def test_health_is_shown_newest_first_and_page_by_page(life):
    listed = life.ask("GET", "/models/health").json()["items"]
    assert [one["symbol"] for one in listed] == sorted(SYMBOLS)
    assert {"state", "alarms", "drift_factor", "live_factor", "remedy", "live"} <= listed[0].keys()
    history = life.ask("GET", "/models/health/SOL-USDT").json()["items"]
    assert len(history) > 3
    assert [one["day"] for one in history] == sorted((one["day"] for one in history), reverse=True)
    page = life.ask("GET", "/models/health/SOL-USDT?limit=2").json()
    rest = life.ask("GET", f"/models/health/SOL-USDT?cursor={page['next_cursor']}").json()
    assert page["items"] + rest["items"] == history
    assert life.ask("GET", "/models/health/DOGE-USDT").status_code == 422
    assert life.ask("GET", "/models/health", scope=None).status_code == 401


def test_a_restart_shows_the_last_judgement_at_the_next_candle(ready, models_dir):
    desk, last = ready(models_dir)
    desk.start()
    assert desk.metric("model_matured_labels", symbol=SOL) is None
    desk.hear(fact(last))
    assert desk.metric("model_matured_labels", symbol=SOL) == newest(desk, SOL).live.matured
