"""The steps towards target weights: which have been proposed, and which still wait."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from recommender.core.rebalance import Sale, Step, StepState
from recommender.core.status import RecommendationStatus
from recommender.tables import known_orders, rebalance_steps, trade_recommendations
from shared.db.dialect import insert_missing
from shared.db.statements import Prepared, among, as_row, given
from shared.domain.enums import Side
from shared.domain.ids import (
    AccountId,
    RecommendationId,
    Symbol,
    client_order_id,
)
from shared.domain.verdict import decision_id

_WAITING = Prepared(
    select(rebalance_steps)
    .where(given(rebalance_steps.c.account), rebalance_steps.c.state == StepState.WAITING)
    .order_by(rebalance_steps.c.wanted_at, rebalance_steps.c.symbol)
)
_SALES = Prepared(
    select(
        rebalance_steps.c.rebalance_id,
        rebalance_steps.c.recommendation_id,
        trade_recommendations.c.status,
    )
    .join_from(
        rebalance_steps,
        trade_recommendations,
        trade_recommendations.c.recommendation_id == rebalance_steps.c.recommendation_id,
    )
    .where(among(rebalance_steps.c.rebalance_id, "rebalances"), rebalance_steps.c.side == Side.SELL)
)
_HEARD = Prepared(
    select(known_orders.c.client_order_id, known_orders.c.updated_at).where(
        among(known_orders.c.client_order_id, "identities")
    )
)
_MOVE = Prepared(
    update(rebalance_steps).where(
        rebalance_steps.c.recommendation_id == bindparam("identity"),
        rebalance_steps.c.state == StepState.WAITING,
    )
)


def add_steps(connection: Connection, steps: Sequence[Step]) -> None:
    insert_missing(connection, rebalance_steps, [as_row(step) for step in steps])


def waiting_steps(connection: Connection, account: AccountId) -> list[Step]:
    return [_step(row) for row in _WAITING.rows(connection, account=account)]


def save_steps(connection: Connection, steps: Iterable[Step]) -> None:
    """Write what has changed of steps that waited: their state and their price."""
    rows = [
        {
            "identity": step.recommendation_id,
            "state": step.state,
            "price": step.price,
            "priced_at": step.priced_at,
        }
        for step in steps
    ]
    _MOVE.run(connection, rows)


def sales_beside(connection: Connection, account: AccountId, steps: Iterable[Step]) -> list[Sale]:
    """Return the sales of the rebalancings that these steps belong to."""
    rebalances = sorted({step.rebalance_id for step in steps})
    rows = _SALES.rows(connection, rebalances=rebalances)
    orders = {row.recommendation_id: _order_of(account, row.recommendation_id) for row in rows}
    heard = {
        row.client_order_id: row.updated_at
        for row in _HEARD.rows(connection, identities=sorted(orders.values()))
    }
    return [
        Sale(
            rebalance_id=row.rebalance_id,
            status=RecommendationStatus(row.status),
            heard_at=heard.get(orders[row.recommendation_id]),
        )
        for row in rows
    ]


def find_steps(connection: Connection, account: AccountId, rebalance_id: str) -> list[Row[Any]]:
    """Return the steps of one rebalancing with what became of each, sales first."""
    statement = (
        select(
            rebalance_steps,
            trade_recommendations.c.status,
            trade_recommendations.c.verdict,
        )
        .outerjoin_from(
            rebalance_steps,
            trade_recommendations,
            trade_recommendations.c.recommendation_id == rebalance_steps.c.recommendation_id,
        )
        .where(rebalance_steps.c.account == account, rebalance_steps.c.rebalance_id == rebalance_id)
        .order_by(rebalance_steps.c.side.desc(), rebalance_steps.c.symbol)
    )
    return list(connection.execute(statement))


def _order_of(account: AccountId, recommendation: str) -> str:
    """Return the one order an approval of it becomes; an account's name begins with its mode."""
    mode = account.partition("-")[0]
    return client_order_id(mode, account, decision_id(RecommendationId(recommendation)))


def _step(row: Any) -> Step:
    return Step(
        recommendation_id=RecommendationId(row.recommendation_id),
        rebalance_id=row.rebalance_id,
        account=AccountId(row.account),
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        quantity=row.quantity,
        price=row.price,
        priced_at=row.priced_at,
        wanted_at=row.wanted_at,
        actor=row.actor,
        state=StepState(row.state),
    )
