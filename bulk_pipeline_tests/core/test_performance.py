"""Laws of comparing a load with others: like with like, and never by guessing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_pipeline.core.load_sizes import by_size, sparkline, stacked
from bulk_pipeline.core.metrics import STAGES, DatabaseFigures, LoadFigures
from bulk_pipeline.core.performance import (
    BETWEEN,
    FEWEST_COMPARED,
    LOADS_COMPARED,
    bar,
    comparable_rows,
    compared,
    rate_text,
    stage_lines,
    usual,
)
from bulk_pipeline.core.performance_card import (
    performance_card,
    rows_line,
)


def load(batch="mine", rows=1_000, rate=500.0, **other):
    """A load whose stages take an eighth of its time each, all but ``load``'s."""
    seconds = rows / rate if rate else 1.0
    stages = dict.fromkeys(STAGES, seconds / 8)
    given = {
        "batch": batch,
        "run_id": "run",
        "finished_at": datetime(2026, 1, 1, tzinfo=UTC),
        "rows_read": rows,
        "inserted": rows,
        "updated": 0,
        "duplicates": 0,
        "duplicates_conflicting": 0,
        "rejected": 0,
        "rows_written": rows,
        "seconds": seconds,
        "stages": stages | {"load": seconds / 4},
        "rows_per_second": rate,
        "tier": "STANDARD",
        "peak_memory_bytes": 300 << 20,
        "cpu_percent": 150.0,
    }
    return LoadFigures(**(given | other))


def loads(number, **given):
    """So many loads before it."""
    return [load(f"batch {place}", **given) for place in range(number)]


def test_ten_rows_are_not_compared_with_a_million() -> None:
    """A small load is slow by its nature; told so each time, nobody reads on."""
    assert usual(load(rows=10), loads(20, rows=1_000_000)) is None
    assert comparable_rows(10) == (5, 20)
    assert comparable_rows(1) == (1, 2)
    assert comparable_rows(5) == (3, 10)


def test_too_few_loads_are_no_comparison_and_the_card_says_so() -> None:
    """A median of two is a guess."""
    before = loads(FEWEST_COMPARED - 1)

    assert usual(load(), before) is None
    said = compared(load(), before)
    assert "Not compared yet" in said
    assert "(500 to 2,000 rows): 4; needed: 5" in said


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (500.0, "As fast as usual"),
        (540.0, "As fast as usual"),
        (1_000.0, "Faster than usual, 2.0 times the rows per second"),
        (250.0, "Slower than usual, 0.50 times the rows per second"),
    ],
)
def test_a_load_is_compared_with_the_median(rate, said) -> None:
    """One load that waited for an hour must not make every other look fast."""
    before = [*loads(6), load("slow", rate=0.1)]

    told = compared(load(rate=rate), before)
    assert told.startswith(said)
    assert "median of the last 7 loads of its size (500 to 2,000 rows)" in told


def test_a_load_is_compared_with_the_last_ones_only() -> None:
    """What was usual a year ago, on another machine, is not usual."""
    before = [*loads(LOADS_COMPARED), *loads(50, rate=9_999.0)]

    found = usual(load(), before)
    assert found is not None
    assert (found.loads, found.rows_per_second) == (LOADS_COMPARED, 500.0)


def test_a_load_that_stored_nothing_new_is_neither_compared_nor_usual() -> None:
    """Its batch was stored before; its seconds are those of looking at that."""
    again = {"rows_written": 0}

    assert usual(load(**again), loads(9)) is None
    assert "stored before" in compared(load(**again), loads(9))
    assert usual(load(), loads(9, **again)) is None


def test_duplicates_alone_are_a_load_like_any_other() -> None:
    """It wrote no row because there was none to write."""
    only = load(inserted=0, duplicates=1_000, rows_written=0)

    assert not only.is_repetition
    assert usual(only, loads(9)) is not None


def test_a_load_of_no_row_divides_by_nothing() -> None:
    """A file of a header alone is loaded, too."""
    nothing = load(rows=0, rate=0.0)

    assert compared(nothing, loads(9)) == "It read no row; there is nothing to compare."
    assert [line.times_usual for line in stage_lines(nothing, None)] == [None] * 7
    card = performance_card(nothing, loads(9), 0.0, DatabaseFigures())
    assert "0 rows read" in card
    assert rows_line(load(rows=1)).startswith("1 row read = 1 inserted")


FIGURE = st.just(0.0) | st.floats(1e-9, 1e15)


@given(st.integers(0, 10**12), st.booleans(), st.tuples(*[FIGURE] * 4))
def test_no_figures_fail_the_card(rows, wrote, figures) -> None:
    """The rows are committed by then, and a clock that was set may give any figures."""
    seconds, stage, rate, usually = figures
    mine = replace(
        load(rows=rows),
        seconds=seconds,
        rows_per_second=rate,
        stages=dict.fromkeys(STAGES, stage),
        rows_written=rows * wrote,
    )
    before = [
        replace(each, rows_per_second=usually, rows_read=rows) for each in loads(9)
    ]

    card = performance_card(mine, before, seconds, DatabaseFigures(seconds, 1, 1.0, 1))
    assert not {"nan", "inf"} & set(card.split())


def test_a_load_is_not_compared_with_itself() -> None:
    """A batch that is materialised again stands in the history."""
    assert usual(load(), [load(), *loads(4)]) is None


def test_what_no_stage_took_is_a_line_of_its_own() -> None:
    """Of ten rows it is nearly all, and no stage could be made faster for it."""
    slow = load(seconds=10.0)
    lines = stage_lines(slow, None)

    assert [line.name for line in lines] == [*STAGES, BETWEEN]
    assert sum(line.seconds for line in lines) == pytest.approx(10.0)
    assert sum(line.share for line in lines) == pytest.approx(1.0)


def test_stages_beside_each_other_leave_nothing_between() -> None:
    """Spans that are scored at once take more seconds than pass."""
    quick = load(seconds=0.5)
    lines = stage_lines(quick, None)

    assert [line.name for line in lines] == list(STAGES)
    assert sum(line.share for line in lines) == pytest.approx(1.0)


def test_a_stage_is_compared_by_its_seconds_per_row() -> None:
    """Twice the rows may take twice the time."""
    twice = load(rows=2_000)
    stages = twice.stages | {"score": 3 * twice.stages["score"]}
    lines = stage_lines(replace(twice, stages=stages), usual(twice, loads(9)))

    times = {line.name: line.times_usual for line in lines}
    assert times["read"] == pytest.approx(1.0)
    assert times["score"] == pytest.approx(3.0)


def test_a_stage_of_a_moment_is_not_compared() -> None:
    """A thousandth of a second is three times another one for no reason."""
    mine = load()
    brief = replace(mine, stages=mine.stages | {"companies": 0.001})

    lines = stage_lines(brief, usual(mine, loads(9)))
    assert [line.times_usual for line in lines if line.name == "companies"] == [None]


def test_the_card_tells_all_of_a_load() -> None:
    """Whoever sees it needs no other page."""
    asked = DatabaseFigures(0.25, 2, 0.01, 31, 0.5, 0.4)
    mine = load(duplicates=5, duplicates_conflicting=2)
    card = performance_card(mine, loads(9), 0.75, asked)

    assert card.startswith("### STANDARD · 500 rows/s · 2.00 s\n")
    assert card.count("```") == 2, "a bar needs a font of one width"
    for stage in (*STAGES, BETWEEN):
        assert f"\n{stage} " in card
    for said in (
        "1,000 inserted + 0 updated + 5 duplicates + 0 rejected",
        "2 have other values",
        "Peak memory 300 MiB; processor 150 %",
        "0.750 s from the request for the write lock to the commit; 0.250 s",
        "Statements: 31 in 0.500 s; the longest took 0.400 s.",
        "Connections: 2 in use at most; 0.010 s",
    ):
        assert said in card


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0.0, "0"),
        (0.44, "0.4"),
        (9.96, "10.0"),
        (10.4, "10"),
        (1_234_567.8, "1,234,568"),
    ],
)
def test_a_slow_rate_is_not_said_to_be_nothing(rate, said) -> None:
    """One row in two seconds was loaded; "0 rows/s" says that it was not."""
    assert rate_text(rate) == said
    before = loads(9, rate=rate)
    assert not rate or f" is {said} rows/s." in compared(load(rate=rate), before)
    assert f" · {said} rows/s · " in performance_card(
        load(rate=rate), loads(9), 0.0, DatabaseFigures()
    )


def test_a_bar_is_as_long_as_its_share() -> None:
    """It is read before any number is."""
    assert [bar(share, 8) for share in (0.0, 0.5, 1.0)] == ["", "████", "█" * 8]
    assert bar(1 / 64, 8) == "▏"
    assert bar(0.5, 8, ascii_only=True) == "####"


@pytest.mark.parametrize("width", [1, 10, 23, 40])
def test_a_stacked_bar_is_as_wide_as_it_should_be(width) -> None:
    """Bars below each other are compared by their ends."""
    assert sum(stacked(stage_lines(load(), None), width)) == width


def test_a_stacked_bar_of_no_time_is_empty() -> None:
    """A load too short for the clock is one, too."""
    nothing = load(seconds=0.0, stages=dict.fromkeys(STAGES, 0.0))
    assert sum(stacked(stage_lines(nothing, None), 20)) == 0


def test_medians_are_those_of_one_size() -> None:
    """One over ten rows and a million would be the rate of no load at all."""
    found = by_size(
        [
            load("c", rows=1_100_000, rate=3.0),
            load("b", rows=900_000, rate=1.0),
            load("a", rows=10, rate=7.0),
            load("again", rows=10, rows_written=0),
            load("nothing", rows=0, rate=0.0),
        ]
    )

    assert [(size.about, size.loads) for size in found] == [(10, 1), (1_000_000, 2)]
    assert found[1].rows_per_second == 2.0
    assert found[1].rates == (1.0, 3.0), "oldest first"


def test_a_sparkline_has_a_character_for_each_number() -> None:
    """It shows which of the loads was slow."""
    assert sparkline([0.0, 4.0, 8.0]) == "▁▅█"
    assert sparkline([0.0, 0.0]) == "▁▁"
    assert sparkline([]) == ""
    assert sparkline([8.0], ascii_only=True) == "@"


def test_figures_of_a_database_add_up() -> None:
    """A batch that was refused as a whole is published in several transactions."""
    one = DatabaseFigures.of_statement(0.25) + DatabaseFigures.of_wait(1.0)
    two = one + DatabaseFigures.of_statement(0.5) + DatabaseFigures(0.0, 3, 0.5)

    assert two == DatabaseFigures(1.0, 3, 0.5, 2, 0.75, 0.5)
