"""One exit rule: the stop wins a tie, a gap fills at the open."""

from datetime import UTC, datetime
from decimal import Decimal

import numba
import pytest

from shared.domain.bracket import Bracket, BracketPlan, anchor, touch, touch_code
from shared.domain.enums import ExitReason

BRACKET = Bracket(
    stop=Decimal(90), target=Decimal(110), horizon_at=datetime(2024, 1, 2, tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("low", "high", "open_", "reason", "price"),
    [
        (95, 105, 100, None, None),
        (90, 105, 100, ExitReason.STOP, 90),
        (95, 110, 100, ExitReason.TARGET, 110),
        (85, 115, 100, ExitReason.STOP, 90),
        (80, 95, 85, ExitReason.STOP, 85),
        (105, 120, 115, ExitReason.TARGET, 115),
        (80, 120, 115, ExitReason.TARGET, 115),
    ],
)
def test_the_first_barrier_reached_decides(low, high, open_, reason, price):
    found = touch(BRACKET, Decimal(low), Decimal(high), Decimal(open_))
    if reason is None:
        assert found is None
    else:
        assert (found.reason, found.price) == (reason, Decimal(price))


def test_the_compiled_rule_of_the_label_is_the_same_function():
    compiled = numba.njit(touch_code)
    for low in range(80, 121, 5):
        for high in range(low, 121, 5):
            for open_ in range(low, high + 1, 5):
                numbers = (90.0, 110.0, float(low), float(high), float(open_))
                assert compiled(*numbers) == touch_code(*numbers)


def test_a_plan_is_anchored_as_exact_distances_from_the_entry():
    plan = BracketPlan(stop_ratio=0.02, target_ratio=0.03, horizon_candles=24)
    bracket = anchor(plan, Decimal("50000.5"), BRACKET.horizon_at)
    assert (bracket.stop, bracket.target) == (Decimal("49000.49"), Decimal("51500.515"))
