from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from models.features import batch
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from signal_generator.core.window import Carried, Past, Windows
from tests.unit.signal_generator.conftest import MARKET, SYMBOLS, candle, closed_at

SOL, BTC = Symbol("SOL-USDT"), Symbol("BTC-USDT")


def windows():
    return Windows(Interval.H1, SYMBOLS)


def past(first, last):
    return [Past(candle=candle(SOL, n), reference=candle(BTC, n)) for n in range(first, last)]


def run(these, first, last):
    return np.array([these.advance(candle(SOL, n), candle(BTC, n)) for n in range(first, last)])


def test_windows_compute_what_a_history_does():
    seconds = np.array([int(closed_at(n).timestamp()) for n in range(450)])
    expected = batch(MARKET[SOL][:450], MARKET[BTC][:450], seconds, np.zeros(450, dtype=bool))
    assert run(windows(), 0, 450).tobytes() == expected.tobytes()


def test_everything_is_measured_against_bitcoin_and_bitcoin_against_ether():
    assert windows().reference(SOL) == "BTC-USDT"
    assert windows().reference(BTC) == "ETH-USDT"
    assert windows().reference(Symbol("NEW-USDT")) == "BTC-USDT"


@pytest.mark.parametrize("at", [1, 30, 176, 300, 420])
def test_a_restored_window_continues_bit_for_bit(at):
    whole = windows()
    run(whole, 0, at)
    carried = Carried(closed_at=closed_at(at - 1), carry=whole.carry(SOL))
    restored = windows()
    restored.restore(SOL, carried, past(max(0, at - 200), at))
    assert restored.is_ready_for(candle(SOL, at))
    assert run(restored, at, 440).tobytes() == run(whole, at, 440).tobytes()


def test_candles_that_another_replica_took_are_caught_up():
    whole = windows()
    run(whole, 0, 400)
    carried = Carried(closed_at=closed_at(399), carry=whole.carry(SOL))
    run(whole, 400, 405)
    restored = windows()
    restored.restore(SOL, carried, past(100, 405))
    assert run(restored, 405, 420).tobytes() == run(whole, 405, 420).tobytes()


@pytest.mark.parametrize("carry", [b"", b"\x00" * 297])
def test_without_a_usable_carry_the_past_warms_the_window_up(carry):
    restored = windows()
    restored.restore(SOL, Carried(closed_at=closed_at(399), carry=carry), past(0, 400))
    assert run(restored, 400, 410).tobytes() == run(windows(), 0, 410)[400:].tobytes()


def test_a_hole_in_the_past_is_not_bridged_by_a_carry():
    whole = windows()
    run(whole, 0, 400)
    carried = Carried(closed_at=closed_at(399), carry=whole.carry(SOL))
    holed = [one for one in past(200, 400) if one.candle.closed_at != closed_at(350)]
    restored = windows()
    restored.restore(SOL, carried, holed)
    expected = run(windows(), 351, 410)[49:]
    assert run(restored, 400, 410).tobytes() == expected.tobytes()


def test_a_candle_out_of_turn_starts_the_warm_up_anew():
    these = windows()
    run(these, 0, 300)
    assert not these.is_ready_for(candle(SOL, 301))
    assert these.advance(candle(SOL, 301), candle(BTC, 301)).tobytes() == (
        windows().advance(candle(SOL, 301), candle(BTC, 301)).tobytes()
    )


def test_what_is_no_candle_gives_no_features_and_starts_anew():
    these = windows()
    run(these, 0, 300)
    broken = replace(candle(SOL, 300), high=Decimal(1))
    assert np.isnan(these.advance(broken, candle(BTC, 300))).all()
    fresh = windows()
    assert run(these, 301, 340).tobytes() == run(fresh, 301, 340).tobytes()


def test_a_missing_reference_leaves_its_features_undefined():
    these = windows()
    run(these, 0, 400)
    assert np.isfinite(these.advance(candle(SOL, 400), None)).sum() == 77
