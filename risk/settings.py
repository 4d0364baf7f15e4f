"""Settings of risk (RISK__..., or `risk:` in trading.yaml)."""

from pathlib import Path
from typing import Any

from pydantic import Field, create_model

from risk.core.limits import LimitFacts, RiskLimits, limit_facts
from shared.runtime.settings import SectionSettings, section


def _field(facts: LimitFacts) -> Any:
    allowed = Field(facts.default, ge=facts.least, le=facts.most, description=facts.meaning)
    return (facts.kind, allowed)


class _Section(SectionSettings):
    model_config = section("risk")


_Limits: Any = create_model(
    "_Limits", __base__=_Section, **{name: _field(facts) for name, facts in limit_facts().items()}
)


class RiskSettings(_Limits):
    """The limits an account starts with; `PUT /limits` changes them while running."""

    state_file: Path | None = Field(
        None,
        description="file whose first word, run, reduce or halt, tightens the trading state; read "
        "every second, absent means nothing",
    )

    def limits(self) -> RiskLimits:
        named = {name: getattr(self, name) for name in limit_facts()}
        return RiskLimits(**named)
