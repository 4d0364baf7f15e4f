"""What every route of this service needs, and how a vector is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from pydantic import BaseModel

from models.features import FEATURE_NAMES
from models.registry import Registry
from models.scorer import ServingModel
from shared.bus.unit_of_work import Transactions
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from signal_generator.core.belief import Floats
from signal_generator.core.scoring import ScoringPolicy

_SHOWN = 5


class Contribution(BaseModel):
    """How far one feature moved the margin (log-odds before calibration), and its value."""

    name: str
    value: float | None
    contribution: float


class Explanation(BaseModel):
    """The strongest features for and against; all of them and the mean margin add up to it."""

    speaking_for: list[Contribution]
    speaking_against: list[Contribution]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    transactions: Transactions
    registry: Registry
    policy: ScoringPolicy
    symbols: frozenset[Symbol]

    def known(self, symbol: str) -> Symbol:
        """Return the instrument of this name.

        Raises:
            BadInput: it is not traded here.
        """
        if symbol not in self.symbols:
            known = ", ".join(sorted(self.symbols))
            raise BadInput("symbol", f"'{symbol}' is not traded here", f"choose one of {known}")
        return Symbol(symbol)

    def serving(self, release_id: str) -> ServingModel | None:
        """Return a release that is in service now."""
        champions = self.registry.champions().values()
        return next((model for model in champions if model.release_id == release_id), None)


def by_name(vector: Floats) -> dict[str, float | None]:
    """Return the features by name, null where undefined."""
    values = vector.tolist()
    return {
        name: value if isfinite(value) else None
        for name, value in zip(FEATURE_NAMES, values, strict=True)
    }


def explain(model: ServingModel, vector: Floats) -> Explanation:
    values = by_name(vector)
    shares = model.contributions(vector)
    return Explanation(
        speaking_for=_shown(values, [pair for pair in shares if pair[1] > 0]),
        speaking_against=_shown(values, [pair for pair in shares if pair[1] < 0]),
    )


def _shown(
    values: Mapping[str, float | None], shares: list[tuple[str, float]]
) -> list[Contribution]:
    return [
        Contribution(name=name, value=values[name], contribution=share)
        for name, share in shares[:_SHOWN]
    ]
