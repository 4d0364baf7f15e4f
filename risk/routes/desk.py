"""What the routes are given, and the input they share."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from risk.handlers.review import Reviewer
from risk.handlers.watch import Watch
from risk.repository.policy import Opening
from shared.bus.unit_of_work import Transactions
from shared.domain.enums import Interval
from shared.domain.errors import BadInput
from shared.domain.ids import AccountId, Symbol

Reason = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=3, max_length=200, pattern=r"^[\x20-\x7e]+$"
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    transactions: Transactions
    opening: Opening
    reviewer: Reviewer
    watch: Watch
    interval: Interval

    @property
    def account(self) -> AccountId:
        return self.opening.account

    def symbol(self, text: str) -> Symbol:
        """Return the instrument of this name.

        Raises:
            BadInput: it is not traded here.
        """
        if text not in self.reviewer.instruments:
            known = ", ".join(sorted(self.reviewer.instruments))
            raise BadInput("symbol", f"'{text}' is not traded here", f"choose one of {known}")
        return Symbol(text)


class ReasonBody(BaseModel):
    """Why, in plain ASCII; it goes into the audit."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "venue maintenance"}]}
    )

    reason: Reason
