"""Laws of ``bulk-pipeline up``: the real processes, from a dropped file to its end."""

import math
import re
import signal
from collections.abc import Iterator

import psutil
import pytest

from bulk_pipeline.defs.jobs import batch_job
from bulk_pipeline_tests.adapters.harness import REAL_FILE
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.running_up import Up, running_up

YEARS = range(2001, 2011)
COUNTS = ("rows_read", "inserted", "updated", "duplicates", "rejected")
BATCH_ASSETS = (
    "ingestion_file",
    "rejected_rows",
    "companies",
    "batch_predictions",
    "annual_predictions",
)

BACKFILL = """
mutation($assets: [AssetKeyInput!], $partitions: [String!]) {
  launchPartitionBackfill(
    backfillParams: {assetSelection: $assets, partitionNames: $partitions}
  ) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
BACKFILL_STATUS = """
query($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status }
    ... on PythonError { message }
  }
}
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One ``bulk-pipeline up`` for all tests of this module."""
    with running_up(tmp_path_factory.mktemp("up") / "home") as found:
        yield found


@pytest.fixture(scope="module")
def dropped(up: Up, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two batches of files: three, one of them bad, and what is dropped after them."""
    files = tmp_path_factory.mktemp("files")
    header = [name for name in ROW if name != "return_on_assets"]
    one = write_csv(files / "one.csv", rows_of(["ZZ01", "ZZ02"], YEARS))
    two = [*rows_of(["ZZ03"], YEARS), {**ROW, "reporting_year": "soon"}]
    up.drop(
        one,
        write_csv(files / "two.csv", two),
        write_csv(files / "bad.csv", [ROW], header),
        write_csv(files / "other.csv", rows_of(["ZZ04"], YEARS)),
        *([REAL_FILE] if REAL_FILE.exists() else []),
    )


@pytest.fixture(scope="module")
def batch(up: Up, dropped: None) -> str:
    """The batch of the three files."""
    return up.ended_batch("one.csv")


@pytest.fixture(scope="module")
def second(up: Up, dropped: None) -> str:
    """The other batch, with the real file where there is one."""
    return up.ended_batch("other.csv")


def stored(up: Up, batch: str) -> int:
    """Rows of one batch in the table."""
    [(rows,)] = up.query(
        "SELECT count(*) FROM annual_predictions JOIN uploads"
        " ON uploads.id = upload_id WHERE batch_key = ?",
        batch,
    )
    return int(rows)


def test_dropped_files_become_rows_and_figures_in_the_ui(up: Up, batch: str) -> None:
    """This is the promise of the whole project, in the processes that users start."""
    [run] = up.ended_runs(batch)
    [figures] = up.loads(batch)

    assert (run["status"], run["jobName"]) == ("SUCCESS", batch_job.name)
    assert [figures[name] for name in COUNTS] == [31, 30, 0, 0, 1]
    assert figures["rows_per_second"] > 0
    assert figures["tier"] == "STANDARD"
    assert stored(up, batch) == 30


def test_a_refused_file_is_shown_by_a_failed_run_beside_its_batch(
    up: Up, batch: str
) -> None:
    """Whoever looks at the list of runs sees red, and in the run the reason."""
    [run] = up.until(lambda: up.ended_runs(f"{batch}-refused"))

    assert run["status"] == "FAILURE"
    assert [key["path"] for key in run["assetSelection"]] == [["ingestion_file"]]
    events = run["eventConnection"]["events"]
    said = [event["error"]["message"] for event in events if event]
    assert any("bad.csv" in text and "return_on_assets" in text for text in said)


def test_files_end_in_archive_or_in_failed(up: Up, batch: str, second: str) -> None:
    """An inbox that empties itself must say where it puts things."""
    archived = sorted(f.name for f in (up.home / "archive" / batch).glob("0*"))
    [failed] = (up.home / "failed").iterdir()

    assert len(archived) == 2
    assert {f.name for f in failed.iterdir()} == {"bad.csv", "REASON.txt"}
    assert "return_on_assets" in (failed / "REASON.txt").read_text()
    assert not list((up.home / "inbox").iterdir())
    assert not list((up.home / "landing").iterdir())


def test_a_backfill_brings_deleted_rows_back_once(
    up: Up, batch: str, second: str
) -> None:
    """After a mishap in the database an operator selects batches and clicks."""
    batches = [batch, second]
    before = {key: (stored(up, key), up.loads(key)[0]) for key in batches}
    up.query(
        "DELETE FROM annual_predictions WHERE upload_id IN"
        " (SELECT id FROM uploads WHERE batch_key IN (?, ?))",
        *batches,
    )
    assert [stored(up, key) for key in batches] == [0, 0]

    launched = up.ask(
        BACKFILL,
        assets=[{"path": [asset]} for asset in BATCH_ASSETS],
        partitions=batches,
    )
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    status = up.until(
        lambda: (
            found
            if (found := backfill_status(up, launched["backfillId"]))
            not in ("REQUESTED", "COMPLETED_PENDING")
            else ""
        )
    )

    assert status == "COMPLETED_SUCCESS"
    for key, (rows, figures) in before.items():
        again = up.loads(key)
        assert stored(up, key) == rows
        assert len(again) == 2
        assert [again[0][n] for n in COUNTS] == [figures[n] for n in COUNTS]


def backfill_status(up: Up, key: str) -> str:
    """How far a back-fill is."""
    return str(up.ask(BACKFILL_STATUS, id=key)["status"])


@pytest.mark.skipif(
    not REAL_FILE.exists(), reason="shared/data is not beside the checkout"
)
def test_the_real_file_gives_the_golden_figures_through_the_inbox(
    up: Up, second: str
) -> None:
    """These figures were taken from the system that this one replaces."""
    found = up.query(
        "SELECT probability FROM annual_predictions JOIN uploads"
        " ON uploads.id = upload_id WHERE file_name = ? AND batch_key = ?",
        REAL_FILE.name,
        second,
    )

    assert len(found) == 2466
    total = math.fsum(probability for (probability,) in found)
    assert total == pytest.approx(57.28843432367688, rel=1e-12)


def test_a_signal_stops_everything(up: Up) -> None:
    """A forgotten code server would hold the port and the database for ever."""
    children = psutil.Process(up.process.pid).children(recursive=True)
    up.process.send_signal(signal.SIGTERM)
    code = up.process.wait(60)
    _, alive = psutil.wait_procs(children, timeout=10)

    assert code == 0, up.log.read_text()[-3000:]
    assert len(children) >= 2
    assert alive == []
    assert up.log.read_text().rstrip().endswith("Stopped.")
    assert re.search(r"Dagster is up at http://127\.0\.0\.1:\d+", up.log.read_text())
