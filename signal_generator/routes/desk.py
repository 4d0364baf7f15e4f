"""What every route of this service needs, and how a vector is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from models.features import FEATURE_NAMES
from models.registry import Registry
from shared.bus.unit_of_work import Transactions
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from signal_generator.core.belief import Floats
from signal_generator.core.scoring import ScoringPolicy
from signal_generator.repository.promotion import Promotions
from signal_generator.repository.releases import Releases


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    transactions: Transactions
    registry: Registry
    releases: Releases
    policy: ScoringPolicy
    symbols: frozenset[Symbol]
    promotions: Promotions
    look_for_models: Callable[[], None]

    def known(self, symbol: str) -> Symbol:
        """Return the instrument of this name.

        Raises:
            BadInput: it is not traded here.
        """
        if symbol not in self.symbols:
            known = ", ".join(sorted(self.symbols))
            raise BadInput("symbol", f"'{symbol}' is not traded here", f"choose one of {known}")
        return Symbol(symbol)


def by_name(vector: Floats) -> dict[str, float | None]:
    """Return the features by name, null where undefined."""
    values = vector.tolist()
    return {
        name: value if isfinite(value) else None
        for name, value in zip(FEATURE_NAMES, values, strict=True)
    }
