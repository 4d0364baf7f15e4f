"""The story of a decision, by example."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from launcher.why_story import Cap, Fate, Known, Standing, story
from shared.domain.enums import Action, ExitReason, Purpose, Side
from shared.domain.verdict import Breach, Sizing
from tests.builders import (
    APPROVED,
    BTC,
    CLOSED_AT,
    DENIED,
    EDGE,
    HOUR,
    RECOMMENDATION,
    SIGNAL,
    SIZING,
)

D = Decimal
CAPS = (
    Cap(scope="total", key="", cap=D(8000), used=D(100)),
    Cap(scope="asset", key="BTC", cap=D(500), used=D("499.5")),
    Cap(scope="trades_per_day", key="2024-01-01", cap=D(20), used=D(21)),
)
FATE = Fate(
    client_order_id="f103-1", venue="synthetic", status="filled", filled=D("0.00237"),
    average_price=D("42071.28"), fees=((D("0.0997089336"), "USDT"),),
)  # fmt: skip
KNOWN = Known(
    symbol=BTC, standing=Standing(), signals=(SIGNAL,), verdict=APPROVED,
    recommendation=RECOMMENDATION, caps=CAPS, fate=FATE, looked_at=CLOSED_AT + 3 * HOUR,
)  # fmt: skip


def text(known):
    return "\n".join(story(known))


def test_an_approved_entry_is_told_from_belief_to_fill():
    assert story(KNOWN) == [
        "BTC-USDT: an entry (buy) was approved at 2024-01-01 12:00 UTC, by version 1 of the limits.",
        f"The model {EDGE.release_id} gave it 60.00% (calibrated from 63.00%) at 42050.25.",
        "With caution it is 59.00% (the lower bound); break-even is 57.50%, so it is 1.50% above.",
        "Net of costs a win earns 1.70%, a loss costs 2.30%: +0.060% expected of a trade.",
        "Confidence 0.720: coverage 0.800, drift 0.900, age 1.000, live 1.000, standing 1.000.",
        (
            "Kelly in full 100.00%, the fraction of it 0.0100, with confidence 1.00%; "
            "correlation leaves 1.000 of that (alone)."
        ),
        "That leaves 1.00% of 10000 USDT after the caps: 100 USDT, 0.00237 BTC.",
        "Ordered: buy 0.00237 BTC, no worse than 42260.5.",
        "At synthetic it is filled: 0.00237 BTC at 42071.28 (0.099709 USDT); f103-1.",
        (
            "Room now, at 2024-01-01 15:00 UTC, not when it was decided: total 7900 of 8000; "
            "asset BTC 0.5 of 500; trades per day 0 of 20."
        ),
    ]


def test_a_denial_names_every_breach_with_value_limit_headroom_and_remedy():
    breaches = (
        *DENIED.breaches,
        Breach(check="edge", limit="0", value="-0.01", headroom="-0.01", remedy="wait longer"),
    )
    denied = replace(DENIED, breaches=breaches)
    told = story(replace(KNOWN, verdict=denied, fate=None))
    assert "denied at 2024-01-01 12:00" in told[0]
    assert "Denied by total_exposure: 0.81 against 0.8, headroom 0 then; wait." in told
    assert "Denied by edge: -0.01 against 0, headroom -0.01 then; wait longer." in told
    assert not any("Ordered" in line for line in told)
    assert len(told) <= 15


def test_the_haircut_says_what_it_is_made_of():
    sizing = replace(SIZING, correlation_haircut=0.4, active_count=4, mean_correlation=0.5)
    told = text(replace(KNOWN, verdict=replace(APPROVED, sizing=sizing)))
    assert "correlation leaves 0.400 of that (4 together, mean correlation 0.50)." in told


@pytest.mark.parametrize(
    ("kind", "says"), [("fixed", "a rule's fixed share"), ("target", "a person's target weight")]
)
def test_what_no_model_sized_says_so(kind, says):
    sizing = Sizing(kind=kind, equity=D(10_000), raw_ratio=0.02, capped_ratio=0.01,
                    notional=D(100), quantity=D("0.002"))  # fmt: skip
    told = text(
        replace(
            KNOWN,
            verdict=replace(APPROVED, sizing=sizing),
            recommendation=replace(RECOMMENDATION, edge=None),
        )
    )
    assert f"Sized as {says}: asks for 2.00%, the caps leave 1.00% of 10000 USDT" in told
    assert "without a model's probability" in told
    assert "Kelly" not in told


def test_an_exit_says_why_and_nothing_of_sizes_and_caps():
    exit_ = replace(RECOMMENDATION, purpose=Purpose.EXIT, side=Side.SELL, edge=None,
                    exit_reason=ExitReason.HORIZON)  # fmt: skip
    verdict = replace(APPROVED, purpose=Purpose.EXIT, side=Side.SELL,
                      sizing=Sizing(kind="exit", equity=D(10_000)))  # fmt: skip
    told = text(replace(KNOWN, verdict=verdict, recommendation=exit_))
    assert "an exit (sell) was approved" in told
    assert "It was to leave, because of: horizon." in told
    assert "Room now" not in told
    assert "Sized" not in told


def test_an_approval_without_an_order_says_so():
    assert "No order came of it" in text(replace(KNOWN, fate=None))


def test_an_order_that_came_to_nothing_says_why():
    fate = replace(FATE, status="not_sent", filled=D(0), average_price=None, fees=(), detail="late")
    assert "it is not_sent (late): nothing filled" in text(replace(KNOWN, fate=fate))


def test_what_was_seen_since_then_is_told_and_nothing_older():
    later = replace(
        SIGNAL, action=Action.HOLD, confidence=0.0, reasons=("model_expired",), edge=None,
        closed_at=SIGNAL.closed_at + HOUR,
    )  # fmt: skip
    told = story(replace(KNOWN, signals=(SIGNAL, later)))
    seen = [line for line in told if line.startswith("Seen at")]
    assert seen == [
        "Seen at 2024-01-01 13:00 UTC: ml says hold with confidence 0.000, because model_expired."
    ]


def test_where_nothing_was_decided_the_last_signal_the_lock_and_the_state_are_told():
    hold = replace(SIGNAL, action=Action.HOLD, confidence=0.0, reasons=("no_model",), edge=None,
                   closed_at=SIGNAL.closed_at - timedelta(days=1))  # fmt: skip
    standing = Standing(
        state="Trading is at halt.", lock="Locked against entries by ada: news.",
        freeze="Frozen.", held=D("0.5"),
    )  # fmt: skip
    assert story(Known(symbol=BTC, standing=standing, signals=(hold,))) == [
        "Nothing was ever decided about BTC-USDT.",
        "Seen at 2023-12-31 12:00 UTC: ml says hold with confidence 0.000, because no_model.",
        "Trading is at halt.",
        "Locked against entries by ada: news.",
        "Frozen.",
        "Held now: 0.5 BTC.",
    ]


def test_where_nothing_is_known_at_all_that_is_told():
    told = story(Known(symbol=BTC, standing=Standing()))
    assert told[1] == "No signal about it is known."
