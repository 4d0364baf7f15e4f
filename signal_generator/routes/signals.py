"""Signals with their features, and questions to the model outside the flow of candles."""

from datetime import datetime
from typing import Annotated, Self

import numpy as np
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.features import FEATURE_NAMES, FEATURES, barrier_ratio, coverage_of
from shared.domain.bracket import BracketPlan
from shared.domain.enums import Action, Interval
from shared.domain.errors import NotFound, Unavailable
from shared.domain.ids import SignalId, Symbol
from shared.domain.signal import Edge
from shared.http.auth import require
from shared.http.paging import Cursor, Limit, Page, decode_place, encode_cursor
from shared.http.values import MoneyText
from signal_generator.core.belief import Floats, believe
from signal_generator.core.explanation import NOTE, Explanation, Share, explain
from signal_generator.core.scoring import breakeven
from signal_generator.repository import predictions
from signal_generator.repository.predictions import Scored
from signal_generator.routes.desk import Desk, by_name

SymbolName = Annotated[str, Field(max_length=32, examples=["BTC-USDT"])]


class SignalView(BaseModel):
    """A signal as it was said; `reasons` say why it is to hold."""

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


class ExplanationView(BaseModel):
    """What moved the model, by feature and by group; `note` says how to read the points."""

    model_config = ConfigDict(from_attributes=True)

    speaking_for: tuple[Share, ...]
    speaking_against: tuple[Share, ...]
    groups: dict[str, float]
    note: str = NOTE


class SignalDetail(SignalView):
    """`explanation` is null where no model spoke, or its release is gone from the disk."""

    features: dict[str, float | None]
    explanation: ExplanationView | None


class FeaturesView(BaseModel):
    """The newest vector of an instrument; null is undefined."""

    symbol: Symbol
    interval: Interval
    closed_at: datetime
    coverage: float
    features: dict[str, float | None]


class Question(BaseModel):
    """Features that are not named are missing; without any, the newest stored ones are used."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"symbol": "BTC-USDT"},
                {"symbol": "BTC-USDT", "features": {"ret_24": 0.01, "ewma_vol_94": 0.004}},
            ]
        },
    )

    symbol: SymbolName
    features: dict[str, Annotated[float, Field(allow_inf_nan=False)]] | None = Field(
        default=None, max_length=FEATURES
    )

    @model_validator(mode="after")
    def _known_features(self) -> Self:
        unknown = sorted(set(self.features or {}) - set(FEATURE_NAMES))
        if unknown:
            raise ValueError(f"no feature is called {unknown[0]}; docs/features.md lists them")
        return self


class Answer(BaseModel):
    """What the model believes; `breakeven_probability` is at today's costs, null where no trade."""

    symbol: Symbol
    release_id: str
    closed_at: datetime | None
    coverage: float
    refusals: tuple[str, ...]
    probability: float
    probability_raw: float
    neighbours: float
    unfamiliar_ratio: float
    barrier_ratio: float | None
    breakeven_probability: float | None
    explanation: ExplanationView


def install(routes: APIRouter, desk: Desk) -> None:
    _signals(routes, desk)
    _features(routes, desk)

    @routes.post(
        "/predict", dependencies=[Depends(require("read"))], summary="Ask the model in service"
    )
    def predict(question: Question) -> Answer:  # pyright: ignore[reportUnusedFunction]
        return _answer(desk, desk.known(question.symbol), question.features)


def _signals(routes: APIRouter, desk: Desk) -> None:
    @routes.get(
        "/signals", dependencies=[Depends(require("read"))], summary="Signals, newest first"
    )
    def signals(  # pyright: ignore[reportUnusedFunction]
        symbol: Annotated[str | None, Query(max_length=32)] = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Page[SignalView]:
        wanted = None if symbol is None else desk.known(symbol)
        before = None if cursor is None else decode_place(cursor)
        with desk.transactions.read() as connection:
            found = predictions.find_signals(connection, wanted, before, limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        following = None if last is None else encode_cursor((last.closed_at, last.signal_id))
        items = [SignalView.model_validate(signal) for signal in found[:limit]]
        return Page(items=items, next_cursor=following)

    @routes.get(
        "/signals/{signal_id}",
        dependencies=[Depends(require("read"))],
        summary="One signal, its features, and what moved it",
    )
    def signal(  # pyright: ignore[reportUnusedFunction]
        signal_id: Annotated[str, Path(max_length=36)],
    ) -> SignalDetail:
        with desk.transactions.read() as connection:
            scored = predictions.get_scored(connection, SignalId(signal_id))
        if scored is None:
            raise NotFound(f"no signal has the id {signal_id}; GET /signals lists them")
        return _detail(desk, scored)


def _features(routes: APIRouter, desk: Desk) -> None:
    @routes.get(
        "/features/{symbol}",
        dependencies=[Depends(require("read"))],
        summary="The newest features of an instrument",
    )
    def features(  # pyright: ignore[reportUnusedFunction]
        symbol: Annotated[str, Path(max_length=32)],
    ) -> FeaturesView:
        scored = _latest(desk, desk.known(symbol))
        return FeaturesView(
            symbol=scored.signal.symbol,
            interval=scored.signal.interval,
            closed_at=scored.signal.closed_at,
            coverage=scored.signal.coverage,
            features=by_name(scored.vector),
        )


def _detail(desk: Desk, scored: Scored) -> SignalDetail:
    view = SignalView.model_validate(scored.signal)
    found = scored.explanation or _explained(desk, scored)
    return SignalDetail(
        **view.model_dump(),
        features=by_name(scored.vector),
        explanation=None if found is None else ExplanationView.model_validate(found),
    )


def _explained(desk: Desk, scored: Scored) -> Explanation | None:
    """Ask the release that spoke again: it is immutable, and so are the stored features."""
    edge = scored.signal.edge
    model = None if edge is None else desk.releases.find(edge.release_id)
    return None if model is None else explain(model, scored.vector)


def _latest(desk: Desk, symbol: Symbol) -> Scored:
    with desk.transactions.read() as connection:
        scored = predictions.latest_scored(connection, symbol)
    if scored is None:
        raise NotFound(f"no candle of {symbol} has closed yet; try again after the next")
    return scored


def _answer(desk: Desk, symbol: Symbol, features: dict[str, float] | None) -> Answer:
    model = desk.registry.model_for(symbol)
    if model is None:
        raise Unavailable(f"no model speaks for {symbol}; train one with `trading train`")
    scored = _latest(desk, symbol) if features is None else None
    vector = _vector(features or {}) if scored is None else scored.vector
    belief = believe(model, vector[np.newaxis])[0]
    coverage = coverage_of(vector)
    barrier = barrier_ratio(vector, belief.horizon_candles)
    is_drawn = 0.0 < barrier * belief.stop_multiple < 1.0
    return Answer(
        symbol=symbol,
        release_id=belief.release_id,
        closed_at=None if scored is None else scored.signal.closed_at,
        coverage=coverage.ratio,
        refusals=coverage.refusals,
        probability=belief.probability,
        probability_raw=belief.probability_raw,
        neighbours=belief.neighbours,
        unfamiliar_ratio=belief.unfamiliar_ratio,
        barrier_ratio=barrier if is_drawn else None,
        breakeven_probability=breakeven(belief, barrier, desk.policy) if is_drawn else None,
        explanation=ExplanationView.model_validate(explain(model, vector)),
    )


def _vector(features: dict[str, float]) -> Floats:
    return np.array([features.get(name, np.nan) for name in FEATURE_NAMES])
