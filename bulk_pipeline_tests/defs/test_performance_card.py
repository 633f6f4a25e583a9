"""The performance card of a load, as it stands in Dagster's metadata."""

import math
from pathlib import Path

from bulk_pipeline.core.performance import FEWEST_COMPARED
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import Runner

ASKED = (
    "lock_wait_seconds",
    "connections_most_in_use",
    "connection_wait_seconds",
    "statements",
    "statement_seconds",
    "statement_longest_seconds",
)


def file_of(folder: Path, number: int) -> Path:
    """A file of ten rows that no other number has."""
    years = range(1900 + number * 10, 1910 + number * 10)
    return write_csv(folder / f"{number}.csv", rows_of(["AA"], years))


def test_each_load_has_a_card_that_tells_when_it_can_compare(
    runner: Runner, tmp_path: Path
) -> None:
    """It is the one thing of a run that people look at."""
    for number in range(FEWEST_COMPARED):
        runner.run(runner.claim(file_of(tmp_path, number)))
    few = runner.metadata("annual_predictions")["performance"]
    runner.run(runner.claim(file_of(tmp_path, FEWEST_COMPARED)))
    enough = runner.metadata("annual_predictions")["performance"]

    assert few.startswith("### STANDARD · ")
    assert "(5 to 20 rows): 4; needed: 5" in few
    assert "the median of the last 5 loads of its size (5 to 20 rows)" in enough
    assert "10 rows read = 10 inserted" in enough
    assert "AA" not in enough, "no text of a file belongs into metadata"


def test_a_batch_that_is_materialised_again_is_not_compared(
    runner: Runner, tmp_path: Path
) -> None:
    """Its second run reads and stores nothing; as a load it would be the fastest."""
    batch = runner.claim(file_of(tmp_path, 0))
    runner.run(batch)
    runner.run(batch)

    card = runner.metadata("annual_predictions")["performance"]
    assert "Its rows were stored before" in card


def test_what_a_load_asked_of_its_database_is_plain_numbers(
    runner: Runner, tmp_path: Path
) -> None:
    """The UI plots numbers, over batches as well; one NaN hangs its page."""
    runner.run(runner.claim(file_of(tmp_path, 0)))

    for asset in ("annual_predictions", "run_metrics"):
        found = runner.metadata(asset)
        for name in ASKED:
            assert isinstance(found[name], int | float), name
            assert math.isfinite(found[name]), name
        assert found["statements"] > 3
