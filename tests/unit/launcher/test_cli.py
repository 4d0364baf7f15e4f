"""The `trading` command, as a person types it."""

import json
from datetime import UTC, datetime
from io import StringIO

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from launcher.candles import end_of
from launcher.cli import application
from launcher.demonstration import RETRAIN_DAYS
from market_data.tables import feed_progress
from shared.db.engine import DatabaseAddress, connect
from shared.domain.enums import Interval
from tests.conftest import spare_port


@pytest.fixture
def trading(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADING_STATE_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words):
        return CliRunner().invoke(application(list(words)), list(words))

    return run


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("up", "--for", "soon"), 2, "60s or 5m"),
        (("up", "--for", "nan"), 2, "60s or 5m"),
        (("up", "--for", "-5"), 2, "60s or 5m"),
        (("up", "--for", "inf"), 2, "60s or 5m"),
        (("up", "--services", "rsk"), 2, "is no service"),
        (("train", "--target", "nan"), 2, "--target"),
        (("train", "--stop", "-1"), 2, "--stop"),
        (("train", "--folds", "1"), 2, "--folds"),
        (("trace", "0" * 36), 4, "run 'trading db migrate'"),
        (("data", "generate", "/proc/foo"), 2, "/proc/foo"),
        (("data", "check", "/tmp", "--symbol", "A-B", "--interval", "1h"), 2, "is a folder"),
        (("backtest", "--html", "/nonexistent/x.html"), 2, "--html"),
        (("backtest", "--png", "/proc"), 2, "cannot be written"),
        (("up", "--mode", "live"), 78, "MARKET_DATA__SOURCE=venue"),
        (("up", "--mode", "paper"), 78, "MARKET_DATA__SOURCE=venue"),
        (("data", "rules"), 78, "MARKET__VENUE"),
        (("trace", "abc"), 2, "is not an id"),
        (("orders",), 4, "does not answer"),
        (
            ("data", "check", "nowhere.csv", "--symbol", "BTC-USDT", "--interval", "1h"),
            2,
            "does not exist",
        ),
        (("data", "check", "nowhere.csv", "--interval", "1h"), 2, "--symbol"),
        (("data", "import", "BTC-USDT_1h.csv"), 2, "--venue"),
        (("data", "import", "BTC-USDT.csv", "--interval", "7h"), 2, "choose from"),
        (("train", "--symbols", "DOGE-USDT"), 2, "is not traded here"),
        (("backtest", "--from", "yesterday"), 2, "is no date"),
        (("backtest", "--from", "2031-01-01"), 2, "no candles"),
    ],
)
def test_bad_input_is_one_clear_line_and_its_exit_code(trading, words, code, says, monkeypatch):
    monkeypatch.setenv("TRADING_HOST", "127.0.0.8")  # nothing listens there
    result = trading(*words)
    assert result.exit_code == code, result.output
    assert says in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RISK__MAX_POSITION_RATIO", "5"),
        ("MARKET__RULES", "notjson"),
        ("MARKET", "foo"),
        ("SIGNALS__EXTERNAL_WEIGHTS", "desk=1"),
        ("SIGNALS__EXTERNAL_WEIGHTS", '{"desk": -1}'),
        ("SIGNALS__EXTERNAL_WEIGHTS", '{"desk": NaN}'),
        ("SIGNALS__EXTERNAL_WEIGHTS", '{"desk": 101}'),
        ("SIGNALS__EXTERNAL_WEIGHTS", '{"No Name": 1}'),
        ("SIGNALS__EXTERNAL_WEIGHTS", '{"ml": 1}'),
        ("EXECUTOR__MAX_ORDER_NOTIONAL", "Infinity"),
        ("EXECUTOR__COLLAR_RATIO", "nan"),
        ("EXECUTOR__POST_ONLY", "true"),  # with ioc, which never rests
        ("EXECUTOR__VENUE", "kucoinn"),
        ("MARKET_DATA__START", "2024-01-01T00:30:00Z"),
        ("MARKET_DATA__START", "2024-01-01T00:00:00+05:45"),
    ],
)
def test_an_impossible_setting_stops_with_78_and_its_name(trading, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    result = trading("config", "check")
    assert result.exit_code == 78
    assert f"{name}:" in result.output or f"{name}." in result.output
    assert "Traceback" not in result.output


def test_the_configuration_is_shown_without_secrets(trading, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "hunter2-hunter2")
    monkeypatch.setenv("RISK__MAX_POSITION_RATIO", "0.04")
    shown = json.loads(trading("config", "show", "--json").stdout)
    assert shown["risk"]["max_position_ratio"] == 0.04
    assert "hunter2" not in json.dumps(shown)


def test_migrating_twice_is_harmless_and_the_doctor_is_content(trading):
    assert "run 'trading db migrate'" in trading("doctor").output
    assert trading("db", "migrate").exit_code == 0
    assert trading("db", "migrate").exit_code == 0
    result = trading("doctor")
    assert result.exit_code == 0, result.output


def test_a_run_on_other_candles_needs_another_state_directory(trading, tmp_path, monkeypatch):
    assert trading("db", "migrate").exit_code == 0
    engine = connect(DatabaseAddress(file=tmp_path / "var" / "trading.sqlite"))
    heard = {"venue": "synthetic", "interval": Interval.H1, "source": "synthetic"}
    with engine.begin() as connection:
        row = heard | {"closed_at": datetime(2024, 2, 1, tzinfo=UTC)}
        connection.execute(feed_progress.insert(), row)
    monkeypatch.setenv("MARKET__VENUE", "binance")
    monkeypatch.setenv("MARKET_DATA__SOURCE", "replay")
    monkeypatch.setattr("launcher.running._ensure_model", lambda _: None)  # it takes long
    refused = trading("up", "--for", "1s")
    assert refused.exit_code == 78, refused.output
    assert "TRADING_STATE_DIR=var/binance" in refused.output


def test_generated_candles_can_be_checked_imported_and_imported_again(trading, tmp_path):
    folder = tmp_path / "made"
    assert trading("data", "generate", str(folder), "--candles", "300").exit_code == 0
    file = str(folder / "BTC-USDT_1h.csv")
    assert "Nothing is wrong" in trading("data", "check", file).output
    first = json.loads(trading("data", "import", file, "--venue", "made", "--json").stdout)
    again = json.loads(trading("data", "import", file, "--venue", "made", "--json").stdout)
    assert (first["inserted"], again["inserted"], again["already_there"]) == (300, 0, 300)


def test_only_an_invented_market_gets_a_model_that_does_not_age(trading, monkeypatch):
    def days():
        return json.loads(trading("config", "show", "--json").stdout)["signal_generator"][
            "retrain_days"
        ]

    assert days() == RETRAIN_DAYS
    monkeypatch.setenv("SIGNAL_GENERATOR__RETRAIN_DAYS", "9")
    assert days() == 9
    monkeypatch.delenv("SIGNAL_GENERATOR__RETRAIN_DAYS")
    monkeypatch.setenv("MARKET__VENUE", "binance")
    monkeypatch.setenv("MARKET_DATA__SOURCE", "replay")
    assert days() == 7
    refused = trading("demo")
    assert refused.exit_code == 2
    assert "synthetic" in refused.output


def test_training_some_instruments_measures_them_against_what_they_are_served_with(
    trading, monkeypatch
):
    seen = {}
    monkeypatch.setattr(
        "launcher.training.train_models",
        lambda data, config, *_: seen.update(data=set(data), market=config.market) or [],
    )
    result = trading("train", "--symbols", "SOL-USDT,XRP-USDT", "--json")
    assert result.exit_code == 0, result.output
    assert seen["data"] == {"BTC-USDT", "SOL-USDT", "XRP-USDT"}
    assert seen["market"].venue == "synthetic"
    assert seen["market"].references == {"SOL-USDT": "BTC-USDT", "XRP-USDT": "BTC-USDT"}


def test_a_backtest_asks_no_model_without_the_reference_it_was_trained_with(trading, monkeypatch):
    monkeypatch.setattr(
        "launcher.research.speakers",
        lambda _settings, symbols, **_which: dict.fromkeys(symbols),
    )
    result = trading("backtest", "--symbols", "SOL-USDT", "--to", "2024-01-03")
    assert result.exit_code == 2
    assert "add BTC-USDT" in result.output


@pytest.mark.parametrize(
    ("text", "closes"),
    [
        ("2023-12-31", "2024-01-01T00:00:00+00:00"),
        ("2023-12-31T00:00", "2023-12-31T00:00:00+00:00"),
        ("2023-12-31T23:00+01:00", "2023-12-31T22:00:00+00:00"),
        ("9999-12-31", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_an_end_without_a_time_includes_its_day(text, closes):
    assert end_of("--to", text) == datetime.fromisoformat(closes)
    assert end_of("--to", "") is None


def test_a_contradicting_file_is_not_imported(trading, tmp_path):
    file = tmp_path / "BTC-USDT_1h.csv"
    head = "timestamp,open,high,low,close,volume\n"
    file.write_text(head + "1704067200,1,2,1,2,5\n1704067200,1,2,1,1.5,5\n")
    result = trading("data", "import", str(file), "--venue", "made")
    assert result.exit_code == 3
    assert "contradicts row 1" in result.output


def test_a_file_without_a_usable_row_is_not_imported_and_says_why(trading, tmp_path):
    file = tmp_path / "BTC-USDT_1h.csv"
    file.write_text("timestamp,open,high,low,close,volume\n1704067200,0,2,0,2,5\n")
    result = trading("data", "import", str(file), "--venue", "made")
    assert result.exit_code == 3
    assert "Not imported: no row can be used" in result.output
    assert "a price is not positive" in result.output


@pytest.mark.long
def test_a_demo_trades_and_a_backtest_of_the_same_model_reports(trading, tmp_path, monkeypatch):
    terminal = Console(file=StringIO(), force_terminal=True, width=120)
    monkeypatch.setattr("launcher.running.err", terminal)
    monkeypatch.setattr("launcher.progress.err", terminal)
    demo = json.loads(trading("demo", "--candles", "450", "--json").stdout)
    assert demo["candles"] == 450 * 4
    assert demo["approved"] + demo["denied"] == demo["recommendations"] > 0
    page, picture = tmp_path / "report.html", tmp_path / "curve.png"
    words = ("backtest", "--to", "2024-03-01", "--json", "--html", str(page), "--png", str(picture))
    report = json.loads(trading(*words).stdout)
    assert report["fills"] > 0
    assert set(report["rivals"]) == {"EMA/RSI", "flat", "buy and hold"}
    assert any("SYNTHETIC" in note for note in report["notes"])
    assert not any("HINDSIGHT" in note for note in report["notes"])
    assert "<svg" in page.read_text()
    assert picture.read_bytes()[:4] == b"\x89PNG"
    shown = terminal.file.getvalue()
    assert all(title in shown for title in ("candles:", "backtest: strategy", "backtest: EMA/RSI"))
    monkeypatch.setenv("SIGNALS__EMA_RSI_WEIGHT", "0")
    weeks_later = json.loads(trading("backtest", "--from", "2024-04-01", "--json").stdout)
    assert weeks_later["fills"] > 0
    monkeypatch.setenv("SIGNAL_GENERATOR__RETRAIN_DAYS", "7")
    expired = json.loads(trading("backtest", "--from", "2024-04-01", "--json").stdout)
    assert expired["fills"] == 0


@pytest.mark.parametrize(
    "words", [("db", "migrate"), ("trace", "0" * 36), ("train",), ("backtest",), ("doctor",)]
)
def test_a_database_that_is_away_is_one_clear_line(trading, monkeypatch, words):
    monkeypatch.setenv("DB_HOST", "127.0.0.1")
    monkeypatch.setenv("DB_PORT", str(spare_port()))
    monkeypatch.setenv("MARKET__VENUE", "binance")
    monkeypatch.setenv("MARKET_DATA__SOURCE", "replay")
    result = trading(*words)
    assert result.exit_code == (1 if words == ("doctor",) else 4), result.output
    assert "check DB_HOST" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("words", [("train",), ("backtest",)])
def test_a_database_without_tables_asks_to_be_migrated(trading, monkeypatch, words):
    monkeypatch.setenv("MARKET__VENUE", "binance")
    monkeypatch.setenv("MARKET_DATA__SOURCE", "replay")
    result = trading(*words)
    assert result.exit_code == 4
    assert "run 'trading db migrate'" in result.output
    assert "SELECT" not in result.output


def test_names_of_services_are_checked_before_anything_is_made(trading, tmp_path):
    assert trading("up", "--services", "foo").exit_code == 2
    assert not (tmp_path / "var").exists()


def test_the_doctor_names_a_state_directory_that_cannot_be_made(trading, monkeypatch):
    monkeypatch.setenv("TRADING_STATE_DIR", "/proc/nowhere/state")
    result = trading("doctor")
    assert result.exit_code == 1
    assert "/proc/nowhere" in result.output


@pytest.mark.parametrize(("status", "code"), [(422, 2), (503, 4), (401, 3), (409, 3), (500, 3)])
def test_what_a_service_answers_decides_the_exit_code(trading, monkeypatch, status, code):
    def answer(request):
        return httpx.Response(status, json={"detail": "because"})

    transport = httpx.MockTransport(answer)
    made = httpx.Client
    monkeypatch.setattr(
        "launcher.client.httpx.Client", lambda **options: made(transport=transport, **options)
    )
    result = trading("halt")
    assert result.exit_code == code
    assert "because" in result.output


READS, ADMINISTERS = "r" * 40, "a" * 40


def heard_by_a_service(monkeypatch, document):
    """Answer every request with the document; return the list that the requests come to."""
    heard = []

    def answer(request):
        heard.append(request)
        return httpx.Response(200, json=document)

    transport = httpx.MockTransport(answer)
    made = httpx.Client
    monkeypatch.setattr(
        "launcher.client.httpx.Client", lambda **options: made(transport=transport, **options)
    )
    return heard


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, "from the file"),
        ({"TRADING_API_KEYS": f"read:{READS},admin:{ADMINISTERS}"}, ADMINISTERS),
        ({"TRADING_API_KEYS": f"admin:{ADMINISTERS}", "TRADING_API_KEY": "mine"}, "mine"),
    ],
)
def test_the_command_knows_the_key_that_the_platform_was_started_with(
    trading, tmp_path, monkeypatch, given, sent
):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "api-key").write_text("from the file\n")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    heard = heard_by_a_service(monkeypatch, {"items": []})
    assert trading("orders").exit_code == 0
    assert heard[0].headers["X-TRADING-API-KEY"] == sent


def an_order(**changes):
    return {
        "decided_at": "2026-01-01T00:00:00.250000Z",
        "side": "sell",
        "quantity": "0.5",
        "symbol": "BTC-USD",
        "order_type": "limit",
        "time_in_force": "ioc",
        "limit_price": "990",
        "stop_price": None,
        "exit_reason": None,
        "filled_quantity": "0.2",
        "status": "open",
        "detail": "",
        "client_order_id": "f102220c",
        **changes,
    }


def test_a_stop_is_told_from_an_order_that_was_sent_to_fill(trading, monkeypatch):
    stop = an_order(order_type="stop_limit", stop_price="1000", exit_reason="stop")
    market = an_order(order_type="market", exit_reason="manual", detail="too little is left")
    heard_by_a_service(monkeypatch, {"items": [an_order(), stop, market]})
    shown = trading("orders").output
    assert "sell 0.5 BTC-USD, limit 990 ioc" in shown
    assert "sell 0.5 BTC-USD, stop at 1000, limit 990" in shown
    assert "sell 0.5 BTC-USD, market (manual)" in shown
    assert "too little is left" in shown
