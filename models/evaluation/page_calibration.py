"""Whether promised probabilities are kept, and how far a perfect model would seem off."""

from math import isfinite

from models.evaluation.charts import reliability_chart
from models.evaluation.markup import Html, means, section, table, tag
from models.evaluation.sheet import Reliability
from models.evaluation.wording import count, figure, share, signed


def calibration_section(one: Reliability) -> Html:
    bins = [
        (f"{number}", share(each.promised, 1), share(each.observed, 1), count(each.n_effective))
        for number, each in enumerate(one.bins, 1)
    ]
    return section(
        "calibration",
        "Calibration: are promises kept?",
        means(
            "The size of a trade depends on the promised probability, so a promise of 55 % has to "
            f"win 55 times in 100. {_calibration_said(one)}"
        ),
        tag(
            "div",
            reliability_chart(one.bins),
            table("Rows of like promise", ("Bin", "Promised", "Won", "Labels"), bins),
            class_="pair",
        ),
        means(
            "Each dot is a group of rows with like promises; the bigger, the more independent "
            "labels. On the diagonal promises are kept exactly; above it the model is too shy, "
            "below it too bold. "
            "Where the upright line of a dot touches the diagonal, luck alone can explain the gap."
        ),
        table(
            "Calibration",
            ("Figure", "Value", "What this means"),
            _calibration_rows(one),
            kind="prose",
        ),
    )


def _calibration_said(one: Reliability) -> str:
    if not (isfinite(one.ece) and isfinite(one.ece_null_high)):
        return "There is nothing to judge it by."
    if one.ece <= one.ece_null_high:
        return "Here they are kept as well as luck lets one tell."
    return "Here they are not: the gap is larger than luck explains."


def _calibration_rows(one: Reliability) -> list[tuple[str, str, str]]:
    null = f"{figure(one.ece_null_mean, 4)} on average, {figure(one.ece_null_high, 4)} at most"
    return [
        (
            "Calibration error (ECE)",
            figure(one.ece, 4),
            "Mean gap between promise and outcome. It is never zero, even for a perfect model.",
        ),
        (
            "A perfect model would show",
            null,
            (
                "On as many labels, in 95 of 100 cases at most the second figure. The error has "
                "to be no larger."
            ),
        ),
        (
            "Slope",
            figure(one.slope),
            (
                "1 is ideal. Below 1 the promises are too extreme, above 1 too timid; 0.7 to 1.4 "
                "is accepted."
            ),
        ),
        ("Intercept", signed(one.intercept, 3), "0 is ideal; it shows a lean to one side."),
        (
            "Mean promise",
            f"{share(one.mean_probability, 1)} (won {share(one.base_rate, 1)})",
            "On the whole as many should win as was promised, within 2 points.",
        ),
        ("Method", one.kind, "How margins are turned into probabilities."),
    ]
