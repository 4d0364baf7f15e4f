"""Valid examples of every domain value; a test varies one thing with dataclasses.replace."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from risk.core.market import Market, Markets
from shared.domain import events
from shared.domain.bracket import BracketPlan
from shared.domain.candle import Candle
from shared.domain.enums import (
    Action,
    AlarmKind,
    BalanceKind,
    ExitReason,
    Interval,
    Liquidity,
    OrderStatus,
    OrderType,
    Purpose,
    Side,
    SurpriseKind,
    TimeInForce,
    TradingState,
)
from shared.domain.ids import AccountId, Symbol, TradeId, VenueOrderId, client_order_id
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.signal import Confidence, Edge, Signal, signal_id
from shared.domain.verdict import Approved, Breach, Denied, Sizing, decision_id
from shared.http.idempotency import Asked

CLOSED_AT = datetime(2024, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNT = AccountId("mock-main")
BTC = Symbol("BTC-USDT")
PLAN = BracketPlan(stop_ratio=0.02, target_ratio=0.02, horizon_candles=24)
EDGE = Edge(
    probability=0.6, probability_raw=0.63, neighbours=400.0, gross_win=0.02, gross_loss=0.02,
    barrier_ratio=0.02, reference_kelly=5.0,
    factors=Confidence(coverage=0.8, drift=0.9), confidence=0.72,
    release_id="BTCUSDT_full_dataset_cpu_xgboost_model_20240101_000000",
)  # fmt: skip
CANDLE = Candle(
    symbol=BTC, open_at=CLOSED_AT - HOUR, closed_at=CLOSED_AT, open=Decimal("42000.1"),
    high=Decimal("42100.5"), low=Decimal(41900), close=Decimal("42050.25"), volume=Decimal("12.5"),
)  # fmt: skip
SIGNAL = Signal(
    signal_id=signal_id("ml", BTC, Interval.H1, CLOSED_AT), source="ml", symbol=BTC,
    interval=Interval.H1, closed_at=CLOSED_AT, expires_at=CLOSED_AT + HOUR, action=Action.BUY,
    confidence=0.72, price=CANDLE.close, bracket=PLAN, edge=EDGE,
)  # fmt: skip
RECOMMENDATION = Recommendation(
    recommendation_id=recommendation_id(ACCOUNT, BTC, CLOSED_AT, Side.BUY), account=ACCOUNT,
    symbol=BTC, interval=Interval.H1, side=Side.BUY, purpose=Purpose.ENTRY, decided_at=CLOSED_AT,
    expires_at=CLOSED_AT + HOUR, price=CANDLE.close, source="combined",
    signal_id=SIGNAL.signal_id, bracket=PLAN, edge=EDGE,
)  # fmt: skip
SIZING = Sizing(
    kind="kelly", equity=Decimal(10_000), probability_raw=0.63, probability=0.6,
    probability_used=0.59, breakeven_probability=0.575, net_win=0.017, net_loss=0.023,
    kelly_full=1.0, kelly_fraction=0.01, confidence=0.72, factors=EDGE.factors,
    raw_ratio=0.01, capped_ratio=0.01, notional=Decimal(100), quantity=Decimal("0.00237"),
)  # fmt: skip
APPROVED = Approved(
    decision_id=decision_id(RECOMMENDATION.recommendation_id),
    recommendation_id=RECOMMENDATION.recommendation_id, account=ACCOUNT, symbol=BTC,
    interval=Interval.H1, side=Side.BUY, purpose=Purpose.ENTRY, quantity=Decimal("0.00237"),
    price=CANDLE.close, limit_price=Decimal("42260.5"), notional=Decimal("100.16"),
    decided_at=CLOSED_AT, expires_at=CLOSED_AT + HOUR, limits_version=1, bracket=PLAN,
    exit_reason=None, sizing=SIZING, source=RECOMMENDATION.source,
)  # fmt: skip
DENIED = Denied(
    decision_id=APPROVED.decision_id, recommendation_id=APPROVED.recommendation_id,
    account=ACCOUNT, symbol=BTC, side=Side.BUY, purpose=Purpose.ENTRY, decided_at=CLOSED_AT,
    limits_version=1, sizing=SIZING,
    breaches=(
        Breach(check="total_exposure", limit="0.8", value="0.81", headroom="0", remedy="wait"),
    ),
)  # fmt: skip
ORDER = OrderSnapshot(
    client_order_id=client_order_id("mock", ACCOUNT, APPROVED.decision_id),
    decision_id=APPROVED.decision_id, recommendation_id=APPROVED.recommendation_id,
    account=ACCOUNT, venue="synthetic", symbol=BTC, interval=Interval.H1, side=Side.BUY,
    purpose=Purpose.ENTRY, order_type=OrderType.LIMIT, time_in_force=TimeInForce.IOC,
    quantity=APPROVED.quantity, price=APPROVED.price, limit_price=APPROVED.limit_price,
    filled_quantity=Decimal(0), status=OrderStatus.SENDING, decided_at=CLOSED_AT,
    updated_at=CLOSED_AT, bracket=PLAN, source=APPROVED.source,
)  # fmt: skip
FILL = Fill(
    trade_id=TradeId("f1e2d3c4-0000-8000-8000-000000000001"),
    client_order_id=ORDER.client_order_id, account=ACCOUNT, venue="synthetic", symbol=BTC,
    side=Side.BUY, purpose=Purpose.ENTRY, quantity=APPROVED.quantity, price=Decimal("42071.28"),
    reference_price=Decimal("42050.25"), fee=Decimal("0.0997089336"), fee_asset="USDT",
    liquidity=Liquidity.TAKER, filled_at=CLOSED_AT,
)  # fmt: skip
EQUITY = events.EquityMarked(
    account=ACCOUNT, as_of=CLOSED_AT, equity=Decimal("10000.5"), cash=Decimal("9900.34"),
    peak_equity=Decimal("10000.5"), day_start_equity=Decimal(10_000), drawdown_ratio=Decimal(0),
    realized_pnl=Decimal(0), unrealized_pnl=Decimal("0.5"), fees=Decimal("0.0997089336"),
    positions=(
        events.PositionMark(
            symbol=BTC, quantity=APPROVED.quantity, price=CANDLE.close, notional=Decimal("99.66")
        ),
    ),
)  # fmt: skip
FACTS: tuple[events.Event, ...] = (
    events.CandlesClosed(
        venue="synthetic", interval=Interval.H1, closed_at=CLOSED_AT, shard=0, candles=(CANDLE,),
        references=(CANDLE,),
    ),
    events.SignalsGenerated(
        source="ml", venue="synthetic", interval=Interval.H1, closed_at=CLOSED_AT, shard=0,
        signals=(SIGNAL,),
    ),
    events.SignalsAggregated(
        venue="synthetic", interval=Interval.H1, closed_at=CLOSED_AT, shard=0, signals=(SIGNAL,)
    ),
    events.RecommendationsIssued(
        account=ACCOUNT, decided_at=CLOSED_AT, origin="pipeline:0",
        recommendations=(RECOMMENDATION,),
    ),
    events.RecommendationApproved(approved=APPROVED),
    events.RecommendationDenied(denied=DENIED),
    events.RecommendationExpired(
        account=ACCOUNT, recommendation_id=RECOMMENDATION.recommendation_id, symbol=BTC,
        expired_at=CLOSED_AT,
    ),
    events.OrderSubmitted(order=ORDER),
    events.OrderAccepted(order=ORDER),
    events.OrderRejected(order=ORDER),
    events.OrderFilled(order=ORDER, fill=FILL),
    events.OrderCanceled(order=ORDER),
    events.OrderExpired(order=ORDER),
    events.OrderUnknown(order=ORDER),
    events.VenueSurprised(
        account=ACCOUNT, venue="coinbase", symbol=BTC, kind=SurpriseKind.RETURNED,
        detail=f"order {ORDER.client_order_id} was absent and is open", found_at=CLOSED_AT,
    ),
    events.ExternalOrdersSeen(
        account=ACCOUNT, venue="coinbase", seen_at=CLOSED_AT,
        orders=(
            events.ExternalOrder(
                venue_order_id=VenueOrderId("v-1"), symbol=BTC, side=Side.BUY,
                remaining=Decimal("0.25"), limit_price=Decimal(40_000),
            ),
            events.ExternalOrder(
                venue_order_id=VenueOrderId("v-2"), symbol=BTC, side=Side.SELL,
                remaining=Decimal("0.5"), limit_price=None,
            ),
        ),
    ),
    events.AccountReconciled(account=ACCOUNT, venue="synthetic", as_of=CLOSED_AT, shard=0),
    events.PositionChanged(
        account=ACCOUNT, symbol=BTC, quantity=APPROVED.quantity, average_cost=Decimal("42113.35"),
        realized_pnl=Decimal(0), changed_at=CLOSED_AT, trade_id=FILL.trade_id,
    ),
    EQUITY,
    events.TradingStateChanged(
        account=ACCOUNT, state=TradingState.REDUCE, version=2, actor="risk", reason="drawdown",
        changed_at=CLOSED_AT,
    ),
    events.TradingAlarmed(
        account=ACCOUNT, kind=AlarmKind.CLOCK, subject="coinbase",
        detail="the venue's clock is 1.4 s ahead", raised_at=CLOSED_AT,
    ),
    events.QuotesSeen(
        account=ACCOUNT, venue="coinbase", seen_at=CLOSED_AT,
        quotes=(
            events.SeenQuote(symbol=BTC, bid=Decimal("41999.5"), ask=Decimal("42000.25")),
        ),
    ),
    events.RoundTripClosed(
        account=ACCOUNT, trip_id="coinbase:main:t-1", symbol=BTC, opened_at=CLOSED_AT,
        closed_at=CLOSED_AT, cost=Decimal("421.13"), pnl=Decimal("-8.42"),
        exit_reason=ExitReason.STOP,
    ),
    events.BalanceFound(
        account=ACCOUNT, venue="coinbase", asset="USD", amount=Decimal(10000),
        kind=BalanceKind.OPENING, reference="opening:coinbase:USD", actor="executor",
        found_at=CLOSED_AT,
    ),
    events.BalanceMoved(
        account=ACCOUNT, asset="USD", amount=Decimal(-250), kind=BalanceKind.WITHDRAWAL,
        reference="w-1", actor="treasurer", moved_at=CLOSED_AT,
    ),
    events.RebalanceWanted(
        account=ACCOUNT, rebalance_id="r-1", actor="treasurer", interval=Interval.H1,
        wanted_at=CLOSED_AT,
        steps=(
            events.RebalanceStep(
                symbol=BTC, side=Side.BUY, quantity=Decimal("0.01"), price=Decimal(42_000)
            ),
        ),
    ),
    events.ModelPromoted(
        scope="BTCUSDT", release_id=EDGE.release_id, role="champion", promoted_at=CLOSED_AT
    ),
)  # fmt: skip


def markets(symbols, price="100", at=CLOSED_AT, **changes):
    """What risk knows where each of these was traded at a price, at an instant."""
    known = {
        symbol: Market(symbol=symbol, price=Decimal(price), traded_at=at) for symbol in symbols
    }
    return Markets(by_symbol=known, **changes)


def asked(key: str = "wish-0001", actor: str = "owner", **changes: str) -> Asked:
    """A request to the executor that is to be done once."""
    values = {"service": "executor", "route": "POST /test", "digest": "d" * 64}
    return Asked(key=key, actor=actor, **(values | changes))
