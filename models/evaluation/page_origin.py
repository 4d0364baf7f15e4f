"""Which trees were chosen, what they look at, whom they replace, and whether anything leaks."""

from collections.abc import Sequence
from math import fsum, isfinite

from models.evaluation.charts import bar
from models.evaluation.finding import Finding, Verdict
from models.evaluation.markup import Html, badge, means, note, section, table
from models.evaluation.sheet import Against, Evaluation, KindScore, Rank
from models.evaluation.wording import chance, estimate, feature_group, figure, share, signed
from models.manifest import Kind

_SHOWN = 20
_KINDS: dict[Kind, str] = {
    "global": "global (learned from all instruments together)",
    "blend": "blend (mean of global and own)",
    "own": "own (learned from this instrument alone)",
}
_LEAKS = {
    Verdict.PASSED: ("passed", "good"),
    Verdict.FAILED: ("failed", "bad"),
    Verdict.REPORTED: ("reported", "open"),
}


def champion_section(champion: Against | None) -> Html:
    """Return the comparison with the model in use."""
    title = "Against the champion"
    if champion is None:
        return section("champion", title, note("There is no champion to compare with."))
    rows = (
        ("Champion", champion.release_id, "The model in use now."),
        (
            "Log loss lower than the champion's by",
            estimate(champion.gain, lambda value: signed(value, 4)),
            (
                "On the same rows. Above zero is better; in 90 of 100 cases the true difference "
                "lies within the brackets."
            ),
        ),
        (
            "How often luck does as well",
            chance(champion.p_value),
            (
                "If the two were equally good, the challenger would look this much better in that "
                "share of cases (p-value). Below 0.10 is wanted."
            ),
        ),
        (
            "The champion's max drawdown",
            share(champion.max_drawdown),
            "The challenger may fall no more than a quarter deeper.",
        ),
        (
            "Is it expired?",
            "yes" if champion.is_expired else "no",
            "An expired champion need not be beaten, only replaced.",
        ),
    )
    columns = ("Figure", "Value", "What this means")
    return section("champion", title, table("On the same rows", columns, rows, kind="prose"))


def origin_sections(evaluation: Evaluation) -> tuple[Html, Html]:
    return _kinds(evaluation), _features(evaluation.ranking)


def _kinds(evaluation: Evaluation) -> Html:
    title = "Which trees were chosen, and why"
    chosen = f"Chosen: {_KINDS[evaluation.kind]}."
    if not evaluation.kinds:
        return section("kinds", title, note(f"{chosen} There was nothing to choose between."))
    return section(
        "kinds",
        title,
        means(
            f"{chosen} The simplest wins a tie: global before blend before own. Something less "
            "simple is taken only when its log loss is lower by more than one standard error, so "
            "that the choice itself does not rest on luck. Lead: how much lower the log loss is "
            "than that of the simplest rival."
        ),
        table(
            "Compared on the same rows",
            ("Kind", "Log loss", "AUC", "Lead", "Standard error", "Chosen"),
            [_kind(one, evaluation.kind) for one in evaluation.kinds],
        ),
    )


def _kind(one: KindScore, chosen: Kind) -> tuple[str, ...]:
    return (
        one.kind,
        figure(one.log_loss, 4),
        figure(one.auc, 3),
        signed(one.lead, 4),
        figure(one.lead_error, 4),
        badge("chosen", "good") if one.kind == chosen else "",
    )


def _features(ranking: Sequence[Rank]) -> Html:
    title = "What the model looks at"
    if not ranking:
        return section("features", title, note("No contributions were measured."))
    ranked = sorted(ranking, key=lambda one: (-_known(one.contribution), one.name))
    total = fsum(_known(one.contribution) for one in ranked)
    most = _known(ranked[0].contribution)
    return section(
        "features",
        title,
        means(
            "How far each feature pushes the model up or down on average (log-odds, on rows it had "
            "not seen). It shows what the model leans on, not what moves prices."
        ),
        table(
            f"The first {min(_SHOWN, len(ranked))} of {len(ranked)} features",
            ("Feature", "", "Contribution", "Share", "Group"),
            [_feature(one, most, total) for one in ranked[:_SHOWN]],
            kind="figures bars",
        ),
        _groups(ranked, total),
    )


def _feature(one: Rank, most: float, total: float) -> tuple[str, ...]:
    return (
        one.name,
        bar(one.contribution, most),
        figure(one.contribution, 4),
        share(_part(one.contribution, total), 1),
        feature_group(one.group),
    )


def _groups(ranking: Sequence[Rank], total: float) -> Html:
    names = sorted({one.group for one in ranking})
    sums = {
        name: fsum(_known(one.contribution) for one in ranking if one.group == name)
        for name in names
    }
    ordered = sorted(names, key=lambda name: -sums[name])
    rows = [
        (
            feature_group(name),
            bar(sums[name], sums[ordered[0]]),
            figure(sums[name], 4),
            share(_part(sums[name], total), 1),
        )
        for name in ordered
    ]
    columns = ("Group", "", "Contribution", "Share")
    return table("Groups of features, summed", columns, rows, kind="figures bars")


def leak_section(leaks: Sequence[Finding]) -> Html:
    title = "Leak checks"
    if not leaks:
        return section("leaks", title, note("No leak check was run."))
    found = [one.check for one in leaks if one.is_leak]
    said = f"Failed: {', '.join(found)}." if found else "None of them failed."
    return section(
        "leaks",
        title,
        means(
            "A model that has seen the future by mistake looks brilliant in a test and loses money "
            f"afterwards. These checks look for such mistakes. {said} What is reported only shows "
            "a size and is no verdict."
        ),
        table(
            "Checks",
            ("Check", "Verdict", "What was found"),
            [
                (f"{one.check} {one.title}", badge(*_LEAKS[one.verdict]), one.detail)
                for one in leaks
            ],
            kind="prose",
        ),
    )


def _known(value: float) -> float:
    return value if isfinite(value) else 0.0


def _part(value: float, total: float) -> float | None:
    return value / total if total > 0 else None
