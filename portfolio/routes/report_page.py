"""A performance report as one HTML file that loads nothing and runs nothing."""

from collections.abc import Mapping, Sequence

from models.evaluation.drawing import Line, line_chart, thinned
from models.evaluation.markup import (
    Html,
    badge,
    definitions,
    document,
    joined,
    means,
    note,
    paragraph,
    section,
    tag,
)
from portfolio.core.performance import Instants, Performance, Series
from portfolio.core.report import AccountReport, Drawing
from portfolio.routes.report_tables import (
    by_name,
    costs,
    months,
    positions,
    round_trips,
)
from portfolio.routes.report_words import amount, days, figure, instant, share, signed

Stories = Mapping[str, Sequence[str]]
_SECTIONS = (
    ("curve", "Equity"),
    ("figures", "Figures"),
    ("months", "Months"),
    ("instruments", "Instruments"),
    ("sources", "Sources"),
    ("costs", "Costs"),
    ("trades", "Best and worst"),
    ("positions", "Open"),
)


def report_page(report: AccountReport, stories: Stories) -> str:
    """Return the page; `stories` are the lines of a trip's trace by its id, where known."""
    trades, quote = report.trades, report.quote
    return document(
        f"Performance of {report.account}",
        tag("h1", f"Performance of {report.account}"),
        note(_period(report)),
        _verdict(report),
        tag("nav", *(_link(anchor, title) for anchor, title in _SECTIONS), aria_label="Sections"),
        section("curve", "Equity and drawdown", *_curves(report.drawing, quote)),
        section("figures", "Figures", *_figures(report.figures, quote)),
        section("months", "Month by month", months(report.months, quote)),
        section(
            "instruments",
            "By instrument",
            by_name(trades.by_symbol, trades.total, "instrument", quote),
        ),
        section(
            "sources",
            "By source",
            means("The source is who believed in the entry: a model, a rule, or a person."),
            by_name(trades.by_source, trades.total, "source", quote),
        ),
        section("costs", "Costs", *costs(trades.total, quote)),
        section(
            "trades",
            "Best and worst round trips",
            *round_trips("Best", trades.best, quote, stories),
            *round_trips("Worst", trades.worst, quote, stories),
        ),
        section("positions", "Open positions", positions(report.positions)),
    )


def _link(anchor: str, title: str) -> Html:
    return joined(tag("a", title, href=f"#{anchor}"), " ")


def _period(report: AccountReport) -> str:
    if report.start is None or report.end is None:
        return f"Nothing has been marked yet; amounts in {report.quote}."
    cut = " (its last part: the account has more marks than a report reads)"
    return (
        f"{instant(report.start)} to {instant(report.end)} UTC"
        f"{cut if report.drawing.is_cut else ''}, {report.figures.candles:,} candles of "
        f"{report.interval}, amounts in {report.quote}."
    )


def _verdict(report: AccountReport) -> Html:
    ratio, trades = report.figures.return_ratio, report.trades.total.trades
    mood = "good" if report.gain > 0 else "bad" if report.gain < 0 else "open"
    deepest = share(report.figures.max_drawdown_ratio)
    return tag(
        "div",
        tag("strong", f"{signed(report.gain)} {report.quote}"),
        " ",
        badge(share(ratio, plus=True), mood),
        paragraph(
            f"The account is worth {amount(report.equity)} {report.quote}. "
            f"{trades:,} round trips closed; the deepest fall from a peak was {deepest}."
        ),
        class_=f"verdict {mood}",
    )


def _curves(drawing: Drawing, quote: str) -> list[Html]:
    worth = [Line(name="equity", points=_points(drawing.curve.seconds, drawing.worth))]
    if drawing.has_payments:
        paid = _points(drawing.curve.seconds, drawing.contributed)
        worth.append(Line(name="paid in", points=paid))
    fallen = _points(drawing.curve.seconds, -100.0 * drawing.drawdown)
    return [
        line_chart(worth, f"Equity, {quote}"),
        line_chart([Line(name="drawdown", points=fallen)], "Below the highest equity so far, %"),
        means("Equity counts open positions at their last price, so a peak need not be realised."),
    ]


def _points(seconds: Instants, values: Series) -> tuple[tuple[float, float], ...]:
    return tuple((float(seconds[at]), float(values[at])) for at in thinned(values))


def _figures(one: Performance, quote: str) -> list[Html]:
    return [
        tag("div", _risk(one), _trading(one, quote), class_="pair"),
        means(
            "Sharpe and Sortino compare the mean return with its swings, and with its falls alone; "
            "above 1 is good, and what lasted weeks proves little. On 5 % of the days more was "
            "lost than the value at risk."
        ),
    ]


def _risk(one: Performance) -> Html:
    return definitions(
        ("Return", share(one.return_ratio)),
        ("Growth of a year", share(one.cagr)),
        ("Volatility of a year", share(one.volatility)),
        ("Sharpe", figure(one.sharpe)),
        ("Sortino", figure(one.sortino)),
        ("Calmar", figure(one.calmar)),
        ("Deepest drawdown", share(one.max_drawdown_ratio)),
        ("Longest drawdown", days(one.longest_drawdown_seconds)),
        ("Value at risk, 95 % of days", share(one.value_at_risk_ratio)),
        ("Mean of the days beyond", share(one.expected_shortfall_ratio)),
        ("Best day", share(one.best_day_ratio)),
        ("Worst day", share(one.worst_day_ratio)),
    )


def _trading(one: Performance, quote: str) -> Html:
    return definitions(
        ("Round trips", f"{one.trades:,}"),
        ("Win rate", share(one.win_rate)),
        ("Profit factor", figure(one.profit_factor)),
        ("Expectancy", f"{amount(one.expectancy)} {quote}"),
        ("Average win", f"{amount(one.average_win)} {quote}"),
        ("Average loss", f"{amount(one.average_loss)} {quote}"),
        ("Turnover", f"{figure(one.turnover)} times the equity"),
        ("Mean exposure", share(one.exposure_ratio)),
        ("Fees", f"{amount(one.fees)} {quote}"),
    )
