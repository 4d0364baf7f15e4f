import re
from datetime import UTC, datetime, timedelta
from math import nan
from xml.etree import ElementTree as ET

import pytest

from models.evaluation.charts import reliability_chart, roc_chart
from models.evaluation.drawing import Line, date_steps, line_chart, round_steps
from models.evaluation.markup import Html, joined, table, tag, text
from models.evaluation.sheet import Bin
from models.evaluation.wording import chance, duration, figure, share, signed, signed_share

START = datetime(2023, 1, 1, tzinfo=UTC).timestamp()
DAY = 86_400


def points_of(markup, number=0):
    drawn = [one.get("points") for one in ET.fromstring(markup).iter("polyline")]
    return [tuple(map(float, pair.split(","))) for pair in drawn[number].split()]


def test_a_line_runs_from_the_left_edge_to_the_right_and_up_is_more():
    line = Line(name="a", points=((START, 1.0), (START + DAY, 3.0), (START + 2 * DAY, 2.0)))
    (x0, y0), (x1, y1), (x2, y2) = points_of(line_chart([line], "t"))
    assert (x0, x1, x2) == (84, 418, 752)
    assert y1 < y2 < y0
    assert y2 == pytest.approx((y0 + y1) / 2, abs=0.11)


def test_lines_share_one_scale_and_gaps_are_left_out():
    low = Line(name="low", points=((START, 1.0), (START + DAY, nan), (START + 2 * DAY, 1.0)))
    high = Line(name="high", points=((START, 2.0), (START + 2 * DAY, 2.0)))
    chart = line_chart([low, high], "t")
    below = {y for _, y in points_of(chart, 1)}  # the first line is drawn last, on top
    above = {y for _, y in points_of(chart, 0)}
    assert len(below) == len(above) == 1
    assert max(above) < min(below)
    assert "nan" not in chart


@pytest.mark.parametrize(
    ("low", "high", "values", "decimals"),
    [
        (0.93, 1.07, [0.95, 1.0, 1.05], 2),
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0], 1),
        (9_400, 12_300, [10_000, 11_000, 12_000], 0),
        (-0.00031, 0.00042, [-0.0002, 0.0, 0.0002, 0.0004], 4),
    ],
)
def test_values_on_axes_are_round(low, high, values, decimals):
    assert round_steps(low, high, 6) == (pytest.approx(values), decimals)


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        (0.5, ["01-01 00:00", "01-01 12:00"]),
        (20, ["2023-01-01", "2023-01-11", "2023-01-21"]),
        (150, ["2023-01", "2023-02", "2023-03", "2023-04", "2023-05"]),
        (700, ["2023-01", "2023-07", "2024-01", "2024-07"]),
        (2_000, ["2024", "2026", "2028"]),
    ],
)
def test_dates_on_axes_are_few_and_begin_something(days, labels):
    assert [label for _, label in date_steps(START, START + days * DAY)] == labels


@pytest.mark.parametrize("days", [0, 0.01, 1, 3, 8, 30, 73, 74, 100, 365, 1_500, 9_000])
def test_dates_never_crowd_and_lie_within(days):
    end = START + days * DAY + 1234
    found = date_steps(START + 777, end)
    assert 1 <= len(found) <= 6
    assert all(START + 777 <= at <= end for at, _ in found)
    assert len({label for _, label in found}) == len(found) or days < 1


def test_a_bin_with_four_times_the_labels_is_drawn_twice_as_wide():
    bins = [
        Bin(promised=0.4, observed=0.5, n_effective=400),
        Bin(promised=0.6, observed=0.5, n_effective=100),
    ]
    circles = list(ET.fromstring(reliability_chart(bins)).iter("circle"))
    small, big = (float(one.get("r")) for one in circles)  # the first bin is drawn last, on top
    assert big == pytest.approx(2 * small)


def test_the_diagonal_runs_through_kept_promises():
    bins = [
        Bin(promised=0.45, observed=0.45, n_effective=50),
        Bin(promised=0.55, observed=0.4, n_effective=50),
    ]
    root = ET.fromstring(reliability_chart(bins))
    kept = list(root.iter("circle"))[-1]
    ideal = next(one for one in root.iter("line") if one.get("class") == "ideal")
    x1, y1, x2, y2 = (float(ideal.get(name)) for name in ("x1", "y1", "x2", "y2"))
    share_x = (float(kept.get("cx")) - x1) / (x2 - x1)
    share_y = (float(kept.get("cy")) - y1) / (y2 - y1)
    assert share_x == pytest.approx(share_y, abs=0.001)


def test_a_whisker_is_as_long_as_luck():
    root = ET.fromstring(reliability_chart([Bin(promised=0.5, observed=0.5, n_effective=100)]))
    whisker = next(one for one in root.iter("line") if one.get("class") == "whisker")
    assert "whisker" in reliability_chart([Bin(promised=0.5, observed=0.5, n_effective=0.0)])
    ideal = next(one for one in root.iter("line") if one.get("class") == "ideal")
    length = abs(float(whisker.get("y1")) - float(whisker.get("y2")))
    side = abs(float(ideal.get("y1")) - float(ideal.get("y2")))
    reach = 1.645 * (0.25 / 100) ** 0.5
    room = max(0.06 * 2 * reach, 0.01)
    assert length / side == pytest.approx(2 * reach / (2 * reach + 2 * room), abs=0.002)


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_promises_at_the_edge_stay_on_the_paper(edge):
    chart = reliability_chart([Bin(promised=edge, observed=edge, n_effective=10)])
    places = [float(value) for value in re.findall(r'c[xy]="([-\d.]+)"', chart)]
    assert all(0 <= place <= 420 for place in places)


def test_a_perfect_ranking_hugs_the_corner():
    curve = points_of(roc_chart([("a", ((0.0, 0.0), (0.0, 1.0), (1.0, 1.0)))]))
    assert curve[0][0] == curve[1][0]
    assert curve[1][1] == curve[2][1]
    assert curve[1][1] < curve[0][1]


def test_markup_escapes_text_once_and_markup_never():
    assert text("a<b & c") == "a&lt;b &amp; c"
    assert text(text("a<b")) == "a&lt;b"
    assert tag("p", "<", Html("<br/>"), class_='a"b') == '<p class="a&quot;b">&lt;<br/></p>'
    assert isinstance(joined("<"), Html)


def test_a_row_that_does_not_fit_its_table_is_refused():
    with pytest.raises(ValueError, match="zip"):
        table("t", ("a", "b"), [("1", "2", "3")])


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (figure(1234.5, 1), "1,234.5"),
        (figure(-0.0004), "0.00"),
        (figure(nan), "-"),
        (figure(None), "-"),
        (share(0.12345), "12.35 %"),
        (share(None), "-"),
        (signed(0.5), "+0.50"),
        (signed(-0.5), "-0.50"),
        (signed(0.0), "0.00"),
        (signed(0.0001), "0.00"),
        (signed_share(-0.0001), "-0.01 %"),
        (signed_share(nan), "-"),
        (chance(0.0), "under 0.001"),
        (chance(0.0214), "0.021"),
        (chance(nan), "-"),
        (duration(3_600), "1h"),
        (duration(86_400), "1d"),
        (duration(14_400), "4h"),
        (duration(900), "15m"),
        (duration(45), "0:00:45"),
    ],
)
def test_figures_read_as_people_write_them(shown, words):
    assert shown == words


def test_a_long_curve_is_one_line_in_time_order():
    start = datetime(2020, 1, 1, tzinfo=UTC)
    points = tuple(((start + timedelta(hours=at)).timestamp(), 1 + at / 100) for at in range(400))
    drawn = points_of(line_chart([Line(name="a", points=points)], "t"))
    assert len(drawn) == 400
    assert drawn == sorted(drawn)
