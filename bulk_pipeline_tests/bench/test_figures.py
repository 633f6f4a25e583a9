"""Laws of the figures of a benchmark: what rounds say together."""

import pytest

from bulk_pipeline.bench.figures import (
    ALL_STAGES,
    DAGSTER,
    END,
    OPENED_TO_COMMIT,
    PARTS,
    START,
    WHOLE,
    Cost,
    Load,
    Part,
    Spread,
    lines,
    parts,
)
from bulk_pipeline.bench.showing import CURVE_WIDTH, curve_line

FLOOR = {
    "read": 0.5,
    "companies": 0.1,
    "score": 0.1,
    "duplicates": 0.1,
    "sort": 0.2,
    "load": 1.0,
}


def load(read=1.0, stored=3.0):
    """A load with round figures; clean and the rest take half a second each."""
    half = Cost(0.5, 0.25, 100)
    stages = dict.fromkeys(("clean", "companies", "score", "duplicates"), half)
    stages |= {"read": Cost(read, 1.5, 300), "load": Cost(stored, 2.0, 200)}
    whole = Cost(12.0, 9.0, 400)
    return Load(stages, 2.0, 7.0, 3.0, whole, ((0.0, 100), (12.0, 400)))


def by_name(found):
    """Parts or lines under their names."""
    return {one.name: one for one in found}


def test_a_round_has_every_part_in_order() -> None:
    """The table, the JSON and the record show the same parts."""
    found = parts(load(), FLOOR)
    told = by_name(found)

    assert tuple(part.name for part in found) == PARTS
    assert told[ALL_STAGES].cost == Cost(6.0, 4.5, 300)
    assert told[OPENED_TO_COMMIT].cost.seconds == 7.0
    assert told[DAGSTER].cost.seconds == 1.0
    assert told[START].cost.seconds == 2.0
    assert told[END].cost.seconds == 3.0
    assert told[WHOLE].cost.peak_memory_bytes == 400


def test_what_is_no_stage_of_ours_is_part_of_the_loads_floor() -> None:
    """Ours sorts, stages and inserts within its load: the floor must not get less."""
    told = by_name(parts(load(), FLOOR))

    assert told["load"].floor_seconds == pytest.approx(1.2)
    assert told["load"].ratio == pytest.approx(2.5)
    assert told[ALL_STAGES].floor_seconds == pytest.approx(2.0)
    assert told[ALL_STAGES].ratio == pytest.approx(3.0)
    by_hand = {"read": 1.0, "copy": 2.0, "insert": 3.0}
    assert by_name(parts(load(), by_hand))["load"].floor_seconds == 5.0


def test_where_there_is_no_floor_there_is_no_ratio() -> None:
    """Cleaning has no counterpart; and ten rows may take no time that can be seen."""
    told = by_name(parts(load(), {**FLOOR, "score": 0.0}))

    assert told["clean"].floor_seconds is None
    assert told["clean"].ratio is None
    assert told["score"].ratio is None


def test_ratios_are_of_figures_of_one_round() -> None:
    """The machine drifts between rounds; the median of ratios does not mix them."""
    rounds = [
        (Part("read", Cost(2.0, 1.0, 10), 1.0),),
        (Part("read", Cost(9.0, None, 30), 3.0),),
        (Part("read", Cost(4.0, 2.0, 20), 4.0),),
    ]
    (line,) = lines(1000, rounds)

    assert line.seconds == Spread(4.0, 2.0, 9.0)
    assert line.floor_seconds == Spread(3.0, 1.0, 4.0)
    assert line.ratio == Spread(2.0, 1.0, 3.0)
    assert line.cpu_seconds == Spread(1.5, 1.0, 2.0)
    assert line.peak_memory_bytes == Spread(20, 10, 30)
    assert line.rows_per_second == 250.0
    assert line.tier == "STANDARD"


def test_a_part_that_took_no_time_has_no_rate() -> None:
    """Nothing is divided by nought."""
    (line,) = lines(10, [(Part("read", Cost(0.0), 0.0),)])

    assert line.rows_per_second == 0.0
    assert line.ratio is None
    assert line.cpu_seconds is None


def test_the_curve_shows_where_memory_was_needed() -> None:
    """A peak between two samples' columns would be lost in an average."""
    curve = tuple((at / 10, 8 << 20) for at in range(200))
    curve = (*curve[:100], (10.0, 64 << 20), *curve[101:])
    drawn = curve_line(curve).split("|")[1]

    assert len(drawn) == CURVE_WIDTH
    assert drawn.count("█") == 1
    assert abs(drawn.index("█") - CURVE_WIDTH // 2) <= 1
    assert curve_line(curve).endswith("19.9 s, at most 64 MiB")
    assert curve_line(curve, ascii_only=True).isascii()
    assert "|█|" in curve_line(((0.0, 5),))
    assert "ended before" in curve_line(())
