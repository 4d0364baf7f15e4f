"""How tests train: on months instead of years, judged by few draws, in service at once."""

from datetime import timedelta
from typing import Any

from models.aliases import Role
from models.signing import ANY_UNSIGNED
from models.validation import WalkForwardRule

HOUR = 3600
WALK = WalkForwardRule(
    embargo_seconds=24 * HOUR, folds=3, test_days=15, first_train_days=30, holdout_days=15
)
SWIFTLY: dict[str, Any] = {
    "walk": WALK,
    "configurations": 1,
    "looks_for_leaks": False,
    "draws": 50,
    "role": Role.CHAMPION,
    "trust": ANY_UNSIGNED,
    "expires_after": timedelta(days=3650),
}
