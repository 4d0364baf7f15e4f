"""What can go wrong, as types that say what we know.

TradingError
├── BadInput         the caller must change something: names the field and the remedy
├── NotFound         no such object
├── Conflict         the object is in another state than the caller thinks
├── Refused          a rule said no, finally
├── Unavailable      a dependency is away; trying again later may work
├── NotSent          no byte left for the venue: safe to try again
└── OutcomeUnknown   the venue may or may not have acted: ask it, never send again
"""


class TradingError(Exception):
    """Base of all expected errors; `reason` is a stable word programs may match on."""

    reason = "error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BadInput(TradingError):
    reason = "bad_input"

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}; {remedy}")
        self.field = field
        self.problem = problem
        self.remedy = remedy


class NotFound(TradingError):
    reason = "not_found"


class Conflict(TradingError):
    reason = "conflict"


class Refused(TradingError):
    reason = "refused"


class Unavailable(TradingError):
    reason = "unavailable"


class NotSent(TradingError):
    reason = "not_sent"


class OutcomeUnknown(TradingError):
    reason = "outcome_unknown"
