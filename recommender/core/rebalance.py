"""A person's target weights, in two waves: what is sold at once, and then what its proceeds buy.

The purchases of a rebalancing that also sells wait until every sale has ended and the account is
marked with what the sales brought in; they go by the newest price known then. What has waited too
long is proposed as of the day it was wanted, so that risk says that it has expired.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from recommender.core.book import Policy
from recommender.core.status import RecommendationStatus, is_ended
from shared.domain.enums import ExitReason, Purpose, Side
from shared.domain.events import RebalanceWanted
from shared.domain.ids import AccountId, RecommendationId, Symbol
from shared.domain.recommendation import REBALANCE, Recommendation, rebalance_recommendation_id


class StepState(StrEnum):
    WAITING = "waiting"
    ISSUED = "issued"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One trade of a rebalancing; `priced_at` is the instant its price is of."""

    recommendation_id: RecommendationId
    rebalance_id: str
    account: AccountId
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    priced_at: datetime
    wanted_at: datetime
    actor: str
    state: StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """How far the sale of a rebalancing has come; `heard_at`: the last word about its order."""

    rebalance_id: str
    status: RecommendationStatus
    heard_at: datetime | None


def steps_of(wanted: RebalanceWanted) -> tuple[Step, ...]:
    """Return the steps, sales first; a purchase waits where anything is sold."""
    has_sales = any(one.side is Side.SELL for one in wanted.steps)
    found = [
        Step(
            recommendation_id=rebalance_recommendation_id(
                wanted.account, one.symbol, one.side, wanted.rebalance_id, wanted.wanted_at
            ),
            rebalance_id=wanted.rebalance_id,
            account=wanted.account,
            symbol=one.symbol,
            side=one.side,
            quantity=one.quantity,
            price=one.price,
            priced_at=wanted.wanted_at,
            wanted_at=wanted.wanted_at,
            actor=wanted.actor,
            state=StepState.WAITING if one.side is Side.BUY and has_sales else StepState.ISSUED,
        )
        for one in wanted.steps
    ]
    return tuple(sorted(found, key=_sales_first))


def _sales_first(step: Step) -> tuple[bool, Symbol]:
    return (step.side is Side.BUY, step.symbol)


def recommend_step(step: Step, policy: Policy) -> Recommendation:
    """Return the proposal: a sale is reduce-only, a purchase has a quantity and no bracket."""
    is_sale = step.side is Side.SELL
    return Recommendation(
        recommendation_id=step.recommendation_id,
        account=step.account,
        symbol=step.symbol,
        interval=policy.interval,
        side=step.side,
        purpose=Purpose.EXIT if is_sale else Purpose.ENTRY,
        decided_at=step.priced_at,
        expires_at=policy.expires_at(step.priced_at),
        price=step.price,
        source=REBALANCE,
        quantity=step.quantity,
        exit_reason=ExitReason.REBALANCE if is_sale else None,
        is_rebalance=True,
    )


def repriced(waiting: Iterable[Step], prices: Mapping[Symbol, Decimal], at: datetime) -> list[Step]:
    """Return those of the steps that a newer price changes."""
    return [
        replace(step, price=prices[step.symbol], priced_at=at)
        for step in waiting
        if step.symbol in prices and at > step.priced_at
    ]


def due(
    waiting: Sequence[Step], sales: Sequence[Sale], as_of: datetime | None, policy: Policy
) -> list[Step]:
    """Return the purchases to propose now, given the sales beside them and the account's mark."""
    if as_of is None:
        return []
    held_up = {one.rebalance_id for one in sales if not _is_booked(one, as_of)}
    found: list[Step] = []
    for step in waiting:
        if as_of >= step.wanted_at + policy.rebalance_wait_candles * policy.interval.delta:
            found.append(replace(step, priced_at=step.wanted_at))
        elif step.rebalance_id not in held_up and as_of < policy.expires_at(step.priced_at):
            found.append(step)
    return sorted((replace(one, state=StepState.ISSUED) for one in found), key=_sales_first)


def _is_booked(sale: Sale, as_of: datetime) -> bool:
    """Tell whether a sale has ended and the mark has in it what it brought in."""
    return is_ended(sale.status) and (sale.heard_at is None or sale.heard_at <= as_of)
