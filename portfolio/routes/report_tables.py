"""The tables of a performance report."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from models.evaluation.markup import Html, definitions, joined, means, note, table, tag
from portfolio.core.attribution import Share, source_of
from portfolio.core.periods import PeriodProfit
from portfolio.core.report import OpenPosition
from portfolio.core.trades import RoundTrip
from portfolio.routes.report_words import (
    NONE,
    amount,
    figure,
    instant,
    lasted,
    plainly,
    points,
    share,
    signed,
)
from shared.domain.instrument import split_symbol
from shared.domain.values import MONEY

_NOTHING_CLOSED = "No round trip has closed in this period."


def months(found: Sequence[PeriodProfit], quote: str) -> Html:
    if not found:
        return note("Nothing has been marked yet.")
    most = max(abs(one.gain) for one in found)
    columns = ("month", "gain", "", "return", "realised", "fees", "round trips", "equity")
    has_payments = any(one.paid_in for one in found)
    rows = [
        (
            tag("span", f"{one.start:%Y-%m}", class_="keep"),
            signed(one.gain),
            _bar(one.gain, most),
            share(one.return_ratio),
            amount(one.realized_pnl),
            amount(one.fees),
            f"{one.trades:,}",
            amount(one.equity_end),
            *((amount(one.paid_in),) if has_payments else ()),
        )
        for one in reversed(found)
    ]
    if has_payments:
        columns = (*columns, "paid in")
    return table(f"Months, {quote}; the newest first", columns, rows)


def by_name(shares: Sequence[Share], total: Share, name: str, quote: str) -> Html:
    if not shares:
        return note(_NOTHING_CLOSED)
    most = max(abs(one.pnl) for one in shares)
    columns = (
        name,
        "profit",
        "",
        "round trips",
        "win rate",
        "profit factor",
        "fees",
        "slippage",
    )
    rows = [_share_row(one, most) for one in shares]
    if len(shares) > 1:
        rows.append(_share_row(total, Decimal(0)))
    return table(f"Closed round trips, {quote}", columns, rows)


def _share_row(one: Share, most: Decimal) -> tuple[str, ...]:
    return (
        one.name,
        signed(one.pnl),
        _bar(one.pnl, most),
        f"{one.trades:,}",
        share(one.win_rate),
        figure(one.profit_factor),
        amount(one.fees),
        amount(one.slippage),
    )


def costs(total: Share, quote: str) -> list[Html]:
    if not total.trades:
        return [note(_NOTHING_CLOSED)]
    both = MONEY.add(total.fees, total.slippage)
    before = MONEY.add(total.pnl, both)
    rows = [
        (
            name,
            f"{amount(value)}",
            points(_ratio(value, total.traded)),
            amount(value / total.trades),
        )
        for name, value in (("fees", total.fees), ("slippage", total.slippage), ("both", both))
    ]
    columns = ("", quote, "of what was traded", "per round trip")
    return [
        table(f"Costs of {total.trades:,} closed round trips", columns, rows),
        means(
            f"Before costs they earned {amount(before)} {quote}, after them {amount(total.pnl)}. "
            "Slippage is what fills were worse than the market they were decided on."
        ),
    ]


def round_trips(
    title: str, trips: Sequence[RoundTrip], quote: str, stories: Mapping[str, Sequence[str]]
) -> list[Html]:
    if not trips:
        return [note(f"{title}: there is none.")]
    columns = ("instrument", "profit", "return", "closed", "held", "source", "end")
    rows = [
        (
            trip.symbol,
            signed(trip.pnl),
            share(trip.return_ratio),
            NONE if trip.closed_at is None else instant(trip.closed_at),
            NONE if trip.closed_at is None else lasted(trip.closed_at - trip.opened_at),
            source_of(trip),
            (trip.exit_reason or NONE).replace("_", " "),
        )
        for trip in trips
    ]
    traces = (_trace(trip, stories.get(trip.trip_id, ())) for trip in trips)
    return [table(f"{title} round trips, {quote}", columns, rows), *traces]


def _trace(trip: RoundTrip, story: Sequence[str]) -> Html:
    """Return how a trip came about: its ids and numbers, and its story where that is known."""
    lines = [tag("p", line, class_="note") for line in story]
    ask = trip.decision_id or trip.trip_id
    return tag(
        "details",
        tag("summary", f"{trip.symbol}, {signed(trip.pnl)}: how it came about"),
        definitions(
            ("Opened", f"{instant(trip.opened_at)} UTC"),
            ("Bought", f"{plainly(trip.bought)} for {plainly(trip.cost)}, fees in"),
            ("Sold for", f"{plainly(trip.proceeds)}, fees off"),
            ("Fees", plainly(trip.fees)),
            ("Slippage", plainly(trip.slippage)),
            ("Verdict", trip.decision_id or NONE),
            ("First fill", trip.trip_id),
            ("Look closer", f"trading trace {ask}"),
        ),
        *lines,
    )


def positions(held: Sequence[OpenPosition]) -> Html:
    if not held:
        return note("Nothing is held.")
    columns = ("instrument", "quantity", "average cost", "price", "worth", "gain so far")
    rows = [
        (
            one.symbol,
            plainly(one.quantity),
            plainly(one.average_cost),
            plainly(one.price),
            NONE if one.notional is None else f"{amount(one.notional)} {_quote(one)}",
            NONE if one.unrealized_pnl is None else signed(one.unrealized_pnl),
        )
        for one in held
    ]
    return table("Held now, at the last prices", columns, rows)


def _quote(one: OpenPosition) -> str:
    return split_symbol(one.symbol)[1]


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return MONEY.divide(part, whole) if whole else None


def _bar(value: Decimal, most: Decimal) -> Html:
    """Return a bar to the right for a gain, to the left for a loss, from one line in between."""
    if not most or not value:
        return Html("")
    width = max(0.5, float(50 * abs(value) / most))
    start = 50.0 if value > 0 else 50.0 - width
    return joined(
        tag(
            "svg",
            tag(
                "rect",
                x=f"{start:.2f}",
                y=0,
                width=f"{width:.2f}",
                height=10,
                style=f"fill:var(--{'good' if value > 0 else 'bad'})",
            ),
            tag("line", x1=50, y1=0, x2=50, y2=10, class_="axis"),
            viewBox="0 0 100 10",
            preserveAspectRatio="none",
            class_="bar",
            style="min-width:5rem",
            aria_hidden="true",
        )
    )
