"""What the model would have made, beside what it has to beat, and whether that is luck."""

from collections.abc import Callable, Sequence
from math import isfinite, sqrt

from models.evaluation.drawing import Line, line_chart
from models.evaluation.markup import Html, definitions, joined, means, note, paragraph, section
from models.evaluation.markup import table as drawn_table
from models.evaluation.sheet import Estimate, Evaluation, Money, StrategyResult
from models.evaluation.wording import (
    NOTHING,
    contender,
    count,
    day,
    figure,
    moment,
    share,
    signed_share,
)
from models.manifest import Manifest

_DAYS_PER_YEAR = 365.25
_CLOSE_UP = 0.35  # a model that moves less than this share of the whole range is drawn again, alone
_FIGURES: tuple[tuple[str, Callable[[StrategyResult], str], str], ...] = (
    (
        "Net return",
        lambda one: signed_share(one.net_return),
        "Gain or loss over the whole time, after fees and slippage.",
    ),
    (
        "Sharpe per year",
        lambda one: figure(one.sharpe),
        "Return per unit of ups and downs. Above 1 is good, below 0 loses money.",
    ),
    (
        "Max drawdown",
        lambda one: share(one.max_drawdown),
        "The deepest fall from a peak that one would have had to sit through.",
    ),
    ("Trades", lambda one: count(one.trades), "How often it bought. Few trades prove little."),
    (
        "Hit rate",
        lambda one: share(one.hit_rate, 1) if one.trades else NOTHING,
        "Share of trades that made money after costs.",
    ),
    (
        "Mean net per trade",
        lambda one: signed_share(one.mean_net.value if one.mean_net else None, 3),
        "What a trade paid on average after costs.",
    ),
    (
        "Its interval (80 %)",
        lambda one: _interval(one.mean_net),
        (
            "Where the true mean lies in 80 of 100 cases. Only when both ends are above zero is a "
            "trade likely to earn at all."
        ),
    ),
    (
        "Turnover",
        lambda one: figure(one.turnover, 1),
        "How many times the whole equity was bought; each time costs fees.",
    ),
    (
        "Exposure",
        lambda one: share(one.exposure_ratio, 1),
        "Mean share of the equity that was invested and could fall.",
    ),
)


def money_sections(manifest: Manifest, evaluation: Evaluation) -> tuple[Html, Html]:
    """Return the walk-forward result and that of the holdout."""
    costs = (
        f"Costs are {share(manifest.label.fee_ratio)} fee and "
        f"{share(manifest.label.slippage_ratio)} slippage on each side of a trade."
    )
    seen = f"looked at once, at {moment(evaluation.holdout_at)}"
    return (
        section(
            "money",
            "Money: walk-forward",
            means(
                "Every stretch of this time was traded by a model that had learned only from "
                "earlier candles, as it would have been then. All contenders start with 1 and "
                "trade the same candles at the same costs."
            ),
            *_money(evaluation.walk_forward, costs),
        ),
        section(
            "holdout",
            "Money: holdout",
            means(
                f"The last stretch of candles was kept away from every choice and {seen}. It is "
                "the closest thing to trading for real, and short: expect wide intervals."
            ),
            *_holdout(evaluation.holdout, costs),
        ),
    )


def _holdout(money: Money | None, costs: str) -> tuple[Html, ...]:
    if money is None:
        return (note("There were too few candles to keep a holdout."),)
    return _money(money, costs)


def _money(money: Money, costs: str) -> tuple[Html, ...]:
    if not money.results:
        return (note("Nothing was simulated."),)
    return (
        paragraph(f"{day(money.first_at)} to {day(money.last_at)}. {costs}"),
        _curves(money.results),
        means(_race(money.results)),
        _results(money.results),
        definitions(*((name, said) for name, _, said in _FIGURES)),
        _luck(money),
    )


def _curves(results: Sequence[StrategyResult]) -> Html:
    lines = [Line(name=contender(one.name), points=one.curve) for one in results]
    chart = line_chart(lines, "Equity after costs, starting with 1")
    if not _is_small(lines):
        return chart
    return joined(chart, line_chart(lines[:1], f"{lines[0].name} alone, on its own scale"))


def _is_small(lines: Sequence[Line]) -> bool:
    first = [value for _, value in lines[0].drawable]
    every = [value for line in lines for _, value in line.drawable]
    if not first or max(first) == min(first):
        return False
    return max(first) - min(first) < _CLOSE_UP * (max(every) - min(every))


def _race(results: Sequence[StrategyResult]) -> str:
    model, *rivals = results
    name = contender(model.name)
    if model.trades == 0:
        return (
            f"{name} made no trade: nothing it saw promised more than its costs. It earned nothing "
            "and lost nothing, and there is no proof either way."
        )
    said = (
        f"{name} turned 1 into {figure(1 + model.net_return, 3)} with {count(model.trades)} trades."
    )
    if rivals:
        others = "; ".join(
            f"{contender(one.name)}: {figure(1 + one.net_return, 3)}" for one in rivals
        )
        said += f" What 1 became elsewhere: {others}."
    return f"{said} Compare the falls as well as the ends: a higher end may cost sleepless months."


def _interval(mean: Estimate | None) -> str:
    if mean is None or not (isfinite(mean.low) and isfinite(mean.high)):
        return NOTHING
    return f"{signed_share(mean.low, 3)} to {signed_share(mean.high, 3)}"


def _results(results: Sequence[StrategyResult]) -> Html:
    columns = ("Figure", *(contender(one.name) for one in results))
    rows = [(name, *(shown(one) for one in results)) for name, shown, _ in _FIGURES]
    return drawn_table("Results after costs", columns, rows)


def _from_luck(per_day: float | None) -> str:
    """Return a Sharpe ratio of daily returns per year, as all others on the page are."""
    return f"{figure(None if per_day is None else per_day * sqrt(_DAYS_PER_YEAR))} per year"


def _luck(money: Money) -> Html:
    rows = (
        (
            "Deflated Sharpe ratio",
            share(money.deflated_sharpe, 1),
            (
                "The probability that the Sharpe ratio is more than the luck of having tried so "
                "often. 95 % is what one should ask for."
            ),
        ),
        (
            "Configurations tried",
            count(money.trials),
            (
                "Who tries often enough finds something that looked good by chance; so each try "
                "raises what has to be shown."
            ),
        ),
        (
            "Sharpe ratio expected from luck",
            _from_luck(money.expected_max_sharpe),
            "What the best of that many worthless tries would show on average.",
        ),
        (
            "Probability of overfitting",
            share(money.overfitting_probability, 1),
            (
                "How often the configuration that was best in one half of the time was below the "
                "middle in the other. 50 % is a coin toss, 20 % or less is wanted; a dash means "
                "that there was nothing to choose between."
            ),
        ),
        (
            "Kelly fraction: two outcomes, all trades",
            f"{figure(money.kelly_two_point)}, {figure(money.kelly_empirical)}",
            (
                "The share of equity that would have grown it fastest, from mean win and mean loss "
                "alone and from every single trade. Sizes are scaled by the first; if the second "
                "is much lower, outcomes are more uneven than two numbers tell."
            ),
        ),
    )
    return drawn_table("Is it luck?", ("Figure", "Value", "What this means"), rows, kind="prose")
