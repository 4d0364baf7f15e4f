"""The same candles through the backtest and through the running services: the same everything."""

import pytest
from sqlalchemy import select

from backtest.engine import run
from launcher.candles import as_arrays
from launcher.policies import backtest_spec, speakers
from shared.bus.codec import decode
from shared.bus.tables import event_log
from shared.domain.enums import Side
from shared.domain.events import (
    EquityMarked,
    OrderFilled,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationsIssued,
)
from shared.domain.verdict import Denied
from tests.acceptance.books import books
from tests.acceptance.drive import Drive
from tests.acceptance.worlds import (
    RULES_ONLY,
    SEED,
    SHORT_LIVED_TRADES,
    START,
    hours,
    recorded_series,
    settings_on,
    synthetic,
)
from tests.database import empty_database

REAL = ("BTC-USDT", "ETH-USDT", "SOL-USDT")


@pytest.fixture(autouse=True)
def _models_as_released(monkeypatch):
    """A backtest asks models as they were released: it does not replay how they were judged."""
    monkeypatch.setenv("SIGNAL_GENERATOR__MONITORING", "false")


def told(drive, *kinds):
    """Return every fact of these kinds, in the order they were said."""
    with drive.engine.connect() as connection:
        statement = select(event_log.c.topic, event_log.c.payload).order_by(event_log.c.seq)
        rows = connection.execute(statement).all()
    topics = {kind.topic for kind in kinds}
    return [decode(topic, payload) for topic, payload in rows if topic in topics]


def assert_same(result, drive):
    said = told(drive, RecommendationsIssued)
    recommendations = [one for fact in said for one in fact.recommendations]
    assert recommendations == list(result.decisions.recommendations)
    verdicts = [
        fact.approved if isinstance(fact, RecommendationApproved) else fact.denied
        for fact in told(drive, RecommendationApproved, RecommendationDenied)
    ]
    assert verdicts == list(result.decisions.verdicts)
    fills = [fact.fill for fact in told(drive, OrderFilled)]
    assert fills == list(result.decisions.fills)
    kept = books(drive.engine)
    orders = sorted(
        (one.client_order_id, one.symbol, one.side, one.purpose, one.status, one.quantity, one.filled_quantity)
        for one in result.decisions.orders
    )  # fmt: skip
    assert kept["orders"] == orders
    marked = told(drive, EquityMarked)
    assert marked[-1].equity == result.final.equity
    assert marked[-1].peak_equity == result.final.peak_equity
    curve = [float(fact.equity) for fact in marked]
    assert curve == pytest.approx(list(result.outcome.curve.equity[1:]), rel=1e-12)


@pytest.mark.parametrize(
    "database_address",
    ["sqlite", pytest.param("mariadb", marks=pytest.mark.long)],
    indirect=True,
)
def test_synthetic_candles_with_models(database_address, tmp_path, models_dir, monkeypatch):
    monkeypatch.setenv("SIGNAL_GENERATOR__MODELS_DIR", str(models_dir))
    count = 520
    settings = settings_on(database_address, tmp_path)
    empty_database(database_address)
    drive = Drive(settings=settings, overrides={"market_data": {"limit": count}})
    drive.run()
    history = synthetic(settings).history(17_520 + count)
    data = as_arrays({name: one.between(START, None) for name, one in history.items()})
    result = run(backtest_spec(settings), data, speakers(settings, tuple(data)))
    assert len(result.decisions.fills) >= 10
    assert len({type(one).__name__ for one in result.decisions.verdicts}) == 2
    assert_same(result, drive)
    drive.close()


@pytest.mark.parametrize(
    "database_address",
    ["sqlite", pytest.param("mariadb", marks=pytest.mark.long)],
    indirect=True,
)
def test_recorded_candles_with_the_baseline(database_address, tmp_path, recorded, monkeypatch):
    for name, value in RULES_ONLY.items():
        monkeypatch.setenv(f"SIGNALS__{name.upper()}", str(value))
    monkeypatch.setenv("MARKET_DATA__START", START.isoformat())
    series = {
        symbol: recorded_series(recorded / "binance" / symbol / "1h.parquet", symbol)
        for symbol in REAL
    }
    end = hours(420)
    settings = settings_on(database_address, tmp_path, venue="binance", instruments=REAL)
    empty_database(database_address)
    files = ",".join(str(recorded / "binance" / symbol / "1h.parquet") for symbol in REAL)
    overrides = {"market_data": {"source": "replay", "files": files, "end": end}}
    drive = Drive(settings=settings, overrides=overrides)
    drive.run()
    data = as_arrays({name: one.between(START, end) for name, one in series.items()})
    result = run(backtest_spec(settings), data, {})
    assert len(result.decisions.fills) >= 10
    assert_same(result, drive)
    drive.close()


def test_a_gap_in_one_instrument_and_a_late_listing(
    sqlite_address, tmp_path, models_dir, monkeypatch
):
    """Instruments come and go; references are missing; the runs still agree."""
    from dataclasses import replace

    import numpy as np

    from market_data.feeds.replay import ReplayFeed

    monkeypatch.setenv("SIGNAL_GENERATOR__MODELS_DIR", str(models_dir))
    count = 560
    settings = settings_on(sqlite_address, tmp_path)
    history = synthetic(settings).history(17_520 + count)
    series = {name: one.between(START, None) for name, one in history.items()}
    for name, gone in (
        ("ETH-USDT", slice(450, 452)),
        ("SOL-USDT", slice(0, 60)),
        ("XRP-USDT", slice(500, 510)),
    ):
        keep = np.ones(count, dtype=bool)
        keep[gone] = False
        one = series[name]
        series[name] = replace(
            one, open_at=one.open_at[keep], ohlcv=one.ohlcv[keep], is_filled=one.is_filled[keep]
        )
    empty_database(sqlite_address)
    drive = Drive(settings=settings, overrides={})
    drive.publisher.feed = ReplayFeed(list(series.values()))
    drive.run()
    data = as_arrays(series)
    result = run(backtest_spec(settings), data, speakers(settings, tuple(data)))
    assert_same(result, drive)
    drive.close()


@pytest.mark.long
def test_turns_may_be_taken_in_any_order(sqlite_address, tmp_path, models_dir, monkeypatch):
    """Who handles first within an instant changes nothing: decisions wait for their book."""
    import random

    monkeypatch.setenv("SIGNAL_GENERATOR__MODELS_DIR", str(models_dir))
    found = []
    for seed in range(2):
        settings = settings_on(sqlite_address, tmp_path)
        empty_database(sqlite_address)
        drive = Drive(settings=settings, overrides={"market_data": {"limit": 470}})
        turns = list(range(len(drive.consumers)))
        shuffler = random.Random(seed)

        def settle(drive=drive, turns=turns, shuffler=shuffler):
            shuffler.shuffle(turns)
            drive.settle(turns)

        drive.run(settle=settle if seed else None)
        found.append(books(drive.engine))
        drive.close()
    assert found[0]["fills"]
    assert found[0] == found[1]


TIGHT = {
    "RISK__MAX_LOSSES_IN_ROW": "2",
    "RISK__LOSS_PAUSE_SECONDS": "14400",
    "RISK__MAX_VOLATILITY_RATIO": "1.05",
    "RISK__FAILURE_WINDOW_SECONDS": "10800",
}


def test_pauses_after_losses_and_in_wild_markets(sqlite_address, tmp_path, monkeypatch):
    """Round trips, orders and closes are known to both alike when an entry is judged."""
    for name, value in {**SHORT_LIVED_TRADES, **TIGHT}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MARKET_DATA__START", START.isoformat())
    count = 220
    settings = settings_on(sqlite_address, tmp_path)
    empty_database(sqlite_address)
    drive = Drive(settings=settings, overrides={"market_data": {"limit": count, "seed": SEED}})
    drive.run()
    history = synthetic(settings, SEED).history(17_520 + count)
    data = as_arrays({name: one.between(START, None) for name, one in history.items()})
    result = run(backtest_spec(settings), data, {})
    denied = [one for one in result.decisions.verdicts if isinstance(one, Denied)]
    reasons = {breach.check for one in denied for breach in one.breaches}
    assert {"loss_streak", "volatility"} <= reasons
    assert_same(result, drive)
    drive.close()


def test_two_quotes_in_one_account(sqlite_address, tmp_path, monkeypatch):
    """Cash of their own, one equity: the backtest and the services still agree to the last digit."""
    for name, value in RULES_ONLY.items():
        monkeypatch.setenv(f"SIGNALS__{name.upper()}", str(value))
    monkeypatch.setenv("PORTFOLIO__OPENING_BALANCE", "300")
    monkeypatch.setenv("PORTFOLIO__OPENING_BALANCES", '{"USDT": 9700}')
    count = 240
    symbols = ("BTC-USD", "ETH-USDT", "SOL-USDT", "XRP-USD")
    market = {"instruments": symbols, "reporting_currency": "USD"}
    settings = settings_on(sqlite_address, tmp_path, **market)
    empty_database(sqlite_address)
    drive = Drive(settings=settings, overrides={"market_data": {"limit": count}})
    drive.run()
    history = synthetic(settings).history(17_520 + count)
    data = as_arrays({name: one.between(START, None) for name, one in history.items()})
    result = run(backtest_spec(settings), data, {})
    spent = {
        quote: max(
            one.quantity * one.price
            for one in result.decisions.fills
            if one.symbol.endswith(f"-{quote}") and one.side is Side.BUY
        )
        for quote in ("USD", "USDT")
    }
    assert spent["USD"] < 400 < spent["USDT"]  # of the five per cent only what there is of it
    assert_same(result, drive)
    funds = {one.asset: one.amount for one in result.final.cash_by_asset}
    assert funds.keys() == {"USD", "USDT"}
    assert min(funds.values()) >= 0
    assert told(drive, EquityMarked)[-1].cash_by_asset == result.final.cash_by_asset
    drive.close()
