"""Laws of runs and batches that part: every pair of their states comes to an end."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

from bulk_pipeline.adapters.locks import own_batch
from bulk_pipeline.defs.uploads.runs import RunProcess
from bulk_pipeline_tests.adapters.harness import killed_at_the_end, started
from bulk_pipeline_tests.defs.watching import NO_TABLE, Watch

Status = dg.DagsterRunStatus
STATUSES = (
    None,
    Status.QUEUED,
    Status.NOT_STARTED,
    Status.STARTING,
    Status.STARTED,
    Status.CANCELING,
    Status.SUCCESS,
    Status.FAILURE,
    Status.CANCELED,
)
STOPPED = (Status.CANCELING, Status.CANCELED)
TICKS = 4
WAITING_CODE = "import sys; sys.stdin.read()"


def placed(watch: Watch, state: str, status: Status | None) -> dg.RunRequest:
    """A batch in this state whose run, if it has one, has this status; no process."""
    label = status.value.lower() if status else "none"
    watch.drop(f"{state}-{label}.csv")
    watch.later()
    *_, request = watch.asked()
    journal, key = watch.runner.installation.journal, str(request.partition_key)
    if state == "waiting":
        journal.start(key, "an-older-run")
        journal.stop(key, "waiting", "The database was busy.")
        tags = request.tags
        request = dg.RunRequest(run_key=f"{key}:2", partition_key=key, tags=tags)
    run = watch.spent(request, status) if status else None
    if state == "running":
        journal.start(key, run.run_id if run else "a-run-that-is-forgotten")
    return request


@pytest.mark.parametrize("state", ["claimed", "running", "waiting"])
@pytest.mark.parametrize("status", STATUSES)
def test_no_pair_of_states_lasts_for_ever(
    watch: Watch, state: str, status: Status | None
) -> None:
    """After a few ticks: a run in the queue, a new request, or an end with a reason."""
    request = placed(watch, state, status)
    asked: list[str] = []
    for _ in range(TICKS):
        watch.later(7200)
        asked += watch.keys()
    [ended] = watch.states().values()

    if status is Status.QUEUED:
        assert asked == []  # it has its place, and the daemon starts it
    elif status in STOPPED:
        assert asked == []
        assert ended == "failed"
    else:
        attempt = int(str(request.run_key).rsplit(":", 1)[1])
        spent = status is not None or state == "running"
        assert asked
        assert set(asked) == {f"{request.partition_key}:{attempt + spent}"}
    unfinished = [Status.NOT_STARTED, Status.STARTING, Status.STARTED, Status.CANCELING]
    left = watch.runner.instance.get_runs(dg.RunsFilter(statuses=unfinished))
    assert left == []


@pytest.mark.parametrize("state", ["claimed", "running", "waiting"])
def test_what_a_live_process_holds_is_left_as_it_is(watch: Watch, state: str) -> None:
    """Its code server may be gone, and Dagster may say anything of its run."""
    wanted = [status for status in STATUSES if status]
    with ExitStack() as held:
        runs = []
        for status in wanted:
            request = placed(watch, state, status)
            [run] = runs_of(watch, request)
            folder = watch.root / "landing" / str(request.partition_key)
            held.enter_context(closing(own_batch(folder, run.run_id)))
            runs.append(request)
        before = watch.states()
        for _ in range(TICKS):
            watch.later(7200)
            assert watch.keys() == []
        found = [runs_of(watch, request)[0].status for request in runs]
    assert watch.states() == before
    assert set(before.values()) == {state}
    assert found == wanted


def runs_of(watch: Watch, request: dg.RunRequest) -> Sequence[dg.DagsterRun]:
    """The runs that were made for a request."""
    tags = {"dagster/run_key": str(request.run_key)}
    return watch.runner.instance.get_runs(dg.RunsFilter(tags=tags))


def test_the_files_of_a_cancelled_run_are_kept_with_the_reason(watch: Watch) -> None:
    """Whoever pressed the button means it; a run that comes back is cancelled again."""
    request = placed(watch, "running", Status.CANCELED)
    watch.keys()
    [upload] = watch.runner.installation.journal.uploads()

    assert upload.state == "failed"
    assert "cancelled by hand" in upload.message
    folder = watch.root / "failed" / upload.key
    assert {file.name for file in folder.iterdir()} == {
        "running-canceled.csv",
        "REASON.txt",
    }
    assert not (watch.root / "landing" / str(request.partition_key)).exists()


def test_a_run_is_dead_as_soon_as_its_process_is(watch: Watch) -> None:
    """Nobody waits for a timeout after a kill, and nothing slow is taken for dead."""
    watch.drop("accounts.csv")
    watch.later()
    [request] = watch.asked()
    run = watch.spent(request, Status.STARTING)
    instance = watch.runner.instance
    process = started(WAITING_CODE)
    with killed_at_the_end(process):
        data = EngineEventData.in_process(process.pid)
        instance.report_engine_event("Started process for run.", run, data)
        watch.later(7200)
        assert watch.keys() == []
        alive = instance.get_run_by_id(run.run_id)
        process.kill()
        process.wait()
        watch.ahead = 0.0
        assert watch.keys() == []
    dead = instance.get_run_by_id(run.run_id)

    assert alive is not None
    assert alive.status is Status.STARTING
    assert dead is not None
    assert dead.status is Status.FAILURE


def test_a_process_that_was_given_the_same_id_is_another_one() -> None:
    """After a restart of a container the small numbers come again."""
    now = time.time()
    assert RunProcess(os.getpid(), now).lives()
    assert not RunProcess(os.getpid(), 1_000_000_000.0).lives()
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    deadline = now + 30
    while RunProcess(zombie.pid, now + 60).lives() and time.time() < deadline:
        time.sleep(0.01)
    assert not RunProcess(zombie.pid, now + 60).lives()
    zombie.wait()
    assert not RunProcess(zombie.pid, now + 60).lives()


def test_a_run_of_no_batch_gives_its_place_back(watch: Watch) -> None:
    """Killed while it scores years again, it would count as running for ever."""
    job = watch.runner.definitions.resolve_job_def("scorecard_job")
    instance = watch.runner.instance
    run = instance.create_run_for_job(job, status=Status.STARTED)
    watch.later(1800)
    watch.keys()
    early = instance.get_run_by_id(run.run_id)
    watch.later(1801)
    watch.keys()
    late = instance.get_run_by_id(run.run_id)

    assert early is not None
    assert early.status is Status.STARTED
    assert late is not None
    assert late.status is Status.FAILURE


@pytest.mark.parametrize("status", [Status.STARTED, Status.FAILURE])
def test_refused_files_are_shown_though_their_run_was_killed(
    watch: Watch, status: Status
) -> None:
    """A run key is spent for ever; the reason would never be seen in the UI."""
    watch.drop("good.csv")
    watch.drop("bad.csv", content=NO_TABLE)
    watch.take()
    [request] = watch.asked()
    watch.spent(request, status)
    watch.later(7200)
    watch.asked()
    watch.later(7200)
    [again] = watch.asked()

    assert again.run_key == f"{request.partition_key}:2"
    assert not watch.run(again).success
    assert watch.keys() == []


def test_a_batch_whose_folder_was_taken_away_has_failed(watch: Watch) -> None:
    """It would be counted among what waits, for ever."""
    request = placed(watch, "claimed", None)
    folder = watch.root / "landing" / str(request.partition_key)
    folder.rename(watch.root / "somewhere")
    watch.keys()
    [upload] = watch.runner.installation.journal.uploads()

    assert upload.state == "failed"
    assert "removed from landing" in upload.message


def test_batches_are_asked_for_in_the_order_of_their_claims(watch: Watch) -> None:
    """Their keys begin with the second, and go on at random."""
    asked = [placed(watch, "claimed", None).partition_key for _ in range(1)]
    for name in ("b.csv", "c.csv", "d.csv", "e.csv"):
        watch.drop(name)
        watch.later()
        asked.append(watch.asked()[-1].partition_key)
    assert [request.partition_key for request in watch.asked()] == asked
