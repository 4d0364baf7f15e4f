import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.dataset import CandleArrays, training_set
from models.leakage import (
    Served,
    Subject,
    Verdict,
    both,
    bracket_labels,
    catalogue,
    feature_function,
    forward_folds,
    instruments_of,
    lint,
    selftest,
)
from models.leakage.bench import Bench
from models.leakage.causality import poisoned, tail_parity, truncation
from models.leakage.made import HOUR, RULE, Market, candles_of, plain, subject_of
from models.leakage.planted import LEAKS, clean
from models.leakage.skill import split_alarm
from models.leakage.timing import looks_filled
from models.manifest import LabelRule
from models.validation import WalkForwardRule
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from tests.unit.models.trained_models import BTC, ETH, MARKET, weak_markets


def quietly(_text, _share):
    pass


def on_three_candles(**changes):
    day = np.arange(1, 4) * HOUR
    columns = {
        "symbol": BTC,
        "closed_at": day,
        "ohlcv": np.ones((3, 5)),
        "is_filled": np.zeros(3, dtype=bool),
    }
    return CandleArrays(**{**columns, **changes})


def test_every_planted_leak_is_caught_by_its_own_check_and_clean_sets_pass():
    result = selftest(quietly, clean_sets=4)
    assert result.caught == tuple(leak.name for leak in LEAKS)
    assert len(result.leaks) == 8
    assert result.alarms == dict.fromkeys(range(4), ())
    assert result.is_well


@pytest.mark.long
def test_all_eight_leaks_are_caught_whatever_the_seed_and_no_clean_set_gives_an_alarm():
    assert selftest(quietly).is_well
    for seed in (20, 21, 22):
        missed = {leak.name for leak in LEAKS} - set(
            selftest(quietly, clean_sets=0, seed=seed).caught
        )
        assert not missed
    alarms = {
        number: [one.check for one in lint(clean(number), quietly) if one.is_leak]
        for number in range(20, 40)
    }
    assert not any(alarms.values()), alarms


def test_a_missed_leak_and_a_false_alarm_fail_the_self_test():
    leak = replace(LEAKS[0], caught_by="L8")
    missed = selftest(quietly, leaks=(leak,), clean_sets=0)
    assert not missed.is_well
    assert not replace(missed, caught=(leak.name,), alarms={0: ("L4",)}).is_well
    assert replace(missed, caught=(leak.name,)).is_well


@pytest.fixture(scope="module")
def findings():
    return {one.check: one for one in lint(clean(4), quietly)}


def test_the_ten_checks_report_in_order_with_their_figures(findings):
    assert list(findings) == [f"L{number}" for number in range(1, 11)]
    assert {one.verdict for one in findings.values()} == {Verdict.PASSED, Verdict.REPORTED}
    assert findings["L7"].verdict is findings["L8"].verdict is Verdict.REPORTED
    assert findings["L5"].figures["rise"] > 0.03
    assert abs(findings["L4"].figures["mean"] - 0.5) < findings["L4"].figures["mean_limit"]


def test_the_same_subject_gives_the_same_findings(findings):
    assert {one.check: one for one in lint(clean(4), quietly)} == findings


def test_a_shuffled_split_lies_about_autocorrelated_rows():
    seen = split_alarm(Bench(clean(0)), lambda _share: None)
    assert seen.figures["lie"] > 0.03


def test_progress_only_goes_forward_and_names_the_checks():
    heard = []
    lint(clean(0), lambda text, share: heard.append((share, text)))
    shares = [share for share, _ in heard]
    assert shares == sorted(shares)
    assert 0.98 < shares[-1] <= 1.0 + 1e-9
    assert {text.split()[0] for _, text in heard[1:]} == {f"L{number}" for number in range(1, 11)}


def catalogue_subject(data, cut=None):
    return Subject(
        instruments=instruments_of(data, MARKET),
        features=catalogue,
        labels=bracket_labels(LabelRule()),
        cut=cut or forward_folds(WalkForwardRule(embargo_seconds=24 * HOUR)),
        horizon=24,
        embargo_seconds=24 * HOUR,
    )


def test_the_rows_looked_at_are_those_that_are_trained_on():
    data = weak_markets()
    rows = Bench(catalogue_subject(data)).rows
    trained = training_set(data, LabelRule(), MARKET)
    for mine, theirs in (
        (rows.instrument, trained.symbol_index),
        (rows.decided_at, trained.closed_at),
        (rows.label_end_at, trained.label_end_at),
        (rows.y, trained.y),
        (rows.uniqueness, trained.uniqueness),
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_the_catalogue_knows_no_future():
    bench = Bench(catalogue_subject(weak_markets()))
    assert truncation(bench, lambda _share: None).is_well
    assert tail_parity(bench, lambda _share: None).is_well


def test_too_short_a_history_is_told_how_many_days_there_are_and_are_needed():
    with pytest.raises(BadInput, match=r"rows span 1\d\d\.\d days, 405 are needed"):
        lint(catalogue_subject(weak_markets()), quietly)


def test_an_instrument_without_candles_is_named():
    with pytest.raises(BadInput, match=r"there are none of.*ETH-USDT"):
        instruments_of({BTC: weak_markets()[BTC]}, MARKET)


def served(subject, change):
    """Say that the newest thirty candles of the first instrument were seen like this."""
    first, *others = subject.instruments
    matrix = subject.features(first.candles, first.reference)
    vectors = matrix.values[-30:].astype(np.float32)
    change(vectors)
    told = Served(closed_at=first.candles.closed_at[-30:], values=vectors)
    return Bench(replace(subject, instruments=(replace(first, served=told), *others)))


def test_stored_features_are_compared_as_rounded_and_only_where_the_service_was_warm():
    subject = catalogue_subject(weak_markets())

    def cold(vectors):
        vectors[:3, 5:9] = np.nan

    def other(vectors):
        vectors[7, 5] *= 1.01

    def unexpected(vectors):
        vectors[7, 5] = 1.0

    assert tail_parity(served(subject, cold), lambda _share: None).is_well
    for change in (other, unexpected):
        seen = tail_parity(served(subject, change), lambda _share: None)
        assert not seen.is_well
        assert "restated" in seen.detail
        assert "'ret_72'" in seen.detail


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), first=st.integers(0, 99))
def test_poisoned_candles_are_valid_and_no_other_is_touched(seed, first):
    draw = np.random.default_rng(seed)
    honest = on_three_candles(
        closed_at=HOUR * np.arange(1, 101),
        ohlcv=np.ones((100, 5)),
        is_filled=np.ones(100, dtype=bool),
    )
    found = poisoned(honest, np.arange(first, 100), draw).ohlcv
    np.testing.assert_array_equal(found[:first], honest.ohlcv[:first])
    open_, high, low, close, volume = found.T
    assert (low > 0).all()
    assert (high >= np.maximum(open_, close)).all()
    assert (low <= np.minimum(open_, close)).all()
    assert (volume >= 0).all()
    assert (found[first:, 3] != 1.0).all()
    assert (honest.ohlcv == 1.0).all()


def test_a_market_may_stand_still_for_three_candles_but_not_for_four():
    draw = np.random.default_rng(1)
    ohlcv = draw.random((60, 5)) + 1.0
    assert not looks_filled(ohlcv).any()
    ohlcv[10:13] = ohlcv[9]
    assert not looks_filled(ohlcv).any()
    ohlcv[13] = ohlcv[9]
    assert np.flatnonzero(looks_filled(ohlcv)).tolist() == [10, 11, 12, 13]
    ohlcv[30:35, :4], ohlcv[30:35, 4] = ohlcv[29, 3], 0.0
    assert np.flatnonzero(looks_filled(ohlcv)).tolist() == [*range(10, 14), *range(30, 35)]


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """Write a module of somebody else and return the name of its function."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text):
        (tmp_path / "of_mine.py").write_text(f"import numpy as np\n\n{text}\n")
        sys.modules.pop("of_mine", None)
        return "of_mine:features"

    yield write
    sys.modules.pop("of_mine", None)


def test_an_own_feature_stands_beside_the_catalogue(own_module):
    name = own_module(
        "def features(candles):\n"
        "    close = candles.ohlcv[:, 3]\n"
        "    return np.stack((close, candles.closed_at % 7.0), axis=1), ['close', 'seven']"
    )
    one = instruments_of(weak_markets(), MARKET)[0]
    found = both(catalogue, feature_function(name))(one.candles, one.reference)
    assert found.names[-3:] == ("dow_cos", "close", "seven")
    assert found.values.shape == (3_000, 88)
    np.testing.assert_array_equal(found.values[:, 86], one.candles.ohlcv[:, 3])


def test_an_own_feature_that_looks_ahead_is_caught(own_module):
    name = own_module(
        "def features(candles):\n"
        "    close = candles.ohlcv[:, 3]\n"
        "    ahead = np.append(close[1:], np.nan) / close - 1\n"
        "    return ahead[:, None], ['ahead']"
    )
    honest = subject_of(Market(seed=3), plain)
    found = {
        one.check: one
        for one in lint(replace(honest, features=both(plain, feature_function(name))), quietly)
    }
    assert found["L1"].is_leak
    assert found["L3"].is_leak
    assert "'ahead'" in found["L1"].detail


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def features(candles):\n    return 1 / 0", "raised ZeroDivisionError: division by zero"),
        ("def features(candles):\n    candles.ohlcv[0, 0] = 1", "read-only"),
        ("def features(candles):\n    return candles.ohlcv", "returned ndarray, not a pair"),
        ("def features(candles):\n    return [[1.0]], ['a']", "type list and shape none"),
        ("def features(candles):\n    return np.ones((3, 1), dtype='f4'), ['a']", "type float32"),
        ("def features(candles):\n    return np.ones(3), ['a']", r"shape \(3,\)"),
        (
            "def features(candles):\n    return np.ones((2, 1)), ['a']",
            r"shape \(2, 1\) and 1 names for 3",
        ),
        (
            "def features(candles):\n    return np.ones((3, 2)), ['a']",
            r"shape \(3, 2\) and 1 names",
        ),
        ("def features(candles):\n    return np.ones((3, 0)), []", r"shape \(3, 0\)"),
        ("def features(candles):\n    return np.ones((3, 2)), ['a', 'a']", "a name twice"),
        ("def features(candles):\n    return np.ones((3, 2)), 'ab'", "names that are not words"),
        ("def features(candles):\n    return np.ones((3, 2)), [1, 2]", "names that are not words"),
        ("def features(candles):\n    return np.full((3, 1), np.inf), ['a']", "infinite 'a'"),
        ("def features():\n    return 1", "raised TypeError"),
    ],
)
def test_what_is_wrong_with_an_own_feature_is_said(own_module, text, says):
    source = feature_function(own_module(text))
    with pytest.raises(BadInput, match=says) as caught:
        source(on_three_candles(), on_three_candles())
    assert caught.value.field == "--features"


def test_a_feature_function_that_is_not_there_is_said(own_module):
    own_module("raise RuntimeError('not today')")
    for name, says in (
        ("of_mine:features", "RuntimeError: not today"),
        ("of_mine", "is no name"),
        (":features", "is no name"),
        ("no_such_module_anywhere:features", "ModuleNotFoundError"),
        ("math:no_such_function", "has no function 'no_such_function'"),
        ("math:pi", "has no function 'pi'"),
    ):
        with pytest.raises(BadInput, match=says):
            feature_function(name)


def test_invented_markets_are_long_enough_and_one_has_a_hole():
    whole, holed = candles_of(Market(seed=1)), candles_of(Market(seed=1, has_hole=True))
    symbol = Symbol("ETH-USDT")
    assert len(whole[symbol].closed_at) - len(holed[symbol].closed_at) == 3
    rows = Bench(subject_of(Market(seed=1, has_hole=True), plain)).rows
    days = (rows.decided_at.max() - rows.decided_at.min()) / 86_400
    assert days >= RULE.days_needed
    assert ETH in whole


def test_the_example_of_the_manual_does_what_the_manual_says(own_module):
    manual = (Path(__file__).parents[3] / "docs" / "features.md").read_text()
    own_module(manual.split("```python")[1].split("```")[0])
    subject = subject_of(Market(seed=3), plain)
    for function, failed in (("momentum", []), ("scaled_momentum", ["L1", "L2", "L3"])):
        features = both(plain, feature_function(f"of_mine:{function}"))
        found = lint(replace(subject, features=features), quietly)
        assert [one.check for one in found if one.is_leak] == failed
