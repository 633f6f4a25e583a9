"""Laws of the report's pictures: they say what is so, to everybody, in few bytes."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageColor

from bulk_pipeline.adapters.reporting import axes, canvas, page_style, trend_plot
from bulk_pipeline.adapters.reporting.plots import LONGEST_NAME, limit, percent
from bulk_pipeline.adapters.reporting.report import make_report
from bulk_pipeline.adapters.reporting.score_plots import Scale
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.core.test_reporting import load

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NO_SIGN = "\U000f1234"
"""For private use: no font has it."""
DARK = "prefers-color-scheme: dark"
PAIRS = ("text", "quiet", "accent")
GROUNDS = ("ground", "sheet")


@pytest.fixture
def drawn_on(tmp_path):
    """Axes of a figure in the style of the report."""
    with canvas.drawing(tmp_path / "cache"):
        _, axes_of_figure = canvas.new_figure()
        yield axes_of_figure


def words(axis) -> list[str]:
    """What stands beside an axis."""
    return [label.get_text() for label in axis.get_ticklabels()]


def report_of(pipeline):
    """A report, and its plots by their names."""
    report = make_report(pipeline.installation, NOON)
    return report, {plot.name: plot for plot in report.plots}


@pytest.mark.parametrize(
    ("share", "digits", "said"),
    [
        (0.0, 1, "0.0"),
        (0.0004, 1, "<0.1"),
        (0.0005, 1, "0.1"),
        (3e-6, 2, "<0.01"),
        (0.2103, 1, "21.0"),
        (0.9996, 1, ">99.9"),
        (0.999_999, 2, ">99.99"),
        (0.004, 0, "<1"),
        (0.997, 0, ">99"),
        (1.0, 1, "100.0"),
    ],
)
def test_a_share_that_is_not_nothing_is_not_said_to_be(share, digits, said) -> None:
    """Three CRITICAL rows of a million are those that an analyst looks for."""
    assert percent(share, digits) == f"{said}\N{NO-BREAK SPACE}%"


def test_the_limit_of_a_level_is_said_with_its_value_and_its_side() -> None:
    """A probability of 15 % is HIGH still; one of 5 % is HIGH already."""
    assert limit("HIGH", 0.05) == "HIGH from 5\N{NO-BREAK SPACE}%"
    assert limit("CRITICAL", 0.15) == "CRITICAL above 15\N{NO-BREAK SPACE}%"
    assert limit("MEDIUM", 0.0191) == "MEDIUM from 1.91\N{NO-BREAK SPACE}%"


def test_loads_without_rows_are_no_slow_loads(on_sqlite, base, tmp_path) -> None:
    """A file that was sent again would pull the median of all rates to nothing."""
    on_sqlite.load(base)
    on_sqlite.load(write_csv(tmp_path / "more.csv", rows_of("YZ", [2001])))
    on_sqlite.load(base)
    report, plots = report_of(on_sqlite)
    trend = plots["rows-per-second"]
    loads = report.figures.loads

    assert [load.rows_read > 0 for load in loads] == [True, True, False]
    assert [row[1] for row in trend.rows] == [loads[1].batch, loads[0].batch]
    assert "lowest 0," not in trend.alt
    assert "Left out, since they had no rows to load: 1." in trend.caption
    assert "of 2 that had rows to load" in report.page.read_text()


def test_a_report_of_loads_without_rows_draws_no_rates(on_sqlite, tmp_path) -> None:
    """A header alone is loaded like any file, and it may be the first."""
    on_sqlite.load(write_csv(tmp_path / "none.csv", []))
    report, plots = report_of(on_sqlite)

    assert len(report.figures.loads) == 1
    assert "rows-per-second" not in plots
    assert "outcomes" in plots


def test_a_name_that_cannot_be_drawn_is_found_in_the_table(drawn_on) -> None:
    """Boxes cannot be told from each other; the table shows what a browser can."""
    names = ["Utilities", NO_SIGN, "Здравоохранение", f"{NO_SIGN} Space", "a" * 99]
    axes.groups_down(drawn_on, names)

    said = words(drawn_on.yaxis)
    assert said[:3] == ["Utilities", "(row 2 of the numbers)", "Здравоохранение"]
    assert said[3] == "(row 4 of the numbers)"
    assert len(said[4]) == LONGEST_NAME


@pytest.mark.parametrize("many", [1, 2, 5, 6, 7, 10, 30, 199, 200])
def test_marks_along_an_axis_are_equally_far_from_each_other(many) -> None:
    """Unequal steps look like unequal times."""
    chosen = axes.spread(many)

    assert chosen[-1] == many - 1
    assert len({b - a for a, b in pairwise(chosen)}) <= 1
    assert min(many, 3) <= len(chosen) <= 6


@pytest.mark.parametrize(
    ("limits", "rows"),
    [
        ((0.1, 0.5, 0.9), [0, 0, 0]),
        ((0.1, 0.2, 0.6), [0, 1, 0]),
        ((0.1, 0.2, 0.3), [0, 1, 2]),
        ((), []),
    ],
)
def test_labels_of_limits_near_each_other_are_in_rows_of_their_own(
    limits, rows
) -> None:
    """A model of one's own may have its limits anywhere; one label hid the other."""
    scale = Scale(0.0, 1.0, tuple(("HIGH", limit) for limit in limits))

    assert [row for _, _, row in scale.labels(apart=0.3)] == rows


def test_a_place_on_a_logarithmic_scale_is_one_of_the_logarithm() -> None:
    """Labels that are told apart by their values may lie on each other there."""
    scale = Scale(0.001, 0.1, ())

    assert scale.is_log
    assert scale.place(0.01) == pytest.approx(0.5)


@pytest.mark.parametrize(("many", "fewest"), [(1, 4), (2, 6), (9, 4)])
def test_few_bars_stand_in_the_middle(many, fewest) -> None:
    """A bar in a corner looks like one whose neighbours are missing."""
    low, high = axes.around(many, fewest)

    assert low + high == many - 1
    assert high - low == max(many, fewest) + 0.5


@pytest.mark.parametrize(
    "step", [timedelta(seconds=2), timedelta(minutes=1), timedelta(days=1)]
)
def test_moments_along_an_axis_are_told_apart(drawn_on, step) -> None:
    """Six times the same minute says nothing about any of them."""
    trend_plot._along(drawn_on, [load(NOON + n * step) for n in range(10)])
    said = words(drawn_on.xaxis)

    assert len({*said}) == len(said) > 1
    assert all("Mar" in each for each in said), "and the day is told"
    assert "UTC" in drawn_on.get_xlabel()


def test_the_sizes_of_marks_are_told_where_they_differ(drawn_on) -> None:
    """Two marks of one size in a legend are a riddle."""
    small, large = load(NOON, inserted=1), load(NOON, inserted=40_000)

    def legend(*loads) -> list[str]:
        """What stands in it."""
        both = trend_plot._legends(loads)
        return [handle.get_label() for handles in both for handle in handles]

    assert legend(small, large) == ["standard", "1 row", "40k rows"]
    assert legend(large, replace(large, rows_read=60_000)) == ["standard"]


def test_a_rare_colour_stays_what_its_legend_says(tmp_path) -> None:
    """One CRITICAL mark among a thousand shades of blue must not turn grey."""
    colours = [*canvas.LEVEL_COLOURS.values(), *canvas.OUTCOME_COLOURS.values()]
    shades = np.arange(1_000).reshape(25, 40)
    with canvas.drawing(tmp_path / "cache"):
        figure, shown = canvas.new_figure()
        shown.imshow(shades, cmap="Blues")
        for place, colour in enumerate(colours):
            shown.scatter([place], [3], s=9, color=colour)
        drawn = canvas.png(figure)

    with Image.open(BytesIO(drawn)) as image:
        found = [each for _, each in image.convert("RGB").getcolors(256)]
    for colour in colours:
        wanted = np.array(ImageColor.getrgb(colour))
        assert np.abs(np.array(found) - wanted).max(axis=1).min() <= 4, colour


def test_every_figure_says_what_it_is(on_sqlite, base) -> None:
    """A number alone is read as whatever its reader hopes."""
    on_sqlite.load(base)
    report, plots = report_of(on_sqlite)
    text = report.page.read_text(encoding="utf-8")

    explained = re.findall(
        r'<dt>(.+?)</dt><dd>.+?</dd><dd class="what">(.+?)</dd>', text
    )
    assert len(explained) == text.count("<dt>") == 8
    told = dict(explained)
    assert told["Rows LOW"] == "below 2\N{NO-BREAK SPACE}%"
    assert told["Rows CRITICAL"] == "above 15\N{NO-BREAK SPACE}%"
    for plot in plots.values():
        assert plot.caption, "and each picture how it is read"
        assert len(plot.png) < 50_000, "mailed, and kept in Dagster's event log"
        assert plot.png[25] == 3, "of a palette"


def test_texts_can_be_read_on_their_grounds() -> None:
    """WCAG 2.2 asks for 4.5 to 1; report and pictures keep it, light and dark."""
    light, dark = page_style.STYLE.split(DARK)
    for style in (light, dark.split("img {")[0]):
        found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", style))
        for ground in GROUNDS:
            for text in PAIRS:
                assert contrast(found[text], found[ground]) >= 4.5, (text, ground)
        assert contrast(found["wait"], found["wait-ground"]) >= 4.5
    for level, ink in canvas.LEVEL_INKS.items():
        ground = canvas.LEVEL_COLOURS[level]
        assert contrast("#fff" if ink == "white" else ink, ground) >= 4.5, level


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, as WCAG 2.2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of a colour in hexadecimal, as WCAG 2.2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * d for d in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
