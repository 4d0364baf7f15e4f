import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from models.strategy.logistic import STRENGTH, fit_logistic
from shared.domain.errors import BadInput


@pytest.fixture(scope="module")
def rows():
    """86 features of odd scales with holes and outliers; two of them say something."""
    draw = np.random.default_rng(11)
    vectors = draw.standard_t(3, size=(4_000, 86)) * np.geomspace(1e-4, 1e3, 86) + 2.0
    lean = np.clip((vectors[:, 10] - 2) / np.std(vectors[:, 10]), -2, 2)
    lean -= np.clip((vectors[:, 60] - 2) / np.std(vectors[:, 60]), -2, 2)
    y = (draw.random(4_000) < 1 / (1 + np.exp(-lean))).astype(np.int8)
    vectors[draw.random(vectors.shape) < 0.03] = np.nan
    return vectors.astype(np.float32), y, draw.uniform(0.2, 1.8, 4_000)


def test_it_is_the_pipeline_it_says_it_is(rows):
    vectors, y, weights = rows
    low, high = np.nanquantile(vectors.astype(np.float64), (0.005, 0.995), axis=0)
    pipeline = make_pipeline(
        SimpleImputer(strategy="median"),
        FunctionTransformer(lambda values: np.clip(values, low, high)),
        StandardScaler(),
        LogisticRegression(C=STRENGTH, max_iter=1_000),
    )
    pipeline.fit(
        vectors.astype(np.float64), y,
        logisticregression__sample_weight=weights / weights.mean(),
    )  # fmt: skip
    expected = pipeline.decision_function(vectors.astype(np.float64))
    np.testing.assert_allclose(
        fit_logistic(vectors, y, weights).log_odds(vectors), expected, atol=2e-3
    )


def test_what_it_is_asked_about_never_changes_what_it_learned(rows):
    vectors, y, weights = rows
    model = fit_logistic(vectors[:3_000], y[:3_000], weights[:3_000])
    known = vectors[:3_000].astype(np.float64)
    np.testing.assert_array_equal(model.median, np.nanmedian(known, axis=0))
    np.testing.assert_array_equal(
        (model.low, model.high), np.nanquantile(known, (0.005, 0.995), axis=0)
    )
    alone = np.array([model.log_odds(row[np.newaxis])[0] for row in vectors[3_000:3_050]])
    np.testing.assert_allclose(model.log_odds(vectors)[3_000:3_050], alone, rtol=1e-12)


def test_it_finds_what_speaks_and_the_way_it_points(rows):
    vectors, y, weights = rows
    model = fit_logistic(vectors, y, weights)
    assert set(np.argsort(np.abs(model.coefficients))[-2:]) == {10, 60}
    assert model.coefficients[10] > 0 > model.coefficients[60]


def test_missing_is_the_median_and_extremes_are_cut(rows):
    vectors, y, weights = rows
    model = fit_logistic(vectors, y, weights)
    at_median = model.median[np.newaxis].astype(np.float32)
    nothing = np.full((1, 86), np.nan, dtype=np.float32)
    assert model.log_odds(nothing) == pytest.approx(model.log_odds(at_median), abs=1e-4)
    far, edge = at_median.copy(), at_median.copy()
    far[0, 10], edge[0, 10] = np.float32(1e30), np.float32(model.high[10] * 1.001)
    assert model.log_odds(far) == model.log_odds(edge)
    endless = at_median.copy()
    endless[0, 10] = np.inf
    assert model.log_odds(endless) == pytest.approx(model.log_odds(at_median), abs=1e-4)


def test_the_order_of_the_rows_and_the_size_of_the_weights_do_not_matter(rows):
    vectors, y, weights = rows
    mixed = np.random.default_rng(2).permutation(len(y))
    one = fit_logistic(vectors, y, weights)
    other = fit_logistic(vectors[mixed], y[mixed], 7 * weights[mixed])
    np.testing.assert_allclose(one.coefficients, other.coefficients, atol=1e-3)
    again = fit_logistic(vectors, y, weights)
    np.testing.assert_array_equal(one.coefficients, again.coefficients)


def test_a_row_without_weight_teaches_nothing(rows):
    vectors, y, _ = rows
    weights = np.ones(len(y))
    weights[2_000:] = 0.0
    wrong = np.where(weights > 0, y, 1 - y).astype(np.int8)
    one, other = fit_logistic(vectors, y, weights), fit_logistic(vectors, wrong, weights)
    np.testing.assert_allclose(one.coefficients, other.coefficients, atol=1e-3)


def test_features_that_never_vary_or_are_never_known_say_nothing(rows):
    vectors, y, weights = (part[:1_000].copy() for part in rows)
    vectors[:, 3], vectors[:, 4] = 5.0, np.nan
    model = fit_logistic(vectors, y, weights)
    other = vectors.copy()
    other[:, 3], other[:, 4] = -8.0, 100.0
    assert np.isfinite(model.log_odds(vectors)).all()
    assert model.log_odds(vectors).tolist() == model.log_odds(other).tolist()


@pytest.mark.parametrize(
    ("y", "problem"),
    [(np.ones(10, dtype=np.int8), "one kind"), (np.zeros(9, dtype=np.int8), "differ in length")],
)
def test_rows_that_teach_nothing_are_refused(y, problem):
    with pytest.raises(BadInput, match=problem):
        fit_logistic(np.zeros((10, 86), dtype=np.float32), y, np.ones(10))
