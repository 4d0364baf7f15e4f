"""The releases on disk and which of them speak."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from models.registry import Listing
from shared.domain.errors import NotFound
from shared.domain.ids import Symbol
from shared.http.auth import require
from shared.http.paging import Page
from signal_generator.routes.desk import Desk


class ModelView(BaseModel):
    """`is_champion`: its scope's alias points at it; `is_serving`: it is proven and in memory."""

    release_id: str
    scope: str
    kind: str
    symbols: tuple[Symbol, ...]
    venue: str
    interval_seconds: int
    created_at: datetime
    device: str
    is_champion: bool
    is_serving: bool


class ModelDetail(ModelView):
    """The whole manifest; `refusal` says why the scope's champion could not be loaded."""

    manifest: dict[str, Any]
    refusal: str | None


def install(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/models", dependencies=[Depends(require("read"))], summary="All releases")
    def models() -> Page[ModelView]:  # pyright: ignore[reportUnusedFunction]
        return Page(items=[_view(desk, listing) for listing in desk.registry.releases()])

    @routes.get(
        "/models/{release_id}", dependencies=[Depends(require("read"))], summary="One release"
    )
    def model(  # pyright: ignore[reportUnusedFunction]
        release_id: Annotated[str, Path(max_length=96)],
    ) -> ModelDetail:
        for listing in desk.registry.releases():
            if listing.manifest.release_id == release_id:
                failures = desk.registry.failures() if listing.is_champion else {}
                return ModelDetail(
                    **_view(desk, listing).model_dump(),
                    manifest=msgspec.to_builtins(listing.manifest),
                    refusal=failures.get(listing.manifest.scope),
                )
        raise NotFound(f"no release has the id {release_id}")


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
        device=manifest.device,
        is_champion=listing.is_champion,
        is_serving=desk.registry.current().serving(manifest.release_id) is not None,
    )
