"""What a probe costs at most, its questions one after the other, and what is kept of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import requests

from launcher.masking import Mask
from launcher.probes.bench import Bench, Question, Unanswered
from launcher.probes.opening import Probe
from launcher.probes.sizing import crossing_buy, resting_buy, usual_loss
from shared.domain.clock import SystemClock
from shared.domain.errors import Refused
from shared.domain.values import ZERO, to_text
from venues.errors import VenueError
from venues.transport import TooLate

_CLOCK = SystemClock()
_AT_ONCE = 2  # an id sent twice may make two orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """In quote: `bought` is what is paid and sold back, `held` what rests at most at a time."""

    quote: str
    bought: Decimal
    held: Decimal
    usual_loss: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    question: Question
    answer: str
    is_answered: bool
    file: Path


def cost_of(probe: Probe) -> Cost:
    """Return what the questions cost; raises VenueError where the prices cannot be had."""
    rules = probe.bench.rules
    top = probe.bench.venue.top_of_book(rules.instrument.symbol)
    trip = crossing_buy(rules, top)
    is_bought = any(one.buys for one in probe.questions)
    return Cost(
        quote=rules.instrument.quote,
        bought=trip.notional if is_bought else ZERO,
        held=_AT_ONCE * resting_buy(rules, top).notional,
        usual_loss=usual_loss(trip, top, probe.bench.fees) if is_bought else ZERO,
    )


def refuse_beyond(cost: Cost, probe: Probe, budget: Decimal) -> None:
    """Let nothing begin that could need more than the budget, or than there is.

    Raises:
        Refused: says how much it takes.
        VenueError: the balances cannot be had.
    """
    symbol, quote = probe.bench.symbol, cost.quote
    for words, amount in (
        ("buys and sells back", cost.bought),
        ("lets a resting order hold", cost.held / _AT_ONCE),
    ):
        if amount > budget:
            raise Refused(
                f"with the least order of {symbol} this {words} {to_text(amount)} {quote}, and "
                f"the budget is {to_text(budget)}; give a larger --budget, or another --symbol"
            )
    available = next(
        (one.available for one in probe.bench.venue.balances() if one.asset == quote), ZERO
    )
    needed = max(cost.bought, cost.held)
    if available < needed:
        raise Refused(
            f"the account has {to_text(available)} {quote} available, and {to_text(needed)} are "
            "needed; nothing was sent"
        )


def ask_all(probe: Probe, folder: Path, mask: Mask) -> Sequence[Finding]:
    """Ask one question after the other; one that fails says so and the rest go on."""
    return [
        _asked(probe.bench, question, folder / f"{number:02d}-{question.name}.json", mask)
        for number, question in enumerate(probe.questions, 1)
    ]


def _asked(bench: Bench, question: Question, file: Path, mask: Mask) -> Finding:
    asked_at = _CLOCK.now()
    try:
        answer, is_answered = question.ask(), True
    except (Unanswered, VenueError) as error:
        answer, is_answered = f"not answered: {error}", False
    except (requests.RequestException, OSError, TooLate) as error:
        answer, is_answered = f"not answered: {type(error).__name__}", False
    except Exception as error:  # noqa: BLE001 - an answer of a shape that nobody documented
        answer, is_answered = f"not understood: {type(error).__name__}: {error}", False
    finding = Finding(question=question, answer=mask(answer), is_answered=is_answered, file=file)
    write_document(
        file,
        {
            "venue": bench.name,
            "symbol": bench.symbol,
            "question": question.sentence,
            "answer": finding.answer,
            "is_answered": is_answered,
            "asked_at": asked_at,
            "exchanges": bench.notebook.tear_off(),
        },
    )
    return finding


def write_document(file: Path, document: Mapping[str, Any]) -> None:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
