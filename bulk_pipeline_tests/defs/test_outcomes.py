"""Each upload of a batch keeps its own outcome, and the runs show which is which."""

from pathlib import Path

import sqlalchemy as sa

from bulk_pipeline.defs.uploads.assets import SHOWN
from bulk_pipeline.defs.uploads.refused import refused_sibling
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import Runner

RULE = (
    "CREATE TRIGGER unlucky BEFORE INSERT ON annual_predictions"
    " WHEN new.return_on_assets = 66.6"
    " BEGIN SELECT RAISE(ABORT, 'constraint failed: unlucky'); END"
)


def failure(result) -> str:
    """What the failed step of a run says."""
    [event] = [event for event in result.all_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data.description)


def test_what_the_database_refuses_of_one_upload_leaves_the_run_green(
    runner: Runner, tmp_path: Path
) -> None:
    """Good files are green and the bad one is red, in a run that names it."""
    with runner.installation.database.engine.begin() as connection:
        connection.execute(sa.text(RULE))
    good = write_csv(tmp_path / "good.csv", rows_of("AB", [2001]))
    rows = [{**row, "return_on_assets": "66.6"} for row in rows_of("C", [2001])]
    bad = write_csv(tmp_path / "bad.csv", rows)
    batch = runner.claim(bad, good)

    assert runner.run(batch).success
    journal, home = runner.installation.journal, runner.installation.home
    states = {upload.file: upload.state for upload in journal.uploads()}
    assert states == {"bad.csv": "failed", "good.csv": "loaded"}
    assert runner.metadata("annual_predictions")["files_refused"] == 1
    [failed] = journal.uploads(state="failed")
    assert (home.failed(failed.key) / "bad.csv").exists()
    assert journal.refusals_to_show() == [batch.key]

    sibling = refused_sibling(batch.key)
    runner.instance.add_dynamic_partitions("batches", [sibling])
    job = runner.definitions.resolve_job_def("batch_job")
    shown = job.execute_in_process(
        instance=runner.instance, partition_key=sibling, raise_on_error=False
    )
    assert not shown.success
    assert "bad.csv" in failure(shown)
    assert "unlucky" in failure(shown)
    assert journal.refusals_to_show() == []


def test_a_run_that_could_read_nothing_names_some_and_counts_all(
    runner: Runner, tmp_path: Path
) -> None:
    """500 reasons in one message are read by nobody and swell every event."""
    files = []
    for number in range(40):
        files.append(tmp_path / f"prose-{number:02}.csv")
        files[-1].write_text("Dear colleague,\nplease find attached\n")

    said = failure(runner.run(runner.claim(*files)))

    assert "40 were refused" in said
    assert said.count(".csv: ") == SHOWN
    journal = runner.installation.journal
    assert {upload.state for upload in journal.uploads()} == {"failed"}
    assert all(upload.message for upload in journal.uploads())
