import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from models.features import FEATURE_NAMES
from models.forest import read_forest
from models.manifest import LabelRule
from models.refusals import NEWEST_XGBOOST
from models.scorer import load
from models.ubjson import decode
from tests.unit.models.made_releases import (
    NOW,
    TRUST,
    files_of,
    margins_of,
    put,
    stored_rows,
)

NAMES = [f"f{column}" for column in range(8)]


def grown(depth=5, rounds=80, base_score=0.3, seed=0):
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(3_000, 8)).astype(np.float32)
    rows[:, 7] = np.round(rows[:, 7])  # ties with thresholds
    y = (draw.random(3_000) < 1 / (1 + np.exp(-rows[:, 0] * rows[:, 1] - rows[:, 7]))).astype(int)
    rows[draw.random(rows.shape) < 0.1] = np.nan
    settings_ = {
        "objective": "binary:logistic",
        "max_depth": depth,
        "eta": 0.2,
        "base_score": base_score,
        "nthread": 1,
        "seed": seed,
        "subsample": 0.8,
    }
    matrix = xgboost.DMatrix(rows, y, feature_names=NAMES)
    return xgboost.train(settings_, matrix, rounds), rows


def saved(booster):
    return bytes(booster.save_raw("ubj"))


def asked(booster, rows, **what):
    matrix = xgboost.DMatrix(rows.astype(np.float32), feature_names=NAMES, nthread=1)
    return booster.predict(matrix, **what)


@pytest.fixture(scope="module")
def booster_and_rows():
    return grown()


@pytest.mark.parametrize("depth", [1, 3, 6])
@pytest.mark.parametrize("base_score", [0.5, 0.07])
def test_the_compiled_walk_is_xgboosts_own_answer(depth, base_score):
    booster, rows = grown(depth=depth, base_score=base_score)
    margins = read_forest(saved(booster)).margins(rows)
    assert np.abs(margins - asked(booster, rows, output_margin=True)).max() <= 1e-6


def test_a_value_on_a_threshold_or_a_hair_beside_it_goes_where_xgboost_sends_it(booster_and_rows):
    booster, rows = booster_and_rows
    forest = read_forest(saved(booster))
    inner = forest.nodes[forest.nodes["offset"] > 0]
    picked = inner[:: max(len(inner) // 300, 1)]
    probes = np.repeat(rows[: len(picked)].astype(np.float64), 4, axis=0)
    for index, node in enumerate(picked):
        at, column = float(node["threshold"]), int(node["split"]) // 2
        beside = (
            at,
            np.nextafter(at, 9),
            np.nextafter(at, -9),
            float(np.nextafter(node["threshold"], np.float32(9))),
        )
        probes[4 * index : 4 * index + 4, column] = beside
    expected = asked(booster, probes, output_margin=True)
    assert np.abs(forest.margins(probes) - expected).max() <= 1e-6


@settings(max_examples=40, deadline=None)
@given(
    row=st.lists(
        st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6, width=32)), min_size=8, max_size=8
    )
)
def test_any_row_gets_the_same_margin(booster_and_rows, row):
    booster, _ = booster_and_rows
    probe = np.array([row])
    expected = asked(booster, probe, output_margin=True)
    assert read_forest(saved(booster)).margins(probe) == pytest.approx(expected, abs=1e-6)


def test_contributions_are_the_shapley_values_xgboost_finds(booster_and_rows):
    booster, rows = booster_and_rows
    forest = read_forest(saved(booster))
    expected = asked(booster, rows[:60], pred_contribs=True)
    found = np.array([forest.contributions(row) for row in rows[:60].astype(np.float64)])
    assert np.abs(found - expected).max() < 1e-4
    assert found.sum(axis=1) == pytest.approx(forest.margins(rows[:60]), abs=1e-5)


def test_a_vector_of_another_width_is_refused(booster_and_rows):
    forest = read_forest(saved(booster_and_rows[0]))
    with pytest.raises(ValueError, match="7 features given, 8 needed"):
        forest.margins(np.zeros((1, 7)))
    with pytest.raises(ValueError, match="9 features given"):
        forest.contributions(np.zeros(9))


def test_a_damaged_booster_is_an_error_and_never_a_crash(booster_and_rows):
    """XGBoost's own loader dies of a third of such files; hashes keep them away from this one."""
    good = saved(booster_and_rows[0])
    draw = np.random.default_rng(8)
    refused = 0
    for _ in range(200):
        bad = bytearray(good)
        for at in draw.integers(0, len(bad), 3):
            bad[at] ^= int(draw.integers(1, 256))
        try:
            forest = read_forest(bytes(bad))
        except ValueError:
            refused += 1
        else:
            forest.margins(np.zeros((1, len(forest.feature_names))))
    assert refused > 20
    for cut in range(0, len(good), 997):
        with pytest.raises(ValueError, match=r"."):
            read_forest(good[:cut])


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[$x#", b"{i\x01ai\x01}x", b"[" * 99, b"Q", b"SL\xff"]
)
def test_what_is_not_ubjson_is_named(text):
    with pytest.raises(ValueError, match=r"."):
        decode(text)


def test_ubjson_of_every_kind_is_read():
    document = (
        b"{i\x01a[i\x01U\xffI\x01\x00l\x00\x00\x00\x02TFZ]i\x01bSi\x02hii\x01cD?\xf0"
        + b"\0" * 6
        + b"}"
    )
    assert decode(document) == {
        "a": [1, 255, 256, 2, True, False, None],
        "b": "hi",
        "c": 1.0,
    }


def test_boosters_of_another_trade_are_refused():
    rows = np.random.default_rng(1).normal(size=(100, 8))
    matrix = xgboost.DMatrix(rows, rows[:, 0], feature_names=NAMES)
    regression = xgboost.train({"objective": "reg:squarederror", "nthread": 1}, matrix, 2)
    with pytest.raises(ValueError, match="binary:logistic"):
        read_forest(saved(regression))


def test_the_reader_is_proven_against_the_library_in_use():
    installed = tuple(int(part) for part in xgboost.__version__.split(".")[:2])
    assert installed == NEWEST_XGBOOST


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("scored")
    return [load(put(root, scope), trust=TRUST) for scope in ("GLOBAL", "BTCUSDT")]


@pytest.fixture(scope="module")
def blend(tmp_path_factory):
    return load(put(tmp_path_factory.mktemp("blend"), "BTCUSDT", kind="blend"), trust=TRUST)


def test_a_model_says_what_trade_it_speaks_about(models):
    pooled, own = models[0], models[1]
    assert (pooled.scope, pooled.is_global, pooled.kind) == ("GLOBAL", True, "global")
    assert (own.scope, own.is_global) == ("BTCUSDT", False)
    assert own.label == LabelRule()
    assert own.interval_seconds == 3600
    assert own.trained_until == NOW
    assert own.reference_kelly == own.payoff.reference_kelly == 0.1


def test_predictions_are_calibrated_clamped_and_counted(models):
    vectors = np.random.default_rng(2).normal(0, 0.02, size=(50, 86))
    for model in models:
        for prediction in model.predict(vectors):
            assert prediction.probability_raw == pytest.approx(1 / (1 + np.exp(-prediction.margin)))
            assert prediction.probability == model.calibrator.probability(prediction.margin)
            assert 0 < prediction.neighbours <= 1_000
            assert 0 <= prediction.unfamiliar_ratio <= 1
        alone = [model.predict(row[np.newaxis])[0] for row in vectors]
        assert alone == model.predict(vectors)


def test_only_a_hole_that_training_never_had_is_new(models):
    known = np.zeros(86, dtype=bool)
    known[[3, 4]] = True
    model = replace(models[0], is_always_known=known)
    vectors = np.zeros((4, 86))
    vectors[1, 3], vectors[2, [3, 4]], vectors[3, 5] = np.nan, np.inf, np.nan
    assert [one.new_holes for one in model.predict(vectors)] == [0, 1, 2, 0]


def test_infinite_is_missing_and_far_away_is_unfamiliar(models):
    vector = np.zeros((1, 86))
    infinite, missing = vector.copy(), vector.copy()
    infinite[0, 3], missing[0, 3] = np.inf, np.nan
    assert models[0].predict(infinite) == models[0].predict(missing)
    far = np.full((1, 86), 1e9)
    assert models[0].predict(far)[0].unfamiliar_ratio == 1.0


def test_contributions_are_named_strongest_first_and_add_up(models):
    vector = np.random.default_rng(3).normal(0, 0.02, size=86)
    shares = models[0].contributions(vector)
    assert {name for name, _ in shares} == set(FEATURE_NAMES)
    strengths = [abs(value) for _, value in shares]
    assert strengths == sorted(strengths, reverse=True)
    total = sum(value for _, value in shares) + models[0].expected
    assert total == pytest.approx(models[0].predict(vector[np.newaxis])[0].margin, abs=1e-5)


def test_a_blend_is_the_mean_of_what_xgboost_says_of_its_two_boosters(blend, models):
    rows = stored_rows()
    boosters = [files_of("blend")[name] for name in ("booster.ubj", "booster_global.ubj")]
    own, pooled = (margins_of(ubj, rows) for ubj in boosters)
    assert np.abs(own - pooled).max() > 0.1
    assert blend.margins(rows) == pytest.approx((own + pooled) / 2, abs=1e-6)
    alone = replace(blend, pooled=None)
    assert alone.margins(rows) == pytest.approx(own, abs=1e-6)
    assert models[0].pooled is None


def test_the_contributions_of_a_blend_are_the_mean_of_both_and_add_up(blend):
    for vector in stored_rows():
        shares = dict(blend.contributions(vector))
        own = dict(replace(blend, pooled=None).contributions(vector))
        pooled = dict(replace(blend, forest=blend.pooled, pooled=None).contributions(vector))
        means = {name: (own[name] + pooled[name]) / 2 for name in FEATURE_NAMES}
        assert shares == pytest.approx(means, abs=1e-15)
        margin = blend.margins(vector[np.newaxis])[0]
        assert sum(shares.values()) + blend.expected == pytest.approx(margin, abs=1e-5)


def test_points_are_how_far_the_probability_moves_without_a_feature(models, blend):
    for model in (*models, blend):
        vector = stored_rows()[0]
        margin = float(model.margins(vector[np.newaxis])[0])
        points = model.points(vector)
        shares = dict(model.contributions(vector))
        assert {name for name, _, _ in points} == set(FEATURE_NAMES)
        for name, value, moved in points:
            assert value == vector[FEATURE_NAMES.index(name)]
            without = 1 / (1 + np.exp(-(1.2 * np.clip(margin - shares[name], -1.5, 1.5) - 0.1)))
            here = 1 / (1 + np.exp(-(1.2 * np.clip(margin, -1.5, 1.5) - 0.1)))
            assert moved == pytest.approx(here - without, abs=1e-12)
        strengths = [abs(moved) for _, _, moved in points]
        assert strengths == sorted(strengths, reverse=True)
        assert strengths[0] > 0.01


def test_serving_loads_neither_xgboost_nor_scikit_learn_nor_pickle_loaders():
    program = "import sys, models.registry; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    root = Path(__file__).parents[3]
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root
    ).stdout.split()
    assert not {"xgboost", "sklearn", "joblib", "pandas", "cloudpickle"} & set(loaded)
