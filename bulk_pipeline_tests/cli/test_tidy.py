"""Laws of ``bulk-pipeline tidy``, and of what is asked of a retired batch later."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal_tables import uploads
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline, results

LONG_AGO = timedelta(days=100)


@dataclass(frozen=True)
class Old:
    """A batch that ended long ago: an upload with a rejected row, and a failed one."""

    installation: Installation
    batch: str
    loaded: str
    failed: str

    def folders(self) -> list[bool]:
        """Whether its files, its chunks and its reject files are there."""
        home = self.installation.home
        archived = home.archive / self.batch
        places = (archived, home.chunks(self.batch), home.rejects(self.batch))
        return [place.exists() for place in places]


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Old]:
    """A batch that has had its time."""
    bad_row = {**ROW, "reporting_year": "soon"}
    good = write_csv(tmp_path / "good.csv", [*rows_of("AB", [2001]), bad_row])
    bad = write_csv(tmp_path / "bad.csv", [ROW], ["company_symbol"])
    found = results(bulk_pipeline("ingest", good, bad, "--json"))
    keys = {upload["state"]: upload["key"] for upload in found}
    installation = Installation.from_environment()
    with installation.journal.transaction() as connection:
        moment = datetime.now(UTC) - LONG_AGO
        connection.execute(uploads.update().values(changed_at=moment))
    yield Old(installation, found[0]["batch"], keys["loaded"], keys["failed"])
    installation.close()


def test_it_removes_what_has_had_its_time_and_says_so(old: Old) -> None:
    """For people without the daemon."""
    done = bulk_pipeline("tidy")

    assert done.returncode == 0, done.stderr
    assert f"Batch {old.batch}: retired\n" in done.stdout
    assert "1 batch with 1 partition and 0 Dagster runs removed: " in done.stdout
    assert old.folders() == [False] * 3


def test_a_dry_run_changes_nothing(old: Old) -> None:
    """Programs get one JSON object of what would go."""
    done = bulk_pipeline("tidy", "--dry-run", "--json")

    said = json.loads(done.stdout)
    assert said["dry_run"] is True
    assert said["batches"] == [old.batch]
    assert said["bytes"] > 0
    assert f"{old.batch}: would be retired" in bulk_pipeline("tidy", "--dry-run").stdout
    assert old.folders() == [True] * 3


def test_what_is_still_there_is_named_and_the_exit_code_says_so(
    old: Old, tmp_path: Path
) -> None:
    """A script that keeps house notices."""
    chunks = old.installation.home.chunks(old.batch)
    chunks.rename(tmp_path / "aside")
    chunks.symlink_to(tmp_path / "aside")

    done = bulk_pipeline("tidy")

    assert done.returncode == 1
    assert f"{old.batch}: still there. {chunks} is a link" in done.stderr


def test_a_home_without_batches_is_tidy() -> None:
    """The command must not need anything to have happened."""
    done = bulk_pipeline("tidy", "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout)["batches"] == []


def test_a_retired_batch_can_still_be_withdrawn(old: Old) -> None:
    """Receipts and rows are not retired."""
    bulk_pipeline("tidy")
    assert Pipeline(old.installation).predictions() == 2

    done = bulk_pipeline("withdraw", old.loaded, "--json")

    assert results(done)[0]["state"] == "withdrawn", done.stderr
    assert Pipeline(old.installation).predictions() == 0


def test_a_retired_upload_is_still_listed_and_still_known_as_loaded(
    old: Old, tmp_path: Path
) -> None:
    """The same content again is a repeat, however long ago it was."""
    bulk_pipeline("tidy")

    listed = {u["key"]: u["state"] for u in results(bulk_pipeline("uploads", "--json"))}
    again = results(bulk_pipeline("ingest", tmp_path / "good.csv", "--json"))

    assert listed == {old.loaded: "loaded", old.failed: "failed"}
    assert again[0]["state"] == "repeated"


def test_the_reject_file_of_a_retired_batch_is_gone_with_a_reason(old: Old) -> None:
    """Nobody is sent to materialise what cannot be materialised."""
    bulk_pipeline("tidy")

    done = bulk_pipeline("rejects", old.loaded)

    assert done.returncode == 1
    assert f"Batch {old.batch} was retired with all its files" in done.stderr
    assert "Materialise" not in done.stderr


def test_a_failed_file_of_a_retired_batch_can_still_be_corrected_and_loaded(
    old: Old, tmp_path: Path
) -> None:
    """It waits for a person, however long that takes."""
    bulk_pipeline("tidy")
    waiting = old.installation.home.failed(old.failed)
    (waiting / "bad.csv").write_bytes((tmp_path / "good.csv").read_bytes())

    [again] = results(bulk_pipeline("retry", old.failed, "--json"))

    assert again["retry_of"] == old.failed
    assert again["state"] == "repeated"  # the good file of the test was loaded before
