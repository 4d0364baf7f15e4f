"""Every scope has its cap: what it counts, what it leaves, and what a denial says of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from risk.core.book import Book
from risk.core.company import cluster_of, clusters_among, company_of, joined
from risk.core.exposure import all_keys, count, is_past, keys_entered
from risk.core.external import value_external
from risk.core.holding import Holding, filled
from risk.core.limits import Costs, RiskLimits
from risk.core.market import Correlations
from risk.core.reservation import Reservation, reservation, unit_terms
from risk.core.review import Terms, review, review_group
from risk.core.usage import Scope
from shared.domain.bracket import BracketPlan
from shared.domain.enums import Interval, Purpose, Side
from shared.domain.events import ExternalOrder
from shared.domain.instrument import Instrument, split_symbol
from shared.domain.kelly import correlation_haircut
from shared.domain.recommendation import Recommendation, recommendation_id
from shared.domain.signal import Confidence, Edge
from shared.domain.verdict import Approved, Denied, decision_id
from tests.builders import FILL, markets

D = Decimal
NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
SYMBOLS = ("BTC-USD", "BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT", "ADA-USDT")
BTC, ETH, SOL, XRP = "BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT"
VENUES = {symbol: "kucoin" if symbol == "ADA-USDT" else "coinbase" for symbol in SYMBOLS}
INSTRUMENTS = {
    symbol: Instrument(
        symbol=symbol, venue=VENUES[symbol], base=split_symbol(symbol)[0],
        quote=split_symbol(symbol)[1], tick_size=D("0.01"), lot_size=D("0.0001"), min_notional=D(5),
    )
    for symbol in SYMBOLS
}  # fmt: skip
COSTS = Costs(fee_ratio=0.001, slippage_ratio=0.0005)
LIMITS = RiskLimits(version=1)
BOOK = Book(
    as_of=NOW, equity=D(10_000), cash=D(10_000), peak_equity=D(10_000), day_start_equity=D(10_000),
    venues=VENUES, markets=markets(SYMBOLS, at=NOW),
)  # fmt: skip
PLAN = BracketPlan(stop_ratio=0.03, target_ratio=0.03, horizon_candles=24)
EDGE = Edge(
    probability=0.62, probability_raw=0.65, neighbours=400.0, gross_win=0.03, gross_loss=0.02,
    barrier_ratio=0.03, reference_kelly=60.0, factors=Confidence(), confidence=1.0, release_id="r1",
)  # fmt: skip


def entry(symbol=BTC, source="combined", **changes):
    one = Recommendation(
        recommendation_id=recommendation_id("mock-main", symbol, NOW, Side.BUY, source),
        account="mock-main", symbol=symbol, interval=Interval.H1, side=Side.BUY, purpose=Purpose.ENTRY,
        decided_at=NOW, expires_at=NOW + timedelta(hours=1), price=D(100), source=source,
        bracket=PLAN,
    )  # fmt: skip
    return replace(one, **changes)


def held(quantity, symbol=ETH, source=""):
    return Holding(symbol=symbol, quantity=D(quantity), price=D(100), source=source)


def holding(*positions, book=BOOK, **changes):
    return replace(book, positions={one.symbol: one for one in positions}, **changes)


def promised(symbol, quantity, source="", unit_loss="0"):
    one = Reservation(
        decision_id=decision_id(f"{symbol}{source}"), symbol=symbol, purpose=Purpose.ENTRY,
        quantity=D(quantity), filled_quantity=D(0), unit_cost=D(100), unit_loss=D(unit_loss),
        source=source,
    )  # fmt: skip
    return {one.decision_id: one}


def knowing(book, **pairs):
    """Return the book that knows these correlations; `BTC_ETH=0.95`."""
    symbols = sorted({f"{base}-USDT" for pair in pairs for base in pair.split("_")})
    table = np.ones((len(symbols), len(symbols)))
    for pair, value in pairs.items():
        one, other = (symbols.index(f"{base}-USDT") for base in pair.split("_"))
        table[one, other] = table[other, one] = value
    told = replace(book.markets, correlations=Correlations(symbols, table))
    return replace(book, markets=told)


def judged(one, book=BOOK, **limits):
    terms = Terms(limits=replace(LIMITS, **limits), costs=COSTS, instruments=INSTRUMENTS)
    return review(one, book, terms, NOW)


def breaches(verdict):
    assert isinstance(verdict, Denied), verdict
    return {one.check: one for one in verdict.breaches}


def worst(verdict):
    assert isinstance(verdict, Approved), verdict
    return reservation(verdict, COSTS).amount


def counters(book, **limits):
    limits = replace(LIMITS, **limits)
    found = count(all_keys(book, limits), book, limits)
    return {(one.scope, one.key): one for one in found}


def test_one_asset_is_one_bet_whatever_it_is_quoted_in():
    book = holding(held("3", "BTC-USD"))
    assert D(199) < worst(judged(entry(BTC), book)) <= 200
    assert worst(judged(entry(ETH), book)) > 499
    full = breaches(judged(entry(BTC), holding(held("4.97", "BTC-USD"))))["position_ratio"]
    assert (full.limit, full.headroom) == ("500", "3")
    assert "BTC" in full.remedy
    assert counters(book)[Scope.ASSET, "BTC"].position == 300
    assert (Scope.SYMBOL, BTC) not in counters(book)


def test_an_instrument_may_have_less_than_its_asset():
    verdict = judged(entry(), max_symbol_ratio=0.02)
    assert D(199) < worst(verdict) <= 200
    assert verdict.sizing.capped_ratio == 0.02
    tiny = replace(BOOK, equity=D(200), peak_equity=D(200), day_start_equity=D(200))
    assert breaches(judged(entry(), tiny, max_symbol_ratio=0.001))["symbol_ratio"].limit == "0.2"


def test_a_source_is_held_to_its_share_and_others_are_not():
    book = holding(held("9", source="rule"), reservations=promised(SOL, "8", "rule"))
    verdict = judged(entry(source="rule"), book, max_source_ratio=0.20)
    assert D(299) < worst(verdict) <= 300
    full = breaches(judged(entry(source="rule"), book, max_source_ratio=0.17))["source_ratio"]
    assert (full.limit, full.headroom) == ("1700", "0")
    assert "rule" in full.remedy
    assert worst(judged(entry(source="ml"), book, max_source_ratio=0.17)) > 499
    assert counters(book)[Scope.SOURCE, "rule"].used == 1_700


def test_what_nobody_knows_the_source_of_counts_for_none():
    book = holding(held("9"))
    assert not any(scope is Scope.SOURCE for scope, _ in counters(book))


def test_those_that_move_as_one_share_a_cap():
    book = holding(held("10", ETH), held("9", SOL))
    alike = knowing(book, BTC_ETH=0.95, ETH_SOL=0.92, BTC_SOL=0.1)
    assert D(99) < worst(judged(entry(), alike, max_cluster_ratio=0.20)) <= 100
    full = breaches(judged(entry(), alike, max_cluster_ratio=0.19))["cluster_ratio"]
    assert (full.limit, full.headroom) == ("1900", "0")
    assert "ETH-USDT, SOL-USDT" in full.remedy
    assert worst(judged(entry(), alike, max_cluster_ratio=0.19, cluster_correlation=0.96)) > 499
    assert worst(judged(entry(), book, max_cluster_ratio=0.05)) > 499, "not known is not linked"
    found = counters(alike)[Scope.CLUSTER, ETH]
    assert (found.position, found.cap) == (1_900, 4_000)


def test_a_cluster_counts_what_is_promised_and_what_others_ordered():
    order = ExternalOrder(
        venue_order_id="v1", symbol=SOL, side=Side.BUY, remaining=D(4), limit_price=D(100)
    )
    book = holding(
        held("2", ETH), reservations=promised(XRP, "3"),
        external=value_external([order], {}, "USDT"),
    )  # fmt: skip
    alike = knowing(book, ETH_SOL=0.95, ETH_XRP=0.95, SOL_XRP=0.95)
    assert counters(alike)[Scope.CLUSTER, ETH].used == 900


def test_clusters_grow_together_as_entries_join_them():
    book = holding(held("1", ETH), held("1", SOL))
    linked = knowing(book, BTC_ETH=0.95, BTC_SOL=0.95, ETH_SOL=0.2)
    before = {key for key in counters(linked) if key[0] is Scope.CLUSTER}
    assert before == set()
    verdict = judged(entry(BTC), linked)
    after = linked.after([verdict], COSTS)
    assert keys_entered([BTC], after, LIMITS, before) >= {(Scope.CLUSTER, BTC)}
    joined_ = counters(after)[Scope.CLUSTER, BTC]
    assert joined_.used == 200 + worst(verdict)


def test_the_counter_of_a_cluster_that_is_part_of_another_now_is_taken_back():
    book = knowing(
        holding(held("1", BTC), held("1", ETH), held("1", SOL)), BTC_ETH=0.95, ETH_SOL=0.95
    )
    stale = (Scope.CLUSTER, ETH)
    assert stale in keys_entered([SOL], book, LIMITS, [stale])
    (zero,) = count([stale], book, LIMITS)
    assert zero.used == 0


def test_a_venue_has_its_own_cap():
    book = holding(held("10", ETH), held("10", "ADA-USDT"))
    assert D(99) < worst(judged(entry(), book, max_venue_ratio=0.11)) <= 100
    full = breaches(judged(entry(), book, max_venue_ratio=0.10))["venue_ratio"]
    assert full.headroom == "0"
    assert "coinbase" in full.remedy
    assert counters(book)[Scope.VENUE, "kucoin"].used == 1_000


def test_what_is_held_nobody_knows_where_counts_at_every_venue():
    book = holding(held("10", "DOGE-USDT"))
    found = counters(book)
    assert found[Scope.VENUE, "kucoin"].used == found[Scope.VENUE, "coinbase"].used == 1_000


def test_a_day_may_lose_so_much_with_what_the_promised_stops_would_lose():
    book = replace(BOOK, equity=D(9_500), reservations=promised(ETH, "10", unit_loss="4"))
    found = counters(book)[Scope.DAY_LOSS, ""]
    assert (found.cap, found.position, found.reserved) == (1_000, 500, 40)
    verdict = judged(entry(), book, max_day_loss_ratio=0.055)
    assert isinstance(verdict, Approved)
    assert D("9.9") < reservation(verdict, COSTS).loss <= D(10)
    full = breaches(judged(entry(), book, max_day_loss_ratio=0.054))["day_loss"]
    assert (full.limit, full.headroom) == ("540", "0")
    gained = replace(BOOK, equity=D(12_000), peak_equity=D(12_000))
    assert counters(gained)[Scope.DAY_LOSS, ""].position == 0


def test_the_loss_at_the_stop_has_costs_in_it_and_without_a_stop_is_costs_alone():
    cost, loss = unit_terms(D(100), PLAN, COSTS)
    assert cost == D("100.1")
    assert loss == D("100.1") - D(97) * D("0.9995") * D("0.999")
    _, without = unit_terms(D(100), None, COSTS)
    assert without == D("100.1") - D(100) * D("0.9995") * D("0.999")
    _, nonsense = unit_terms(D(100), replace(PLAN, stop_ratio=-0.5), COSTS)
    assert nonsense == 0


def test_a_minute_has_so_many_entries():
    book = replace(BOOK, orders_this_minute=3)
    assert isinstance(judged(entry(), book, max_orders_per_minute=4), Approved)
    full = breaches(judged(entry(), book, max_orders_per_minute=3))["orders_per_minute"]
    assert (full.limit, full.value, full.headroom) == ("3", "3", "0")
    terms = Terms(
        limits=replace(LIMITS, max_orders_per_minute=2), costs=COSTS, instruments=INSTRUMENTS
    )
    verdicts = review_group([entry(BTC), entry(ETH), entry(SOL)], BOOK, terms, NOW)
    assert [isinstance(one, Approved) for one in verdicts] == [True, True, False]


def test_an_exit_is_held_up_by_no_cap():
    book = replace(
        holding(held("9", BTC, "rule")), equity=D(100), orders_this_minute=9, day_start_equity=D(0)
    )
    leaving = entry(
        side=Side.SELL, purpose=Purpose.EXIT, bracket=None, quantity=D(9), source="rule"
    )
    limits = {
        f"max_{name}_ratio": 0.001
        for name in ("position", "symbol", "exposure", "source", "cluster", "venue", "day_loss")
    }
    assert isinstance(judged(leaving, book, max_orders_per_minute=0, **limits), Approved)


def test_the_book_after_approvals_is_the_book_with_their_reservations():
    terms = Terms(limits=LIMITS, costs=COSTS, instruments=INSTRUMENTS)
    book = knowing(holding(held("3", ETH, "ml")), BTC_ETH=0.95)
    approved = review_group([entry(BTC), entry(SOL, "rule")], book, terms, NOW)
    after = book.after(approved, COSTS)
    again = replace(
        book, trades_today=2, orders_this_minute=2,
        reservations={one.decision_id: reservation(one, COSTS) for one in approved},
    )  # fmt: skip
    assert after == again
    assert after.usage == again.usage
    assert after.promised_loss == again.promised_loss
    assert counters(after) == counters(again)


def test_the_last_that_bought_is_the_source_of_what_is_held():
    first = filled(None, FILL, "ml")
    assert first.source == "ml"
    assert filled(first, FILL, "rule").source == "rule"
    assert filled(first, FILL).source == "ml"
    sold = filled(
        first, replace(FILL, side=Side.SELL, purpose=Purpose.EXIT, quantity=first.quantity), "rule"
    )
    assert (sold.quantity, sold.source) == (0, "ml")
    assert filled(sold, FILL).source == ""


@pytest.mark.parametrize(
    ("pairs", "active", "mean"),
    [
        ({}, (BTC, ETH), 0.3),
        ({"BTC_ETH": 0.8}, (BTC, ETH), 0.8),
        ({"BTC_ETH": -0.5}, (BTC, ETH), 0.3),
        ({"BTC_ETH": 0.8}, (BTC, ETH, SOL), (0.8 + 0.3 + 0.3) / 3),
        ({"BTC_ETH": 0.8, "BTC_SOL": 0.6, "ETH_SOL": 0.4}, (BTC, ETH, SOL), 0.6),
        ({"BTC_ETH": 0.8}, (BTC,), 0.0),
    ],
)
def test_the_mean_correlation_is_over_the_pairs_of_what_is_held_together(pairs, active, mean):
    known = knowing(BOOK, **pairs).markets.correlations if pairs else BOOK.markets.correlations
    found = company_of(active, known, 0.3)
    assert found.count == len(active)
    assert found.mean_correlation == pytest.approx(mean)
    one_more = joined(company_of(active[:-1], known, 0.3), active[-1], known, 0.3)
    assert one_more.mean_correlation == pytest.approx(mean)
    assert joined(found, active[0], known, 0.3) is found


def test_the_haircut_of_a_verdict_comes_of_the_mean_correlation_and_says_so():
    book = knowing(holding(held("3", ETH), held("3", SOL)), BTC_ETH=0.8, BTC_SOL=0.7, ETH_SOL=0.6)
    sizing = judged(entry(edge=EDGE), book).sizing
    assert (sizing.active_count, sizing.mean_correlation) == (3, pytest.approx(0.7))
    assert sizing.correlation_haircut == pytest.approx(correlation_haircut(3, 0.7))
    assert sizing.capped_ratio == pytest.approx(sizing.raw_ratio / 2.4)
    unknown = judged(entry(edge=EDGE), holding(held("3", ETH), held("3", SOL))).sizing
    assert unknown.mean_correlation == pytest.approx(LIMITS.correlation_floor)
    assert unknown.capped_ratio > sizing.capped_ratio


def test_links_chain_but_only_through_what_is_there():
    known = knowing(BOOK, BTC_ETH=0.95, ETH_SOL=0.95, BTC_SOL=0.1).markets.correlations
    assert cluster_of(BTC, {ETH, SOL}, known, 0.9) == {BTC, ETH, SOL}
    assert cluster_of(BTC, {SOL}, known, 0.9) == {BTC}
    assert clusters_among({BTC, ETH, SOL, XRP}, known, 0.9) == [{BTC, ETH, SOL}]


@pytest.mark.parametrize(
    ("scope", "key", "is_over"),
    [
        (Scope.ORDERS_PER_MINUTE, "2024-01-01T11:59", True),
        (Scope.ORDERS_PER_MINUTE, "2024-01-01T12:00", False),
        (Scope.TRADES_PER_DAY, "2024-01-01", False),
        (Scope.TRADES_PER_DAY, "2023-12-31", False),
        (Scope.TRADES_PER_DAY, "2023-12-30", True),
        (Scope.SYMBOL, "2023-12-30", False),
    ],
)
def test_counts_of_minutes_and_days_that_are_over_are_known_as_such(scope, key, is_over):
    assert is_past((scope, key), NOW) is is_over
