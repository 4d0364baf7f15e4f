"""The releases on disk: which of them speak, what they promise, and how they were judged."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from models.aliases import Role
from models.artifact import Contents
from models.evaluation.sheet import Evaluation, GateVerdict
from models.manifest import EVALUATION, GATE, REPORT
from models.refusals import ArtifactRefused
from models.shelf import Listing
from shared.domain.errors import NotFound
from shared.domain.ids import Symbol
from shared.http.auth import require
from shared.http.errors import Declined
from shared.http.paging import Page
from signal_generator.routes.desk import Desk

ReleaseId = Annotated[
    str,
    Path(max_length=96, examples=["BTCUSDT_full_dataset_cpu_xgboost_model_20261121_013000"]),
]
_READ = Depends(require("read"))
_ONLY_ITSELF = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class ModelView(BaseModel):
    """`is_serving`: it is proven and in memory, in service or in the shadow.

    `gate_passed` is null where nobody judged it.
    """

    release_id: str
    scope: str
    kind: str
    symbols: tuple[Symbol, ...]
    venue: str
    interval_seconds: int
    created_at: datetime
    trained_until: datetime
    expires_at: datetime | None
    device: str
    roles: tuple[Role, ...]
    gate_passed: bool | None
    is_champion: bool
    is_serving: bool


class SkillView(BaseModel):
    """Walk-forward figures, pooled out of fold; the bounds are 5 % and 95 % of a bootstrap."""

    rows: int
    n_effective: float
    auc: float
    auc_low: float
    auc_high: float
    log_loss: float
    base_log_loss: float
    logit_log_loss: float
    brier: float
    ece: float
    ece_null_high: float
    deflated_sharpe: float | None
    trials: int


class ModelDetail(ModelView):
    """`refusal` says why it cannot be used; gate and evaluation are then not to be believed."""

    manifest: dict[str, Any]
    gate: GateVerdict | None
    evaluation: SkillView | None
    refusal: str | None


class Verification(BaseModel):
    """`reason` and `detail` are null where it was proven; `signed_by` is the id of the key."""

    release_id: str
    is_valid: bool
    reason: str | None
    detail: str | None
    signed_by: str | None


def install(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/models", dependencies=[_READ], summary="All releases and their roles")
    def models() -> Page[ModelView]:  # pyright: ignore[reportUnusedFunction]
        return Page(items=[_view(desk, listing) for listing in desk.registry.releases()])

    @routes.get("/models/{release_id}", dependencies=[_READ], summary="One release")
    def model(release_id: ReleaseId) -> ModelDetail:  # pyright: ignore[reportUnusedFunction]
        return _detail(desk, desk.registry.find(release_id))

    @routes.get(
        "/models/{release_id}/report",
        dependencies=[_READ],
        summary="The report of a release as a page",
        response_class=HTMLResponse,
    )
    def report(release_id: ReleaseId) -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]
        return _report(_proven(desk, release_id))

    @routes.post(
        "/models/{release_id}/verify",
        dependencies=[Depends(require("admin"))],
        summary="Prove a release: signature, hashes, schema, its own stored answers",
    )
    def verify(release_id: ReleaseId) -> Verification:  # pyright: ignore[reportUnusedFunction]
        return _verification(desk, release_id)


def _view(desk: Desk, listing: Listing) -> ModelView:
    manifest = listing.manifest
    return ModelView(
        release_id=manifest.release_id,
        scope=manifest.scope,
        kind=manifest.kind,
        symbols=manifest.symbols,
        venue=manifest.venue,
        interval_seconds=manifest.interval_seconds,
        created_at=manifest.created_at,
        trained_until=manifest.trained_until,
        expires_at=manifest.expires_at,
        device=manifest.device,
        roles=listing.roles,
        gate_passed=manifest.gate_passed,
        is_champion=listing.is_champion,
        is_serving=desk.registry.current().serving(manifest.release_id) is not None,
    )


def _detail(desk: Desk, listing: Listing) -> ModelDetail:
    release_id = listing.manifest.release_id
    contents, refusal = None, _failure(desk, listing)
    try:
        contents = desk.registry.verify(release_id)
    except ArtifactRefused as error:
        refusal = error.detail
    return ModelDetail(
        **_view(desk, listing).model_dump(),
        manifest=msgspec.to_builtins(listing.manifest),
        gate=None if contents is None else _sheet(contents, GATE, GateVerdict),
        evaluation=None if contents is None else _skill(_sheet(contents, EVALUATION, Evaluation)),
        refusal=refusal,
    )


def _failure(desk: Desk, listing: Listing) -> str | None:
    """Return why the registry could not follow the alias that points here."""
    models, scope = desk.registry.current(), listing.manifest.scope
    if listing.is_champion:
        return models.failures.get(scope)
    return models.shadow_failures.get(scope) if Role.SHADOW in listing.roles else None


def _sheet(contents: Contents, name: str, kind: type[Any]) -> Any:
    with suppress(ArtifactRefused):
        return contents.sheet(name, kind)
    return None


def _skill(evaluation: Evaluation | None) -> SkillView | None:
    if evaluation is None:
        return None
    skill, found = evaluation.skill, evaluation.reliability
    return SkillView(
        rows=skill.rows,
        n_effective=skill.n_effective,
        auc=skill.auc.value,
        auc_low=skill.auc.low,
        auc_high=skill.auc.high,
        log_loss=skill.log_loss,
        base_log_loss=skill.base_log_loss,
        logit_log_loss=skill.logit_log_loss,
        brier=skill.brier,
        ece=found.ece,
        ece_null_high=found.ece_null_high,
        deflated_sharpe=evaluation.walk_forward.deflated_sharpe,
        trials=evaluation.walk_forward.trials,
    )


def _proven(desk: Desk, release_id: str) -> Contents:
    try:
        return desk.registry.verify(release_id)
    except ArtifactRefused as error:
        raise declined(error) from error


def _report(contents: Contents) -> HTMLResponse:
    """Show a page that is what was signed, and let it load and run nothing."""
    files: Mapping[str, bytes] = contents.files
    if REPORT not in files:
        raise NotFound(f"{contents.manifest.release_id} has no report; train it anew to have one")
    return HTMLResponse(files[REPORT], headers={"Content-Security-Policy": _ONLY_ITSELF})


def _verification(desk: Desk, release_id: str) -> Verification:
    try:
        contents = desk.promotions.prove(release_id)
    except ArtifactRefused as error:
        return Verification(
            release_id=release_id,
            is_valid=False,
            reason=error.reason,
            detail=error.detail,
            signed_by=None,
        )
    return Verification(
        release_id=release_id,
        is_valid=True,
        reason=None,
        detail=None,
        signed_by=contents.signed_by,
    )


def declined(error: ArtifactRefused) -> Declined:
    """Return the answer to what asks for a release that cannot be proven: its reason by name."""
    return Declined(error.reason, error.detail)
