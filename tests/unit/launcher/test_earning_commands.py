"""`trading tax export` and `trading profit --by`, as a person types them."""

import csv
import json
import threading
from decimal import Decimal

import pytest
import uvicorn
from typer.testing import CliRunner

from launcher import client
from launcher.cli import application
from shared.db.engine import connect
from shared.domain.enums import Side
from shared.runtime.settings import PlatformSettings, load
from tests.conftest import spare_port
from tests.database import empty_database
from tests.unit.portfolio.test_portfolio_periods import three_days
from tests.unit.portfolio.test_portfolio_service import KEY, Desk, candles, filled, reconciled

D = Decimal
YEAR = 366 * 24


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADING_STATE_DIR", str(tmp_path / "var"))
    monkeypatch.setattr("launcher.console.out.width", 200)
    address = load(PlatformSettings).database()
    empty_database(address)
    engine = connect(address)
    yield Desk(engine)
    engine.dispose()


def trading(*words):
    return CliRunner().invoke(application(list(words)), list(words))


def lots_of_three_prices(desk):
    desk.say(candles(1, BTC="100", ETH="10"), reconciled(1))
    for number, price in enumerate(("100", "300", "200")):
        desk.say(filled(f"b{number}", Side.BUY, "1", price, number + 1, fee="1"))
    desk.say(filled("s1", Side.SELL, "1.5", "250", YEAR + 24, fee="0.000000000000000001"))
    desk.say(filled("s2", Side.SELL, "0.5", "260", 2 * YEAR, fee="0"))


def read(file):
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


@pytest.mark.parametrize(
    ("method", "lots", "gain"),
    [
        ("fifo", ["b0", "b1"], "123.499999999999999999"),
        ("lifo", ["b2", "b1"], "23.499999999999999999"),
        ("hifo", ["b1", "b2"], "-26.500000000000000001"),
    ],
)
def test_every_disposal_of_a_year_is_a_line_to_the_last_digit(desk, tmp_path, method, lots, gain):
    lots_of_three_prices(desk)
    file = tmp_path / "2025.csv"
    done = trading("tax", "export", "--method", method, "--year", "2025", "--out", str(file))
    assert done.exit_code == 0, done.output
    lines = read(file)
    assert [line["lot_id"].rpartition(":")[2] for line in lines] == lots
    assert sum(D(line["gain"]) for line in lines) == D(gain)
    assert sum(D(line["proceeds"]) for line in lines) == D("374.999999999999999999")
    assert {line["sold_at"] for line in lines} == {"2025-01-02T00:00:00+00:00"}
    assert {line["method"] for line in lines} == {method}
    assert f"2 lines in {file}" in done.output
    assert list(tmp_path.glob(".*")) == []


def test_the_terms_are_added_up_apart(desk, tmp_path):
    lots_of_three_prices(desk)
    file = tmp_path / "all.csv"
    done = trading("tax", "export", "--out", str(file), "--json")
    totals = json.loads(done.output)["totals"]
    assert [(one["term"], one["parts"]) for one in totals] == [("long", 3)]
    assert json.loads(done.output)["method"] == "fifo"
    desk.say(filled("b9", Side.BUY, "1", "10", 2 * YEAR + 1))
    desk.say(filled("s9", Side.SELL, "2", "20", 2 * YEAR + 2))
    trading("tax", "export", "--out", str(file))
    totals = json.loads(trading("tax", "export", "--out", str(file), "--json").output)["totals"]
    assert [one["term"] for one in totals] == ["short", "long"]
    shown = {term: sum(D(one["gain"]) for one in read(file) if one["is_long_term"] == flag)
             for term, flag in (("short", "false"), ("long", "true"))}  # fmt: skip
    assert {one["term"]: D(one["gain"]) for one in totals} == shown


def test_without_a_file_the_lines_go_to_standard_output(desk):
    lots_of_three_prices(desk)
    done = trading("tax", "export", "--method", "lifo", "--symbol", "BTC-USDT")
    assert len(done.output.splitlines()) == 4
    assert trading("tax", "export", "--symbol", "ETH-USDT").output.count("\n") == 1


def test_the_setting_chooses_the_order_where_none_is_asked_for(desk, monkeypatch):
    lots_of_three_prices(desk)
    monkeypatch.setenv("PORTFOLIO__LOT_METHOD", "hifo")
    assert trading("tax", "export").output.splitlines()[1].startswith("hifo,")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--json",), "name a file with --out"),
        (("--out", "/nowhere/x.csv"), "does not exist"),
        (("--method", "average"), "--method"),
        (("--year", "1"), "--year"),
    ],
)
def test_what_cannot_be_done_is_said(desk, words, says):
    done = trading("tax", "export", *words)
    assert done.exit_code == 2
    assert says in done.output


def test_the_report_is_one_file(desk, tmp_path):
    file = tmp_path / "report.html"
    assert trading("report", "--out", str(file)).exit_code == 0
    assert "Nothing has been marked yet" in file.read_text()
    three_days(desk)
    done = trading("report", "--from", "2024-01-01", "--to", "2024-01-02", "--out", str(file))
    assert str(file) in done.output
    page = file.read_text()
    assert "2024-01-01 01:00 to 2024-01-03 00:00 UTC" in page
    assert "+199.80" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--from", "2024-02-01", "--to", "2024-01-01"), "is before"),
        (("--from", "soon"), "is no date"),
        (("--out", "/nowhere/x.html"), "does not exist"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused(desk, words, says):
    done = trading("report", *words)
    assert done.exit_code == 2
    assert says in done.output


@pytest.fixture
def served(desk, monkeypatch):
    port = spare_port()
    monkeypatch.setitem(client.PORTS, "portfolio", port)
    monkeypatch.setenv("TRADING_API_KEY", KEY)
    server = uvicorn.Server(
        uvicorn.Config(desk.service.api, host="127.0.0.1", port=port, log_level="error")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield desk
    server.should_exit = True
    thread.join(10)


def test_profit_is_shown_by_day_week_and_month(served):
    assert "nothing has been marked yet" in trading("profit", "--by", "week").output
    three_days(served)
    shown = trading("profit", "--by", "day")
    assert shown.exit_code == 0, shown.output
    rows = [line.split() for line in shown.output.splitlines() if "2024-01-0" in line]
    assert [row[1] for row in rows] == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert [row[3] for row in rows] == ["99.90", "99.90", "-10.10"]
    bars = [line.count("\N{FULL BLOCK}") for line in shown.output.splitlines() if "2024-" in line]
    assert bars == [20, 20, 2]
    assert "2024-W01" in trading("profit", "--by", "week").output
    (month,) = json.loads(trading("profit", "--by", "month", "--json").output)
    assert month["gain"] == "189.7"
    later = json.loads(trading("profit", "--from", "2024-01-03", "--json").output)
    assert [one["gain"] for one in later] == ["-10.1"]
    assert "realized pnl" in trading("profit").output
    assert trading("profit", "--from", "soon").exit_code == 2
