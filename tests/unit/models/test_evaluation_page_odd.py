import re
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from math import inf, nan

import pytest

from models.evaluation.card import model_card
from models.evaluation.sheet import Condition, Evaluation, KindScore
from models.manifest import LabelRule, Manifest
from tests.unit.models.evaluation_parts import money, reliability, result, results, skill
from tests.unit.models.evaluation_reading import page, parsed, spoken
from tests.unit.models.evaluation_samples import evaluation, manifest, verdict

HOSTILE = "<script>alert('x')</script>\"&`|[a](b)\x00\ud800"
CHOSEN_FROM_FEW = {
    (Evaluation, "kind"),
    (Manifest, "kind"),
    (Manifest, "side"),
    (Condition, "group"),
    (LabelRule, "kind"),
    (KindScore, "kind"),
}


def changed(value, change):
    """The same value with every text and number inside it changed; sets of few words stay."""
    if is_dataclass(value):
        return replace(
            value,
            **{
                one.name: changed(getattr(value, one.name), change)
                for one in fields(value)
                if (type(value), one.name) not in CHOSEN_FROM_FEW
            },
        )
    if isinstance(value, tuple):
        return tuple(changed(one, change) for one in value)
    if isinstance(value, dict):
        return {changed(key, change): changed(one, change) for key, one in value.items()}
    return value if isinstance(value, Enum) else change(value)


def test_text_from_elsewhere_is_shown_and_never_acted_on():
    def poison(value):
        return HOSTILE if isinstance(value, str) else value

    made, judged, said = (changed(one, poison) for one in (manifest(), evaluation(), verdict()))
    text = page(made, judged, said)
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(&#x27;x&#x27;)") > 60
    assert "\x00" not in text
    shown = parsed(text.encode().decode())
    assert {one.tag for one in shown.iter()} == {one.tag for one in parsed(page()).iter()}
    card = model_card(made, judged, said)
    assert "<" not in card.replace("&lt;", "")
    assert all(
        line.startswith(("#", "-", "|", "*", "L", "&", "None"))
        for line in card.splitlines()
        if line
    )
    card.encode()


@pytest.mark.parametrize("odd", [nan, inf, -inf])
def test_figures_that_are_no_numbers_are_dashes(odd):
    judged = changed(evaluation(), lambda value: odd if isinstance(value, float) else value)
    said = spoken(page(judged=judged))
    assert not re.search(r"\b(nan|inf|None)\b", said + page(judged=judged))
    assert "Log loss - -" in said
    assert "AUC - -" in said
    assert "There is nothing to judge by" in said
    assert not re.search(r"\b(nan|inf|None\b(?!\.))", model_card(manifest(), judged, verdict()))


@pytest.mark.parametrize("kept", ["nothing", "no holdout", "no rivals"])
def test_what_an_evaluation_may_lack_is_said(kept):
    bare = {"holdout_skill": None, "holdout": None, "champion": None}
    if kept == "nothing":
        empty = money(
            results=(), deflated_sharpe=None, expected_max_sharpe=None, overfitting_probability=None
        )
        bare |= {
            "folds": (),
            "ranking": (),
            "kinds": (),
            "leaks": (),
            "walk_forward": empty,
            "skill": skill(tops=(), roc=()),
            "reliability": reliability(bins=()),
        }
    if kept == "no rivals":
        bare["walk_forward"] = money(
            results=results()[:1],
            deflated_sharpe=None,
            expected_max_sharpe=None,
            overfitting_probability=None,
        )
    lone = verdict(conditions=(), champion_id=None)
    text = page(
        manifest(parent_id=None, windows={}, params={}, versions={}), evaluation(**bare), lone
    )
    said = spoken(text)
    assert "There were too few candles to keep a holdout." in said
    assert "There is no champion to compare with." in said
    assert "No condition was judged." in said
    assert ("Nothing was simulated." in said) == (kept == "nothing")
    assert ("Nothing to draw: there is no ROC curve." in said) == (kept == "nothing")
    assert ("Probability of overfitting -" in said) == (kept == "no rivals")
    assert "None: too few candles." in model_card(manifest(), evaluation(**bare), lone)


def test_a_model_that_never_trades_is_not_called_a_loser():
    idle = replace(results()[1], name="model", curve=((1, 1.0), (2, 1.0)))
    said = spoken(page(judged=evaluation(walk_forward=money(results=(idle, *results()[1:])))))
    assert "Model made no trade" in said
    assert "Mean net per trade - -" in said


def test_equity_that_stands_still_or_has_no_points_is_drawn_without_complaint():
    still = result("model", curve=((1_700_000_000, 1.0),))
    gone = result("flat", curve=())
    said = spoken(page(judged=evaluation(walk_forward=money(results=(still, gone)))))
    assert "Model: ends at 1.000" in said
    assert "Flat: no curve" in said
    said = spoken(page(judged=evaluation(walk_forward=money(results=(gone,)))))
    assert "there is no equity curve" in said
