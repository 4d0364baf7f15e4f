"""REST of the signals service: read opinions, weigh their sources, add one from outside."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from shared.bus.unit_of_work import Transactions
from shared.domain.bracket import BracketPlan
from shared.domain.enums import Action, Interval
from shared.domain.errors import BadInput, Conflict
from shared.domain.ids import SignalId, Symbol
from shared.domain.signal import Edge, Signal, signal_id
from shared.http.auth import require
from shared.http.keys import Principal
from shared.http.paging import Cursor, InstantText, Limit, Page, decode_place, encode_cursor
from shared.http.values import MoneyText, PriceText
from signals.core.combine import COMBINED, PIPELINE
from signals.core.sources import Source, in_force
from signals.repository import opinions
from signals.repository.opinions import SignalFilter

LONGEST_LIFE = timedelta(days=7)
SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class SignalView(BaseModel):
    """A signal as it was said; `probability` is the model's, calibrated, where a model spoke."""

    model_config = ConfigDict(from_attributes=True)

    signal_id: SignalId
    source: str
    symbol: Symbol
    interval: Interval
    closed_at: datetime
    expires_at: datetime
    action: Action
    confidence: float
    price: MoneyText
    bracket: BracketPlan | None
    edge: Edge | None
    coverage: float
    reasons: tuple[str, ...]


class SourceView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    weight: float
    enabled: bool
    updated_at: datetime | None


class SourceChange(BaseModel):
    """The weight counts from the next candle on; a disabled source is neither asked nor counted."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"weight": 0.3, "enabled": True}]}
    )

    weight: float = Field(ge=0, le=100, allow_inf_nan=False)
    enabled: bool = True


class ExternalSignal(BaseModel):
    """An opinion from outside, for candles that close after it came and before it expires."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "source": "desk",
                    "symbol": "BTC-USDT",
                    "action": "buy",
                    "confidence": 0.8,
                    "price": "43250.10",
                    "expires_at": "2026-11-22T12:00:00Z",
                }
            ]
        },
    )

    source: SourceName
    symbol: str = Field(max_length=32)
    action: Action
    confidence: float = Field(ge=0, le=1, allow_inf_nan=False)
    price: PriceText
    expires_at: InstantText


def router(
    *,
    transactions: Transactions,
    symbols: frozenset[Symbol],
    interval: Interval,
    initial_weights: Mapping[str, float],
) -> APIRouter:
    routes = APIRouter(tags=["signals"])
    _reading(routes, transactions, symbols)
    _sources(routes, transactions, initial_weights)
    _posting(routes, transactions, symbols, interval)
    return routes


def _reading(routes: APIRouter, transactions: Transactions, symbols: frozenset[Symbol]) -> None:
    @routes.get("/signals", dependencies=[Depends(require("read"))], summary="Newest first")
    def signals(  # pyright: ignore[reportUnusedFunction]
        symbol: Annotated[str | None, Query(max_length=32)] = None,
        source: Annotated[str | None, Query(max_length=32)] = None,
        min_confidence: Annotated[float, Query(ge=0, le=1)] = 0.0,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Page[SignalView]:
        wanted = SignalFilter(
            symbol=None if symbol is None else _known(symbol, symbols),
            source=source,
            min_confidence=min_confidence,
            before=None if cursor is None else decode_place(cursor),
        )
        with transactions.read() as connection:
            found = opinions.find_signals(connection, wanted, limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        following = None if last is None else encode_cursor((last.closed_at, last.signal_id))
        return Page(items=[_view(signal) for signal in found[:limit]], next_cursor=following)

    @routes.get(
        "/signals/latest",
        dependencies=[Depends(require("read"))],
        summary="The newest of each source and instrument",
    )
    def latest(  # pyright: ignore[reportUnusedFunction]
        symbol: Annotated[str | None, Query(max_length=32)] = None,
    ) -> Page[SignalView]:
        wanted = sorted(symbols) if symbol is None else [_known(symbol, symbols)]
        with transactions.read() as connection:
            found = opinions.latest_signals(connection, wanted)
        return Page(items=[_view(signal) for signal in found])


def _sources(
    routes: APIRouter, transactions: Transactions, initial_weights: Mapping[str, float]
) -> None:
    @routes.get("/sources", dependencies=[Depends(require("read"))], summary="Who counts how much")
    def sources() -> Page[SourceView]:  # pyright: ignore[reportUnusedFunction]
        with transactions.read() as connection:
            found = in_force(initial_weights, opinions.stored_sources(connection))
        return Page(items=[SourceView.model_validate(source) for source in found])

    @routes.put("/sources/{name}", summary="Weigh a source anew")
    def change(  # pyright: ignore[reportUnusedFunction]
        name: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,31}$")],
        body: SourceChange,
        principal: Annotated[Principal, Depends(require("admin"))],
    ) -> SourceView:
        if name == COMBINED:
            raise BadInput("name", f"'{COMBINED}' is the result", "name one of its sources")
        with transactions.begin() as uow:
            source = Source(name=name, weight=body.weight, enabled=body.enabled, updated_at=uow.now)
            opinions.save_source(uow.connection, source, uow.now)
            uow.audit(principal.name, "signals.source_changed", name, body.model_dump())
        return SourceView.model_validate(source)


def _posting(
    routes: APIRouter, transactions: Transactions, symbols: frozenset[Symbol], interval: Interval
) -> None:
    @routes.post(
        "/signals",
        status_code=201,
        dependencies=[Depends(require("trade"))],
        summary="Add an opinion from outside",
    )
    def post(body: ExternalSignal) -> SignalView:  # pyright: ignore[reportUnusedFunction]
        if body.source in {*PIPELINE, COMBINED}:
            raise BadInput("source", f"'{body.source}' is ours", "choose a name of your own")
        symbol = _known(body.symbol, symbols)
        with transactions.begin() as uow:
            if not uow.now < body.expires_at <= uow.now + LONGEST_LIFE:
                raise BadInput(
                    "expires_at",
                    f"{body.expires_at} is not within the 7 days after {uow.now}",
                    "let it expire between now and then",
                )
            signal = _external(body, symbol, interval, uow.now)
            if not opinions.add_new_signal(uow.connection, signal):
                raise Conflict(
                    f"{body.source} has spoken on {symbol} at this instant; wait for the next"
                )
        return _view(signal)


def _external(body: ExternalSignal, symbol: Symbol, interval: Interval, now: datetime) -> Signal:
    return Signal(
        signal_id=signal_id(body.source, symbol, interval, now),
        source=body.source,
        symbol=symbol,
        interval=interval,
        closed_at=now,
        expires_at=body.expires_at,
        action=body.action,
        confidence=body.confidence,
        price=body.price,
    )


def _view(signal: Signal) -> SignalView:
    return SignalView.model_validate(signal)


def _known(symbol: str, symbols: frozenset[Symbol]) -> Symbol:
    if symbol not in symbols:
        known = ", ".join(sorted(symbols))
        raise BadInput("symbol", f"'{symbol}' is not traded here", f"choose one of {known}")
    return Symbol(symbol)
