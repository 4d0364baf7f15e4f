import re
from dataclasses import replace
from html.parser import HTMLParser
from math import isclose

import pytest

from models.evaluation.card import model_card
from tests.unit.models.evaluation_parts import reliability, skill
from tests.unit.models.evaluation_reading import page, parsed, spoken
from tests.unit.models.evaluation_samples import evaluation, manifest, verdict


class Balance(HTMLParser):
    VOID = frozenset({"meta", "br"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_as_html_and_as_xml():
    text = page()
    balance = Balance()
    balance.feed(text)
    balance.close()
    assert balance.open == []
    root = parsed(text)
    assert root.find("head/meta[@name='viewport']") is not None
    assert [one.get("aria-label") for one in root.iter("svg") if one.get("role") == "img"] == [
        "Equity after costs, starting with 1",
        "Model alone, on its own scale",
        "Equity after costs, starting with 1",
        "Model alone, on its own scale",
        "ROC curve: wins found against false alarms",
        "Reliability: how often it won against how often it was promised to win",
    ]
    assert all(one[0].tag == "title" for one in root.iter("svg") if one.get("role") == "img")


def test_the_page_loads_and_runs_nothing():
    text = page()
    root = parsed(text)
    assert not re.search(r"https?:|url\(|@import|src=|<script|<link|<iframe|javascript:", text)
    assert not [name for one in root.iter() for name in one.attrib if name.startswith("on")]
    places = {one.get("id") for one in root.iter("section")}
    links = {one.get("href") for one in root.iter("a")}
    assert links
    assert links <= {f"#{place}" for place in places}


def test_the_page_holds_the_figures_of_every_section_in_the_order_a_person_asks():
    said = spoken(page())
    wanted = (
        "BTCUSDT_full_dataset_cpu_xgboost_model_20241201_013000",
        "binance, 1h candles, BTC-USDT. Trained until 2024-11-30 23:00 UTC.",
        "Not passed BTCUSDT should not trade",
        "3 met, 2 not met, 1 judged later. It was compared with BTCUSDT_full_dataset_cpu_xgboost_model_20240801",
        "leak checks ✓ met clean",
        "earns per trade ✕ not met 0.041% after costs, lower bound -0.052% above 0, 10 % bound too",
        "trade where it costs less, or at a longer horizon",
        "shadow record ― later",
        "0.10 % fee and 0.05 % slippage on each side",
        "2022-07",
        "Model: ends at 1.040",
        "Figure Model Flat Buy and hold EMA/RSI Logistic regression",
        "Net return +4.02 % 0.00 % +86.67 % -9.84 % -1.41 %",
        "Hit rate 53.1 % - 53.1 %",
        "-0.052 % to +0.137 % - -0.052 %",
        "Deflated Sharpe ratio 61.3 %",
        "Configurations tried 24",
        "Sharpe ratio expected from luck 0.82 per year",
        "Probability of overfitting 34.3 %",
        "looked at once, at 2024-12-01 01:29 UTC",
        "4,320 (357 effective) 1,080 (88 effective)",
        "Log loss 0.6901 0.6933",
        "Log loss of logistic regression 0.6910",
        "+0.0027 (+0.0004 to +0.0049) -0.0003 (-0.0041 to +0.0033)",
        "0.537 (0.512 to 0.562) 0.514 (0.471 to 0.556)",
        "best 5 % 57.4 % +0.187 %",
        "Here they are kept as well as luck lets one tell.",
        "Calibration error (ECE) 0.0213",
        "0.0405 on average, 0.0587 at most",
        "In 5 of 6 folds the model was better",
        "6 2023-08-23 2023-09-22 720 65 198 53.0 % 0.565 0.6873 0.6928 +0.0055 0.043 0.300",
        "Fold 5 0.250 ✕ drifted 20 % vol_168 0.41, ref_corr_168 0.33",
        "BTCUSDT_full_dataset_cpu_xgboost_model_20240801_013000",
        "+0.0007 (-0.0003 to +0.0017)",
        "Chosen: global (learned from all instruments together).",
        "blend 0.6900 0.538 +0.0001 0.0004",
        "The first 20 of 86 features",
        "ret_1 0.0810 19.9 % A returns and momentum",
        "A returns and momentum 0.2514 61.6 %",
        "Failed: L9.",
        "L7 purge effect ― reported AUC 0.5384 without the purge",
        "0123456789abcdef" * 4,
        "train 2022-03-01 00:00 UTC",
        "max_depth 4",
        "xgboost 3.2.0",
        "BTC-USDT ETH-USDT",
    )
    at = 0
    for words in wanted:
        found = said.find(words, at)
        assert found >= 0, f"missing after {said[at - 60 : at]!r}: {words}"
        at = found
    assert "20260101" in said
    assert "cpu (asked for: cuda)" in said


def test_the_same_evaluation_gives_the_same_page():
    turned = manifest(
        params=dict(reversed(manifest().params.items())),
        versions=dict(reversed(manifest().versions.items())),
    )
    shuffled = evaluation(ranking=tuple(reversed(evaluation().ranking)))
    assert page() == page(turned, shuffled)
    assert page() != page(manifest(seed=1))
    assert model_card(manifest(), evaluation(), verdict()) == model_card(
        turned, shuffled, verdict()
    )


@pytest.mark.parametrize(
    ("is_passed", "word", "mood"), [(True, "Passed", "good"), (False, "Not passed", "bad")]
)
def test_the_verdict_has_a_word_a_sign_and_a_colour(is_passed, word, mood):
    text = page(said=verdict(is_passed=is_passed, sentence="It was judged."))
    box = next(one for one in parsed(text).iter("div") if "verdict" in one.get("class", ""))
    assert box.get("class") == f"verdict {mood}"
    assert (
        " ".join("".join(box.itertext()).split())
        == f"{'✓' if is_passed else '✕'} {word}It was judged."
    )
    assert (
        model_card(manifest(), evaluation(), verdict(is_passed=is_passed))
        .splitlines()[2]
        .startswith(f"**{word}.**")
    )


def test_remedies_stand_where_a_condition_is_not_met():
    met = replace(verdict().conditions[0], remedy="nobody needs this")
    text = page(said=verdict(conditions=(met, *verdict().conditions[1:])))
    assert "nobody needs this" not in text
    assert "try fewer configurations on more data" in text


@pytest.mark.parametrize(
    ("low", "value", "words"),
    [
        (0.001, 0.002, "beyond luck"),
        (-0.001, 0.002, "may be luck"),
        (-0.004, -0.002, "no better than"),
    ],
)
def test_skill_is_put_into_words_by_its_interval(low, value, words):
    gain = replace(skill().gain, low=low, value=value)
    said = spoken(page(judged=evaluation(skill=skill(gain=gain))))
    assert words in said.split("Promises against outcomes")[0].rsplit("What this means.", 1)[1]


def test_promises_that_are_not_kept_are_named():
    said = spoken(page(judged=evaluation(reliability=reliability(ece=0.0588))))
    assert "Here they are not: the gap is larger than luck explains." in said


def test_bars_are_as_long_as_contributions():
    root = parsed(page())
    bars = [
        float(one.find("rect").get("width"))
        for one in root.iter("svg")
        if one.get("class") == "bar"
    ]
    assert bars[0] == 100
    assert isclose(bars[1], 50)
    assert len(bars) == 20 + 10


def test_the_card_is_one_screen_and_names_what_to_try():
    card = model_card(manifest(), evaluation(), verdict())
    lines = card.splitlines()
    assert len(lines) <= 50
    assert lines[0] == f"# {manifest().release_id}"
    assert "- Better than the base rate by +0.0027 (+0.0004 to +0.0049), p 0.021" in lines
    assert "| Model | +4.02 % | 0.83 | 4.12 % | 143 | +0.041 % (-0.052 % to +0.137 %) |" in lines
    assert any("Next: try fewer configurations on more data" in line for line in lines)
    assert "- Judged later: shadow record" in lines
    assert lines[-1] == "L1 passed, L7 reported, L9 failed."
    assert not any("leak checks: clean" in line for line in lines)
