"""Settings of risk (RISK__..., or `risk:` in trading.yaml)."""

from pathlib import Path
from typing import Any

from pydantic import Field, create_model

from risk.core.limits import LimitFacts, RiskLimits, limit_facts
from shared.runtime.configuration import GlimpseSettings, glimpse
from shared.runtime.settings import Mode, SectionSettings, load, section


def _field(facts: LimitFacts) -> Any:
    allowed = Field(facts.default, ge=facts.least, le=facts.most, description=facts.meaning)
    return (facts.kind, allowed)


_SIMULATED = "simulated"


class _Section(SectionSettings):
    model_config = section("risk")


_Limits: Any = create_model(
    "_Limits", __base__=_Section, **{name: _field(facts) for name, facts in limit_facts().items()}
)


class _Execution(GlimpseSettings):
    """Where the executor trades, as it is told itself."""

    model_config = glimpse("executor")

    venue: str = _SIMULATED


class RiskSettings(_Limits):
    """The limits an account starts with; `PUT /limits` changes them while running."""

    state_file: Path | None = Field(
        None,
        description="file whose first word, run, reduce or halt, tightens the trading state; read "
        "every second, absent means nothing",
    )

    needs_quotes: bool | None = Field(
        None,
        description="whether entries wait for the best prices that the executor tells; unset: "
        "wherever EXECUTOR__VENUE names a venue, never in mock",
    )

    def limits(self) -> RiskLimits:
        named = {name: getattr(self, name) for name in limit_facts()}
        return RiskLimits(**named)

    def waits_for_quotes(self, mode: Mode) -> bool:
        if self.needs_quotes is not None:
            return self.needs_quotes
        return mode is not Mode.MOCK and load(_Execution).venue != _SIMULATED
