"""What is kept between trainings, and candles that are not as they should be."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from models.artifact import verify
from models.dataset import CandleArrays, training_set
from models.manifest import LabelRule, TradedMarket
from models.signing import ANY_UNSIGNED
from models.train import train_models, work_shard
from models.training.tenancy import FOLDER, KEPT_FOR, at_work, discard, prune
from models.training.workbench import Workbench
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from tests.unit.models.trained_models import BTC, ETH, NOW, quick, weak_market, weak_markets

REPOSITORY = Path(__file__).parents[3]
SOL = Symbol("SOL-USDT")
THREE = TradedMarket.of("made", Interval.H1, (BTC, ETH, SOL))
CLOCK = datetime.fromtimestamp(2_000_000_000, UTC)
RESULT = {"margins": np.arange(5_000.0), "unfit": np.array("no")}

FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from models.training.workbench import Workbench

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
bench = Workbench(Path(sys.argv[1]))
bench.keep("small", {"a": np.arange(3)})
try:
    bench.keep("large", {"a": np.arange(100_000.0)})
except OSError as error:
    sys.exit(f"told: {error.strerror}")
"""


def silent(_text, _share):
    pass


def folder_of_age(home, name, age):
    folder = home / name
    folder.mkdir(parents=True)
    (folder / "rows.json").write_text("{}")
    at = (CLOCK - age).timestamp()
    os.utime(folder, (at, at))
    return folder


def test_what_is_kept_comes_back_as_it_was(tmp_path):
    bench = Workbench(tmp_path / "new")
    assert bench.kept("one") is None
    bench.keep("one", RESULT)
    found = bench.kept("one")
    assert found is not None
    np.testing.assert_array_equal(found["margins"], RESULT["margins"])
    assert str(found["unfit"]) == "no"


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_result_that_was_cut_short_counts_as_not_done(tmp_path, share):
    bench = Workbench(tmp_path)
    bench.keep("one", RESULT)
    path = tmp_path / "one.piece"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert bench.kept("one") is None


def test_a_result_with_any_flipped_bit_counts_as_not_done(tmp_path):
    bench = Workbench(tmp_path)
    bench.keep("one", {"margins": np.arange(40.0), "unfit": np.array("no")})
    path = tmp_path / "one.piece"
    content = path.read_bytes()
    for at in range(0, len(content), 3):
        flipped = bytearray(content)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(bytes(flipped))
        assert bench.kept("one") is None, at


def test_arrays_that_could_run_code_when_read_are_refused(tmp_path):
    bench = Workbench(tmp_path)
    bench.keep("one", {"a": np.array([print], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle"):
        bench.kept("one")


def test_a_full_disk_is_told_and_leaves_nothing_half(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stderr == "told: File too large\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["small.piece"]


def test_work_nobody_added_to_for_a_week_is_thrown_away(tmp_path):
    home = tmp_path / FOLDER
    old = folder_of_age(home, "old", KEPT_FOR + timedelta(seconds=1))
    resumed = folder_of_age(home, "resumed", timedelta(days=30))
    young = folder_of_age(home, "young", KEPT_FOR - timedelta(seconds=1))
    ahead = folder_of_age(home, "ahead", -timedelta(days=30))
    assert prune(home, CLOCK, spared=resumed) == ("old",)
    assert not old.exists()
    assert resumed.exists()
    assert young.exists()
    assert ahead.exists()
    assert prune(home, CLOCK - timedelta(days=365), spared=resumed) == ()


def test_nothing_is_thrown_away_while_anybody_is_at_work(tmp_path):
    home = tmp_path / FOLDER
    old = folder_of_age(home, "old", timedelta(days=8))
    with at_work(home), at_work(home):
        assert prune(home, CLOCK, spared=home / "mine") == ()
        assert not discard(home, old)
    assert old.exists()
    assert prune(home, CLOCK, spared=home / "mine") == ("old",)


def test_what_was_half_thrown_away_is_gone_with_the_next(tmp_path):
    home = tmp_path / FOLDER
    folder_of_age(home, ".pruned-old", timedelta(days=9))
    assert prune(home, CLOCK, spared=home / "mine") == ()
    folder_of_age(home, ".pruned-mine", timedelta(0))
    mine = folder_of_age(home, "mine", timedelta(0))
    assert discard(home, mine)
    assert [entry.name for entry in home.iterdir()] == [".tenants"]


def test_what_somebody_else_has_thrown_away_is_gone_too(tmp_path):
    home = tmp_path / FOLDER
    assert discard(home, home / "mine")
    folder_of_age(home, "mine", timedelta(0))
    assert discard(home, home / "mine")
    assert discard(home, home / "mine")


def test_pruning_where_nothing_was_ever_trained_does_nothing(tmp_path):
    assert prune(tmp_path / FOLDER, CLOCK, spared=tmp_path) == ()
    assert not list(tmp_path.iterdir())


def test_a_training_prunes_what_is_stale_and_leaves_no_work_of_its_own(tmp_path):
    home = tmp_path / FOLDER
    folder_of_age(home, "stale", timedelta(0))
    train_models(weak_markets(), quick(draws=20), tmp_path, CLOCK + timedelta(days=8), silent)
    assert [entry.name for entry in home.iterdir()] == [".tenants"]


def with_rows(candles, rows, **columns):
    ohlcv = candles.ohlcv.copy()
    for value in columns.values():
        ohlcv[rows] = value
    return replace(candles, ohlcv=ohlcv)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1.0])
def test_what_is_no_candle_is_named_before_anything_is_written(tmp_path, value):
    data = {**weak_markets(), ETH: with_rows(weak_market(ETH, 2), 1_200, at=value)}
    with pytest.raises(BadInput, match="ETH-USDT: what closed at 2024-02-20 01:00 is no candle"):
        train_models(data, quick(), tmp_path, NOW, silent)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("column", "value"), [(1, 1e-3), (2, 1e6), (4, -1.0)], ids=["high", "low", "volume"]
)
def test_prices_outside_their_candle_and_sold_back_volume_are_refused(tmp_path, column, value):
    torn = weak_market(ETH, 2)
    torn.ohlcv[1_200, column] = value
    with pytest.raises(BadInput, match="ETH-USDT: what closed at 2024-02-20 01:00 is no candle"):
        train_models({**weak_markets(), ETH: torn}, quick(), tmp_path, NOW, silent)


def test_constant_prices_are_refused_with_a_remedy(tmp_path):
    flat = {symbol: with_rows(one, slice(None), at=100.0) for symbol, one in weak_markets().items()}
    with pytest.raises(BadInput, match="give a longer history, or lower costs"):
        train_models(flat, quick(), tmp_path, NOW, silent)
    assert not list(tmp_path.rglob("manifest.json"))


def test_one_constant_instrument_gets_no_release_and_does_not_disturb_the_others(tmp_path):
    frozen = with_rows(weak_market(SOL, 4), slice(None), at=100.0)
    config = quick(market=THREE, draws=20)
    infos = train_models({**weak_markets(), SOL: frozen}, config, tmp_path, NOW, silent)
    assert [info.scope for info in infos] == ["GLOBAL", "BTCUSDT", "ETHUSDT"]


def test_an_instrument_with_fifty_candles_gets_no_release_and_global_speaks_for_it(tmp_path):
    newborn = weak_market(SOL, 4).taken(np.arange(2_950, 3_000))
    config = quick(market=THREE, draws=20)
    infos = train_models({**weak_markets(), SOL: newborn}, config, tmp_path, NOW, silent)
    assert [info.scope for info in infos] == ["GLOBAL", "BTCUSDT", "ETHUSDT"]
    assert SOL in verify(infos[0].path, trust=ANY_UNSIGNED).manifest.symbols


def test_a_hole_of_three_months_is_bridged_and_nothing_is_learned_in_it(tmp_path):
    first, count, length = 600, 90 * 24, 5_000
    left = np.r_[0:first, first + count : length]
    whole = {
        symbol: weak_market(symbol, seed, count=length)
        for symbol, seed in ((BTC, 1), (ETH, 2), (SOL, 4))
    }
    holed = {**whole, SOL: whole[SOL].taken(left)}
    infos = train_models(holed, quick(market=THREE, draws=20), tmp_path, NOW, silent)
    assert [info.scope for info in infos] == ["GLOBAL", "BTCUSDT", "ETHUSDT", "SOLUSDT"]
    known = [verify(info.path, trust=ANY_UNSIGNED).manifest.windows["train"].rows for info in infos]
    assert known[0] == sum(known[1:])
    assert known[1] - known[3] > count
    rows = training_set(holed, LabelRule(), THREE)
    mine = rows.closed_at[rows.of(SOL)]
    reopened = whole[SOL].closed_at[first + count]
    assert not ((mine >= whole[SOL].closed_at[first]) & (mine < reopened)).any()


@pytest.mark.parametrize(
    "order", [np.r_[0:100, 99:3_000], np.r_[0:200, 100:3_000], np.r_[3_000:0:-1] - 1]
)
def test_candles_twice_overlapping_or_backwards_are_refused_before_anything_is_written(
    tmp_path, order
):
    data = {**weak_markets(), ETH: weak_markets()[ETH].taken(order)}
    with pytest.raises(BadInput, match=r"ETH-USDT: candles are out of order.*data check"):
        train_models(data, quick(), tmp_path, NOW, silent)
    assert not list(tmp_path.iterdir())


def test_candles_whose_columns_differ_in_length_are_refused(tmp_path):
    one = weak_markets()[ETH]
    torn = CandleArrays(
        symbol=ETH, closed_at=one.closed_at, ohlcv=one.ohlcv[:-1], is_filled=one.is_filled
    )
    with pytest.raises(BadInput, match="differ in length"):
        work_shard({**weak_markets(), ETH: torn}, quick(), tmp_path, (0, 1), silent)
