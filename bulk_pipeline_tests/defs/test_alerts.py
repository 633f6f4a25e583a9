"""Laws of alerts in Dagster: the journal's reason, the UI's list, the messages."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from bulk_pipeline.adapters.batches import Batch
from bulk_pipeline.defs.operations import alerts as module
from bulk_pipeline.defs.operations.alerts import (
    LOCK_FILE,
    alerts_sensor,
    failed_uploads_sensor,
    run_failure,
)
from bulk_pipeline.defs.operations.failed_uploads import FAILED_TAG, failed_uploads
from bulk_pipeline.defs.resources import InstallationResource
from bulk_pipeline.defs.uploads import assets
from bulk_pipeline.defs.uploads.refused import refused_sibling
from bulk_pipeline.defs.uploads.sensor import inbox_sensor
from bulk_pipeline_tests.adapters.alert_servers import WebServer, web_server
from bulk_pipeline_tests.adapters.harness import killed_at_the_end, started
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv
from bulk_pipeline_tests.defs.batch_runs import QUIET, Runner

SECRET = "s3cr3t-t0ken"  # noqa: S105  # of nobody
HOLDING = """
import sys
from pathlib import Path
from bulk_pipeline.adapters.locks import only_one
with only_one(Path(sys.argv[1])) as alone:
    print(alone, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A web server that the webhook of the settings leads to."""
    with web_server() as server:
        url = f"{server.url}/{SECRET}"
        monkeypatch.setenv("BULK_PIPELINE_ALERT_WEBHOOK", url)
        yield server


def bad_file(folder: Path, name: str = "bad.csv") -> Path:
    """A file without a column that is needed."""
    header = [column for column in ROW if column != "return_on_assets"]
    return write_csv(folder / name, [ROW], header)


def look(runner: Runner, sensor: Any = alerts_sensor) -> str:
    """One tick of a sensor, as the daemon evaluates it; why it asks for no run."""
    with dg.build_sensor_context(
        instance=runner.instance, resources={"installation": InstallationResource()}
    ) as context:
        answer = sensor(context)
    return str(getattr(answer, "skip_message", answer))


def react(runner: Runner, cursor: str | None) -> tuple[str | None, list[Any]]:
    """One tick of the run-status sensor, as the daemon evaluates it."""
    with dg.build_sensor_context(
        instance=runner.instance,
        cursor=cursor,
        repository_def=runner.definitions.get_repository_def(),
        resources={"installation": InstallationResource()},
    ) as context:
        data = failed_uploads_sensor.evaluate_tick(context)
    return data.cursor, list(data.dagster_run_reactions or ())


def shown(runner: Runner) -> list[dg.AssetObservation]:
    """What the UI lists, oldest first."""
    found = runner.instance.fetch_observations(failed_uploads.key, limit=50).records
    events = [record.asset_observation for record in reversed(found)]
    return [event for event in events if event is not None]


def values(observation: dg.AssetObservation) -> dict[str, Any]:
    """Plain values of the metadata of an observation."""
    return {name: value.value for name, value in observation.metadata.items()}


def run_refused(runner: Runner, batch: Batch) -> dg.ExecuteInProcessResult:
    """The failed run beside a batch that went well."""
    key = refused_sibling(batch.key)
    runner.instance.add_dynamic_partitions("batches", [key])
    return runner.definitions.resolve_job_def("batch_job").execute_in_process(
        instance=runner.instance,
        partition_key=key,
        run_config=QUIET,
        raise_on_error=False,
    )


def test_the_ui_lists_each_failed_upload_with_its_reason_and_the_cure(
    runner: Runner, tmp_path: Path
) -> None:
    """One place to look at, also for failures beside a load that went well."""
    good = write_csv(tmp_path / "good.csv", rows_of("A", [2001]))
    batch = runner.claim(good, bad_file(tmp_path))
    assert runner.run(batch).success
    look(runner)

    [upload] = runner.installation.journal.uploads(state="failed")
    [observation] = shown(runner)
    found = values(observation)
    [record] = found["listed"].records
    assert observation.description == f"1 file of batch {batch.key} failed."
    assert (found["uploads"], found["outcome"], found["batch"]) == (
        1,
        "failed",
        batch.key,
    )
    assert record.data["file"] == "bad.csv"
    assert "return_on_assets" in record.data["reason"]
    assert record.data["cure"] == f"bulk-pipeline retry {upload.key}"
    assert found["run"] == upload.run_id
    run = runner.instance.get_run_by_id(upload.run_id)
    assert run is not None
    assert run.tags[FAILED_TAG] == "1"


def test_the_list_of_a_storm_is_short(runner: Runner, tmp_path: Path) -> None:
    """An event of megabytes stops the page that shows it."""
    batch = runner.claim(*(bad_file(tmp_path, f"{n}.csv") for n in range(60)))
    assert not runner.run(batch).success
    look(runner)

    [observation] = shown(runner)
    assert values(observation)["uploads"] == 60
    assert len(values(observation)["listed"].records) == 50


def test_a_failed_run_is_shown_by_the_sensor_and_told_by_the_other_one(
    runner: Runner, tmp_path: Path, hook: WebServer
) -> None:
    """Soon in the UI; nothing leaves the machine where a slow answer would hurt."""
    cursor, _ = react(runner, None)
    batch = runner.claim(bad_file(tmp_path))
    failed = runner.run(batch)
    cursor, reactions = react(runner, cursor)
    sent_by_then = len(hook.got)
    _, later = react(runner, cursor)
    said = look(runner)

    assert not failed.success
    assert [r.dagster_run.run_id for r in reactions] == [failed.run_id]
    assert [r.error for r in reactions] == [None]
    assert later == []
    assert len(shown(runner)) == 1
    assert sent_by_then == 0
    assert said == "1 alert sent."
    [(_, body)] = hook.got
    message = json.loads(body)
    assert (message["batch"], message["run_id"]) == (batch.key, failed.run_id)
    assert look(runner) == "0 alerts sent."
    assert (len(shown(runner)), len(hook.got)) == (1, 1)


def test_the_failed_run_beside_a_good_load_tells_nothing_twice(
    runner: Runner, tmp_path: Path, hook: WebServer
) -> None:
    """It is there to show the same refusals in the list of runs."""
    good = write_csv(tmp_path / "good.csv", rows_of("A", [2001]))
    batch = runner.claim(good, bad_file(tmp_path))
    cursor, _ = react(runner, None)
    runner.run(batch)
    look(runner)
    assert not run_refused(runner, batch).success
    react(runner, cursor)
    look(runner)

    assert (len(shown(runner)), len(hook.got)) == (1, 1)


def test_failures_that_the_run_status_sensor_never_saw_are_told(
    runner: Runner, tmp_path: Path, hook: WebServer
) -> None:
    """Dagster's first tick of such a sensor passes over all that was before it."""
    runner.run(runner.claim(bad_file(tmp_path)))
    _, reactions = react(runner, None)
    look(runner)

    assert reactions == []
    assert (len(shown(runner)), len(hook.got)) == (1, 1)


def test_a_mistake_in_the_program_is_the_reason_in_the_journal(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it is tried again helps nobody who has to find out why, the fifth time."""
    batch = runner.claim(write_csv(tmp_path / "a.csv", rows_of("A", [2001])))

    def broken(*_: object) -> None:
        raise ZeroDivisionError("smtp://user:s3cr3t@host is away")

    with monkeypatch.context() as patch:
        patch.setattr(assets, "ingest", broken)
        assert not runner.run(batch).success
    look(runner, inbox_sensor)
    [buried] = runner.installation.journal.uploads()
    before = runner.installation.journal.progress(batch.key)
    look(runner)
    [explained] = runner.installation.journal.uploads()
    after = runner.installation.journal.progress(batch.key)

    assert buried.state == "waiting"
    assert (explained.state, before) == ("waiting", after)
    assert explained.message == (
        "ingestion_file failed: ZeroDivisionError: smtp://user:***@host is away. "
        "It is tried again by itself."
    )
    assert shown(runner) == []


def test_a_lost_process_is_the_reason_in_the_journal(
    runner: Runner, tmp_path: Path
) -> None:
    """Nobody is left to say it but Dagster."""
    batch = runner.claim(write_csv(tmp_path / "a.csv", rows_of("A", [2001])))
    job = runner.definitions.resolve_job_def("batch_job")
    run = runner.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": batch.key}
    )
    runner.installation.journal.start(batch.key, run.run_id)
    runner.instance.report_run_failed(run, "The process of this run is gone.")
    look(runner, inbox_sensor)
    look(runner)

    [upload] = runner.installation.journal.uploads()
    assert upload.state == "waiting"
    assert upload.message.startswith("The process of this run is gone.")


def test_a_reason_of_ours_is_kept(
    runner: Runner, tmp_path: Path, hook: WebServer
) -> None:
    """It names the file and the cure; the run's own text only repeats it."""
    batch = runner.claim(bad_file(tmp_path))
    runner.run(batch)
    [before] = runner.installation.journal.uploads()
    look(runner)
    [after] = runner.installation.journal.uploads()

    assert before == after
    assert json.loads(hook.got[0][1])["uploads"][0]["reason"] == before.message


def test_a_run_that_left_nothing_behind_is_said_so(runner: Runner) -> None:
    """Runs are deleted after a while; a look must not end there."""
    said = run_failure(runner.instance, "00000000-0000-0000-0000-000000000000")

    assert "left no reason" in said


def test_a_channel_that_is_down_stops_no_tick_and_no_other_place(
    runner: Runner, tmp_path: Path, hook: WebServer
) -> None:
    """The UI shows the failure, the tick says what is wrong, without the URL."""
    hook.answers = [500]
    runner.run(runner.claim(bad_file(tmp_path)))
    said = look(runner)

    assert len(shown(runner)) == 1
    assert said == "1 alert sent. webhook: The webhook answered 500."


def test_a_setting_that_cannot_be_is_named_by_the_tick_and_by_it_alone(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in the address of a message keeps no file from being loaded."""
    monkeypatch.setenv("BULK_PIPELINE_ALERT_WEBHOOK", f"gopher://{SECRET}")
    monkeypatch.setenv("BULK_PIPELINE_ALERT_FROM", "a@example.com")
    good = write_csv(tmp_path / "good.csv", rows_of("A", [2001]))
    assert runner.run(runner.claim(good, bad_file(tmp_path))).success
    said = look(runner)

    assert "BULK_PIPELINE_ALERT_WEBHOOK is no http or https URL" in said
    assert "need BULK_PIPELINE_ALERT_SMTP_URL and BULK_PIPELINE_ALERT_TO" in said
    assert SECRET not in said
    assert len(shown(runner)) == 1
    inbox = look(runner, inbox_sensor)
    assert "ALERT" not in inbox


def test_of_two_ticks_at_once_the_second_sends_nothing(
    runner: Runner, tmp_path: Path, hook: WebServer
) -> None:
    """Both would send the same message."""
    runner.run(runner.claim(bad_file(tmp_path)))
    process = started(HOLDING, runner.installation.home.root / LOCK_FILE)
    with killed_at_the_end(process):
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        held = look(runner)
        react(runner, None)
    sent_by_then = len(hook.got)
    look(runner)

    assert held == "Another tick is sending alerts."
    assert sent_by_then == 0
    assert (len(shown(runner)), len(hook.got)) == (1, 1)


def test_a_tick_asks_no_database(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: WebServer
) -> None:
    """People must hear of failures above all while the database is away."""
    runner.run(runner.claim(bad_file(tmp_path)))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/no/such/folder/x.db")
    look(runner)

    assert len(hook.got) == 1


def test_no_record_of_dagster_holds_the_secret(
    runner: Runner, tmp_path: Path, hook: WebServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """Everybody who may open the UI can read its records."""
    hook.answers = [500, 404]
    cursor, _ = react(runner, None)
    runner.run(runner.claim(bad_file(tmp_path)))
    react(runner, cursor)
    look(runner)
    look(runner)

    assert len(hook.got) == 1
    printed = "".join(capfd.readouterr())
    assert SECRET not in printed
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file


def test_nothing_to_tell_costs_nothing(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked three thousand times a day."""
    monkeypatch.setattr(module, "run_failure", None)

    assert look(runner) == "0 alerts sent."
    assert shown(runner) == []
