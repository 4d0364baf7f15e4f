"""The service on real databases, through the real bus, with models that were really trained."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select

from launcher.story import tell
from models.features import FEATURE_NAMES, batch
from models.registry import Registry
from models.signing import ANY_UNSIGNED
from shared.bus.history import last_events
from shared.domain.enums import Action, Interval
from shared.domain.events import CandlesClosed
from shared.domain.ids import Symbol
from shared.runtime.settings import PlatformSettings
from signal_generator.core.belief import believe
from signal_generator.core.scoring import generate_signal
from signal_generator.settings import SignalGeneratorSettings
from signal_generator.tables import ml_signals
from tests.unit.signal_generator.conftest import MARKET, SYMBOLS, TRADED, candle, closed_at
from tests.unit.signal_generator.desk import FIRST, LAST, READY, Desk, everything, fact

BTC, SOL = Symbol("BTC-USDT"), Symbol("SOL-USDT")


def roll_back(transactions, work):
    with transactions.begin() as uow:
        work(uow)
        raise ZeroDivisionError


@pytest.fixture(scope="session")
def expected(models_dir):
    """The signals as the cores alone compute them from the whole history."""
    registry = Registry(models_dir, TRADED, trust=ANY_UNSIGNED)
    registry.refresh()
    policy = SignalGeneratorSettings().policy(0.0002, 0.0001)
    seconds = np.array([int(closed_at(n).timestamp()) for n in range(FIRST, LAST)])
    found = {}
    for symbol, reference in zip(SYMBOLS, ("ETH-USDT", "BTC-USDT", "BTC-USDT"), strict=True):
        part = slice(FIRST, LAST)
        vectors = batch(
            MARKET[symbol][part],
            MARKET[Symbol(reference)][part],
            seconds,
            np.zeros(LAST - FIRST, dtype=bool),
        )
        beliefs = believe(registry.model_for(symbol), vectors)
        for row, number in enumerate(range(FIRST, LAST)):
            found[symbol, closed_at(number)] = generate_signal(
                candle(symbol, number), Interval.H1, vectors[row], beliefs[row], policy
            )
    return found


@pytest.fixture(scope="session")
def undisturbed(expected):
    """What an undisturbed run says: one fact per candle, with the signals of all instruments."""
    return [
        tuple(expected[symbol, closed_at(number)] for symbol in SYMBOLS)
        for number in range(FIRST, LAST)
    ]


def test_the_service_says_exactly_what_the_cores_compute(engine, models_dir, undisturbed):
    desk = Desk(engine, models_dir)
    desk.hear(*everything())
    assert [one.signals for one in desk.said()] == undisturbed
    assert {one.source for one in desk.said()} == {"ml"}
    actions = {signal.action for one in desk.said() for signal in one.signals}
    assert Action.BUY in actions
    reasons = {reason for one in desk.said() for signal in one.signals for reason in signal.reasons}
    assert {"coverage", "below_breakeven"} <= reasons


def test_a_restart_anywhere_changes_no_bit(engine, models_dir, undisturbed):
    desk = Desk(engine, models_dir)
    for number, one in enumerate(everything()):
        if number in (1, 2, 40, 175, 176, 177, 300, 396, 401, 402, 438):
            desk.start()
        desk.hear(one)
    assert [one.signals for one in desk.said()] == undisturbed


def test_what_waited_while_the_service_was_down_is_answered_in_order(
    engine, models_dir, undisturbed
):
    desk = Desk(engine, models_dir, stale_after_intervals=100)
    desk.hear(*everything()[:405])
    desk.say(*everything()[405:])
    desk.start()
    desk.drain()
    assert [one.signals for one in desk.said()] == undisturbed


def test_what_waited_too_long_is_believed_as_much_but_not_acted_on(
    sqlite_engine, models_dir, undisturbed
):
    desk = Desk(sqlite_engine, models_dir)
    desk.hear(*everything()[:405])
    desk.say(*everything()[405:])
    desk.drain()
    said = [one.signals for one in desk.said()]
    late = [signal for one in said[405:-2] for signal in one]
    assert {signal.action for signal in late} == {Action.HOLD}
    assert all("stale" in signal.reasons for signal in late)
    assert [one.edge for one in late] == [one.edge for it in undisturbed[405:-2] for one in it]
    assert said[:405] + said[-2:] == undisturbed[:405] + undisturbed[-2:]
    assert desk.metric("signal_refusals_total", reason="stale") == len(late)


def test_two_replicas_that_take_turns_agree_with_one(engine, models_dir, undisturbed):
    desk = Desk(engine, models_dir)
    first = desk.consumer
    desk.start()
    second = desk.consumer
    for number, one in enumerate(everything()):
        desk.consumer = first if number < 400 or number % 3 else second
        desk.hear(one)
    assert [one.signals for one in desk.said()] == undisturbed


def test_a_rolled_back_candle_is_scored_again_from_the_same_place(
    sqlite_engine, models_dir, undisturbed
):
    desk = Desk(sqlite_engine, models_dir)
    transactions = desk.transactions("signal_generator")
    desk.hear(*everything()[:403])
    handle = desk.service.handlers[CandlesClosed.topic]
    for one in everything()[403:]:
        desk.say(one)
        with desk.outside.read() as connection:
            waiting = last_events(
                connection,
                topic=one.topic,
                stream=one.stream,
                before=closed_at(100_000),
                limit=1,
            )
        with pytest.raises(ZeroDivisionError):
            roll_back(transactions, lambda uow, heard=waiting: handle(heard, uow))
        desk.drain()
    assert [one.signals for one in desk.said()] == undisturbed


def test_shards_are_answered_one_by_one(sqlite_engine, models_dir, undisturbed):
    desk = Desk(sqlite_engine, models_dir)
    for number in range(FIRST, FIRST + 60):
        desk.hear(fact(number, size=2, shard=0), fact(number, size=2, shard=1))
    together = [a.signals + b.signals for a, b in zip(desk.said(0), desk.said(1), strict=True)]
    assert together == undisturbed[:60]


def test_one_row_holds_all_that_a_signal_came_from(engine, models_dir, undisturbed):
    desk = Desk(engine, models_dir)
    desk.catch_up(*everything(READY - 400, READY))
    with desk.outside.read() as connection:
        count = connection.execute(select(func.count()).select_from(ml_signals)).scalar_one()
        row = connection.execute(
            select(ml_signals).where(
                ml_signals.c.symbol == SOL, ml_signals.c.closed_at == closed_at(READY - 1)
            )
        ).one()
    assert count == 1200
    vector = np.frombuffer(row.features, dtype="<f4")
    assert len(vector) == 86
    assert row.coverage == np.isfinite(vector).mean()
    assert row.probability == row.edge["probability"]
    assert row.release_id.startswith("SOLUSDT_full_dataset_cpu_xgboost_model_")
    assert row.price == candle(SOL, READY - 1).close
    assert len(row.carry) < 1000


def test_without_models_everything_is_refused_and_readiness_says_why(sqlite_engine, tmp_path):
    desk = Desk(sqlite_engine, tmp_path / "none")
    desk.hear(*everything(last=FIRST + 3))
    assert {signal.reasons[-1] for one in desk.said() for signal in one.signals} == {"no_model"}
    ready = desk.ask("GET", "/health/ready", scope=None)
    assert (ready.status_code, "trading train" in ready.json()["checks"]["models"]) == (503, True)
    assert desk.ask("GET", "/models").json()["items"] == []
    answer = desk.ask("POST", "/predict", body={"symbol": "BTC-USDT"})
    assert answer.status_code == 503
    assert "trading train" in answer.json()["detail"]


def test_an_own_model_that_cannot_be_proven_halves_the_pooled_ones_confidence(
    sqlite_engine, models_dir, tmp_path
):
    damaged = tmp_path / "models"
    shutil.copytree(models_dir, damaged)
    release = next((damaged / "SOLUSDT").glob("SOLUSDT_*"))
    booster = release / "booster.ubj"
    booster.write_bytes(booster.read_bytes()[:-1] + b"x")
    desk = Desk(sqlite_engine, damaged)
    desk.catch_up(*everything(READY - 400, READY))
    edges = {signal.symbol: signal.edge for signal in desk.said()[-1].signals}
    assert edges[SOL].release_id.startswith("GLOBAL_")
    assert edges[SOL].confidence == pytest.approx(edges[BTC].confidence / 2)
    ready = desk.ask("GET", "/health/ready", scope=None)
    assert ready.status_code == 503
    assert "SOLUSDT: hash_mismatch: booster.ubj" in ready.json()["checks"]["models"]
    assert ready.json()["champions"]["BTCUSDT"] == edges[BTC].release_id
    assert "SOLUSDT" not in ready.json()["champions"]
    listed = desk.ask("GET", f"/models/{release.name}").json()
    assert (listed["is_champion"], listed["is_serving"]) == (True, False)
    assert "hash_mismatch" in listed["refusal"]


def test_a_model_of_invented_candles_says_nothing_about_those_of_a_venue(
    sqlite_engine, models_dir, monkeypatch
):
    monkeypatch.setenv("MARKET__VENUE", "binance")
    desk = Desk(sqlite_engine, models_dir)
    desk.hear(*everything(last=FIRST + 2))
    assert {signal.reasons[-1] for one in desk.said() for signal in one.signals} == {"no_model"}
    checks = desk.ask("GET", "/health/ready", scope=None).json()["checks"]
    assert "GLOBAL: venue_mismatch: trained on candles of 'synthetic'" in checks["models"]


def test_a_filled_candle_is_not_acted_on(sqlite_engine, models_dir):
    desk = Desk(sqlite_engine, models_dir)
    desk.catch_up(*everything(READY - 400, READY), fact(READY, is_filled=True))
    assert all("gap_filled" in signal.reasons for signal in desk.said()[-1].signals)


def test_a_broken_candle_does_not_stop_the_others(sqlite_engine, models_dir):
    desk = Desk(sqlite_engine, models_dir)
    one = fact(READY)
    broken = replace(one.candles[2], low=one.candles[2].high * 2)
    desk.catch_up(*everything(READY - 400, READY), replace(one, candles=(*one.candles[:2], broken)))
    btc, _, sol = desk.said()[-1].signals
    assert "coverage" in sol.reasons
    assert btc.coverage == 1.0


def test_metrics_count_what_was_committed(sqlite_engine, models_dir):
    desk = Desk(sqlite_engine, models_dir)
    desk.hear(*everything(last=FIRST + 5))
    assert desk.metric("signals_total", source="ml", action="hold") == 15
    assert desk.metric("signal_refusals_total", reason="coverage") == 15
    assert desk.metric("feature_coverage_ratio") < 0.5
    release = next((models_dir / "SOLUSDT").glob("SOLUSDT_*")).name
    assert desk.metric("model_info", symbol=SOL, release_id=release, role="champion") == 1
    assert desk.metric("model_age_seconds", symbol=SOL) == 0.0


def test_a_new_champion_speaks_after_the_next_look(sqlite_engine, models_dir, tmp_path):
    empty = tmp_path / "models"
    desk = Desk(sqlite_engine, empty, refresh_seconds=0.1)
    shutil.copytree(models_dir, empty)
    from threading import Event, Thread

    stop = Event()
    thread = Thread(target=desk.service.tasks[0].run, args=(stop,))
    thread.start()
    release = next((empty / "SOLUSDT").glob("SOLUSDT_*")).name
    for _ in range(100):
        if desk.metric("model_info", symbol=SOL, release_id=release, role="champion"):
            break
        stop.wait(0.1)
    stop.set()
    thread.join()
    desk.catch_up(*everything(READY - 400, READY))
    assert desk.said()[-1].signals[2].edge.release_id == release


@pytest.fixture
def desk(sqlite_engine, models_dir):
    desk = Desk(sqlite_engine, models_dir)
    desk.catch_up(*everything(READY - 400, READY))
    return desk


def test_signals_are_listed_page_by_page(desk):
    first = desk.ask("GET", "/signals?symbol=SOL-USDT&limit=250").json()
    second = desk.ask(
        "GET", f"/signals?symbol=SOL-USDT&limit=250&cursor={first['next_cursor']}"
    ).json()
    times = [item["closed_at"] for item in first["items"] + second["items"]]
    assert len(times) == 400
    assert times == sorted(times, reverse=True)
    assert second["next_cursor"] is None
    assert first["items"][0]["price"] == str(candle(SOL, READY - 1).close)


def test_a_signal_is_shown_with_its_features_and_what_moved_it(desk):
    newest = desk.ask("GET", "/signals?symbol=SOL-USDT&limit=1").json()["items"][0]
    shown = desk.ask("GET", f"/signals/{newest['signal_id']}").json()
    assert tuple(shown["features"]) == FEATURE_NAMES
    explanation = shown["explanation"]
    moved = explanation["speaking_for"] + explanation["speaking_against"]
    assert all(item["value"] == shown["features"][item["name"]] for item in moved)
    assert [item["contribution"] for item in explanation["speaking_for"]] == sorted(
        (item["contribution"] for item in explanation["speaking_for"]), reverse=True
    )
    assert all(item["points"] > 0 for item in explanation["speaking_for"])
    assert all(item["points"] < 0 for item in explanation["speaking_against"])
    assert set(explanation["groups"]) == set("ABCDEFGHIJ")
    assert "do not add up" in explanation["note"]
    assert shown["edge"]["factors"]["coverage"] == 1.0
    assert desk.ask("GET", "/signals/nowhere").status_code == 404


def _told(settings, signal):
    (step, *_) = [one for one in tell(settings, signal["signal_id"]) if "model" in str(one)]
    return step["lines"]


def test_the_story_of_a_signal_tells_what_moved_the_model(desk, tmp_path, models_dir, monkeypatch):
    listed = desk.ask("GET", "/signals?symbol=SOL-USDT&limit=30").json()["items"]
    acting = next(one for one in listed if one["action"] != "hold")
    holding = next(one for one in listed if one["action"] == "hold")
    settings = PlatformSettings(trading_state_dir=tmp_path, allow_unsigned_models=True)
    monkeypatch.setenv("SIGNAL_GENERATOR__MODELS_DIR", str(models_dir))
    for one in (acting, holding):
        shown = desk.ask("GET", f"/signals/{one['signal_id']}").json()["explanation"]
        strongest = shown["speaking_for"][0]
        lines = _told(settings, one)
        (moved,) = [line for line in lines if line.startswith("features for a win:")]
        assert f"{strongest['name']} {strongest['value']:.4g} ({strongest['points']:+.3f}" in moved
        assert any("they do not add up exactly" in line.lower() for line in lines)
        assert any(line.startswith("confidence ") and " x live 1.000" in line for line in lines)
    monkeypatch.setenv("SIGNAL_GENERATOR__MODELS_DIR", str(tmp_path))
    assert any(line.startswith("features for a win:") for line in _told(settings, acting))
    assert "no longer there" in _told(settings, holding)[-1]


def test_what_is_acted_on_is_stored_with_what_moved_it(desk):
    with desk.outside.read() as connection:
        rows = connection.execute(select(ml_signals)).all()
    assert {row.contributions is not None for row in rows if row.action != "hold"} == {True}
    assert {row.contributions for row in rows if row.action == "hold"} == {None}
    row = next(row for row in rows if row.contributions)
    shown = desk.ask("GET", f"/signals/{row.signal_id}").json()["explanation"]
    shown.pop("note")
    assert shown == row.contributions


def test_a_release_out_of_service_still_explains_what_it_said(desk, models_dir, tmp_path):
    held = desk.ask("GET", "/signals?symbol=SOL-USDT&limit=30").json()["items"]
    one = next(one for one in held if one["action"] == "hold" and one["edge"])
    before = desk.ask("GET", f"/signals/{one['signal_id']}").json()["explanation"]
    desk.models_dir = tmp_path / "models"
    shutil.copytree(models_dir, desk.models_dir)
    (desk.models_dir / "SOLUSDT" / "aliases.json").write_text("{}")
    desk.start()
    assert desk.ask("GET", f"/models/{one['edge']['release_id']}").json()["is_serving"] is False
    assert desk.ask("GET", f"/signals/{one['signal_id']}").json()["explanation"] == before
    shutil.rmtree(desk.models_dir / "SOLUSDT")
    desk.start()
    assert desk.ask("GET", f"/signals/{one['signal_id']}").json()["explanation"] is None


def test_a_question_about_now_is_answered_as_the_last_signal_was(desk):
    newest = desk.ask("GET", "/signals?symbol=SOL-USDT&limit=1").json()["items"][0]
    answer = desk.ask("POST", "/predict", body={"symbol": "SOL-USDT"}).json()
    assert answer["probability"] == newest["edge"]["probability"]
    assert answer["release_id"] == newest["edge"]["release_id"]
    assert answer["barrier_ratio"] == pytest.approx(newest["edge"]["barrier_ratio"], rel=1e-6)
    assert 0 < answer["breakeven_probability"] < 1
    assert answer["refusals"] == []


def test_a_question_about_given_features_says_what_is_missing(desk):
    features = desk.ask("GET", "/features/SOL-USDT").json()["features"]
    known = {name: value for name, value in features.items() if value is not None}
    same = desk.ask("POST", "/predict", body={"symbol": "SOL-USDT", "features": known}).json()
    stored = desk.ask("POST", "/predict", body={"symbol": "SOL-USDT"}).json()
    assert same["probability"] == stored["probability"]
    few = desk.ask(
        "POST", "/predict", body={"symbol": "SOL-USDT", "features": {"ret_24": 0.01}}
    ).json()
    assert few["refusals"] == ["coverage", "required_missing", "group_missing"]
    assert few["breakeven_probability"] is None


def test_models_are_listed_with_their_manifest(desk):
    listed = desk.ask("GET", "/models").json()["items"]
    assert {item["scope"] for item in listed} == {"GLOBAL", "BTCUSDT", "ETHUSDT", "SOLUSDT"}
    assert all(item["is_champion"] and item["is_serving"] for item in listed)
    one = desk.ask("GET", f"/models/{listed[0]['release_id']}").json()
    assert one["manifest"]["label"]["horizon"] == 24
    assert one["refusal"] is None
    assert desk.ask("GET", "/models/unknown").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/signals?symbol=DOGE-USDT", None, 422),
        ("GET", "/signals?limit=0", None, 422),
        ("GET", "/signals?limit=1001", None, 422),
        ("GET", "/signals?cursor=nonsense", None, 422),
        ("GET", "/features/DOGE-USDT", None, 422),
        ("POST", "/predict", {}, 422),
        ("POST", "/predict", {"symbol": "DOGE-USDT"}, 422),
        ("POST", "/predict", {"symbol": "BTC-USDT", "features": {"no_such": 1.0}}, 422),
        ("POST", "/predict", {"symbol": "BTC-USDT", "features": {"ret_1": "much"}}, 422),
        ("POST", "/predict", {"symbol": "BTC-USDT", "extra": 1}, 422),
    ],
)
def test_bad_input_is_answered_with_a_problem(desk, method, path, body, status):
    answer = desk.ask(method, path, body=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/signals", "/signals/x", "/features/BTC-USDT", "/models", "/models/x"]
)
def test_nothing_is_shown_without_a_key(desk, path):
    assert desk.ask("GET", path, scope=None).status_code == 401


def test_nothing_has_closed_yet(sqlite_engine, models_dir):
    quiet = Desk(sqlite_engine, models_dir)
    assert quiet.ask("GET", "/features/BTC-USDT").status_code == 404
    assert quiet.ask("POST", "/predict", body={"symbol": "BTC-USDT"}).status_code == 404
