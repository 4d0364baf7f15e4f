"""The report of a release: one page that loads and runs nothing, for an owner without statistics.

The same evaluation gives the same bytes.
"""

from models.evaluation.markup import (
    Html,
    badge,
    document,
    means,
    note,
    paragraph,
    section,
    table,
    tag,
)
from models.evaluation.page_calibration import calibration_section
from models.evaluation.page_folds import folds_section
from models.evaluation.page_made import made_section
from models.evaluation.page_money import money_sections
from models.evaluation.page_origin import champion_section, leak_section, origin_sections
from models.evaluation.page_skill import skill_section
from models.evaluation.sheet import Condition, Evaluation, GateVerdict
from models.evaluation.wording import duration, listed, moment
from models.manifest import Manifest

_PARTS = {
    "integrity": "Integrity",
    "skill": "Skill",
    "calibration": "Calibration",
    "money": "Money",
    "champion": "Champion",
    "shadow": "Shadow",
}
_PLACES = (
    ("gate", "Conditions"),
    ("money", "Money"),
    ("holdout", "Holdout"),
    ("skill", "Skill"),
    ("calibration", "Calibration"),
    ("folds", "Walk-forward"),
    ("champion", "Champion"),
    ("kinds", "Choice"),
    ("features", "Features"),
    ("leaks", "Leak checks"),
    ("made", "How it was made"),
)


def report_page(manifest: Manifest, evaluation: Evaluation, verdict: GateVerdict) -> str:
    """Return the page of one release."""
    return document(
        manifest.release_id,
        *_head(manifest),
        _verdict(verdict),
        _places(),
        _gate(verdict),
        *money_sections(manifest, evaluation),
        skill_section(evaluation),
        calibration_section(evaluation.reliability),
        folds_section(evaluation.folds),
        champion_section(evaluation.champion),
        *origin_sections(evaluation),
        leak_section(evaluation.leaks),
        made_section(manifest, evaluation),
    )


def _head(manifest: Manifest) -> tuple[Html, ...]:
    return (
        tag("h1", manifest.release_id),
        note(
            f"{manifest.venue}, {duration(manifest.interval_seconds)} candles, "
            f"{listed(manifest.symbols)}. Trained until {moment(manifest.trained_until)}."
        ),
    )


def _verdict(verdict: GateVerdict) -> Html:
    mood, sign, word = "bad", "\N{MULTIPLICATION X}", "Not passed"
    if verdict.is_passed:
        mood, sign, word = "good", "\N{CHECK MARK}", "Passed"
    return tag(
        "div",
        tag("strong", tag("span", f"{sign} ", aria_hidden="true"), word),
        tag("p", verdict.sentence),
        class_=f"verdict {mood}",
    )


def _places() -> Html:
    links = [tag("a", name, href=f"#{anchor}") for anchor, name in _PLACES]
    return tag("nav", Html(" ".join(links)), aria_label="Parts of this page")


def _gate(verdict: GateVerdict) -> Html:
    rows = [_condition(one) for one in verdict.conditions]
    met = sum(one.is_met is True for one in verdict.conditions)
    missed = sum(one.is_met is False for one in verdict.conditions)
    later = len(rows) - met - missed
    if not rows:
        return section("gate", "Conditions", note("No condition was judged."))
    against = f" It was compared with {verdict.champion_id}." if verdict.champion_id else ""
    return section(
        "gate",
        "Conditions",
        paragraph(f"{met} met, {missed} not met, {later} judged later.{against}"),
        means(
            "A model may trade only when every condition is met. Refusing a model is a normal and "
            "useful answer: most ideas about markets do not survive an honest test. What is judged "
            "later is asked again before the model may trade."
        ),
        table(
            "What the gate asks",
            ("Condition", "Status", "Value", "Needed", "Part", "What to try"),
            rows,
            kind="prose",
        ),
    )


def _condition(one: Condition) -> tuple[str, ...]:
    status = badge("later", "open")
    if one.is_met is not None:
        status = badge("met", "good") if one.is_met else badge("not met", "bad")
    remedy = "" if one.is_met else one.remedy
    return (one.name, status, one.value, one.limit, _PARTS[one.group], remedy)
