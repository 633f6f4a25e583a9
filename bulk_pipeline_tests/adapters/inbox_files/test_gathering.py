"""What happens to files that come faster than their runs begin."""

from datetime import UTC, datetime
from pathlib import Path

from bulk_pipeline.adapters.intake import MOST_QUEUED, claim_settled
from bulk_pipeline_tests.adapters.harness import installation_in
from bulk_pipeline_tests.builders import rows_of, write_csv


def test_files_gather_while_many_batches_wait_and_become_one(tmp_path: Path) -> None:
    """A start of a process for each handful of files is what makes a queue grow."""
    quick = {"BULK_PIPELINE_QUIET_SECONDS": "0", "BULK_PIPELINE_BATCH_FILES": "5"}
    installation = installation_in(tmp_path / "home", **quick)
    inbox, journal = installation.home.inbox, installation.journal

    def dropped(number: int) -> str:
        write_csv(inbox / f"{number}.csv", rows_of("A", [2001]))
        return str(claim_settled(installation, datetime.now(UTC)))

    inbox.mkdir(parents=True)
    for number in range(MOST_QUEUED):
        assert "until batches before" not in dropped(number)
    assert "1 file waits until batches before it have begun" in dropped(100)
    assert "2 files wait until batches" in dropped(101)
    assert sorted(path.name for path in inbox.iterdir()) == ["100.csv", "101.csv"]

    first = journal.uploads()[0].batch
    journal.start(first, "a-run")
    assert "until batches before" not in dropped(102)
    [together] = {u.batch for u in journal.uploads() if len(u.file) == len("100.csv")}
    assert len(journal.uploads(batch=together)) == 3

    for number in range(200, 204):
        assert "until batches before" in dropped(number)
    assert "until batches before" not in dropped(204), "they fill a batch"
    assert list(inbox.iterdir()) == []
    installation.close()
