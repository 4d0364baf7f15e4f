"""Who speaks from now on: promoted, or taken back, by a person."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, StringConstraints

from models.aliases import Role
from models.evaluation.promotion import PromotionRefused
from models.evaluation.sheet import Condition
from models.manifest import GLOBAL, scope_of
from models.refusals import ArtifactRefused
from shared.domain.ids import Symbol
from shared.http.auth import require
from shared.http.errors import Declined
from shared.http.keys import Principal
from signal_generator.repository.promotion import Change, NothingBefore
from signal_generator.routes.desk import Desk
from signal_generator.routes.models import ReleaseId, declined

_ADMIN = Depends(require("admin"))
Why = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=3, max_length=200, pattern=r"^[\x20-\x7e]+$"
    ),
]


class PromotionBody(BaseModel):
    """`override`: why it shall be done although a condition is not met; audited, never in live."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{}, {"override": "dry run of the new horizon"}]},
    )

    override: Why | None = None


class PromotionView(BaseModel):
    """`aliases`: the release ids of the scope by role; `unmet`: what was overridden."""

    scope: str
    release_id: str
    aliases: dict[Role, str]
    conditions: list[Condition]
    unmet: list[str]


def install(routes: APIRouter, desk: Desk) -> None:
    @routes.post(
        "/models/{release_id}/promote",
        summary="Make a release the champion of its scope, if gate and shadow allow it",
        responses={409: {"description": "Refused: every condition with its figures"}},
    )
    def promote(  # pyright: ignore[reportUnusedFunction]
        release_id: ReleaseId, body: PromotionBody, who: Annotated[Principal, _ADMIN]
    ) -> PromotionView:
        try:
            change = desk.promotions.promote(release_id, who.name, body.override)
        except PromotionRefused as error:
            raise _refused(error) from error
        except ArtifactRefused as error:
            raise declined(error) from error
        return _shown(desk, change)

    @routes.post(
        "/models/{symbol}/rollback",
        summary="Make the release before the champion of an instrument, or of GLOBAL, again",
        responses={409: {"description": "There is nothing to go back to"}},
    )
    def rollback(  # pyright: ignore[reportUnusedFunction]
        symbol: Annotated[str, Path(max_length=32, examples=["BTC-USDT", GLOBAL])],
        who: Annotated[Principal, _ADMIN],
    ) -> PromotionView:
        try:
            change = desk.promotions.rollback(scope_of(Symbol(symbol)), who.name)
        except NothingBefore as error:
            raise Declined(error.reason, error.detail) from error
        except ArtifactRefused as error:
            raise declined(error) from error
        return _shown(desk, change)


def _shown(desk: Desk, change: Change) -> PromotionView:
    desk.look_for_models()
    ruling = change.ruling
    return PromotionView(
        scope=change.scope,
        release_id=change.release_id,
        aliases=dict(change.aliases),
        conditions=[] if ruling is None else list(ruling.conditions),
        unmet=[] if ruling is None else [one.name for one in ruling.unmet],
    )


def _refused(error: PromotionRefused) -> Declined:
    conditions: Any = msgspec.to_builtins(error.ruling.conditions)
    return Declined(error.reason, error.detail, {"conditions": conditions})
