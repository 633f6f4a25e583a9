"""Laws of the attempts at a batch: one at a time, and none is the last in vain."""

import dagster as dg
import pytest

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE
from bulk_pipeline.adapters.tick import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS
from bulk_pipeline.defs.uploads.runs import START_GRACE
from bulk_pipeline_tests.adapters.harness import killed_at_the_end, started
from bulk_pipeline_tests.defs.watching import Watch

HOLDING = """
import sys
from pathlib import Path
from bulk_pipeline.adapters.locks import own_batch
lock = own_batch(Path(sys.argv[1]), "another-run")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_batch_that_a_live_process_holds_is_not_asked_for(watch: Watch) -> None:
    """Two runs of one batch would take each other's chunks away."""
    watch.drop("accounts.csv")
    watch.later()
    [request] = watch.asked()
    folder = watch.root / "landing" / str(request.partition_key)
    process = started(HOLDING, folder)
    with killed_at_the_end(process):
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        held = watch.keys()
    freed = watch.keys()

    assert held == []
    assert freed == [request.run_key]


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
)
def test_a_batch_whose_run_is_on_its_way_is_not_asked_for(
    watch: Watch, status: dg.DagsterRunStatus
) -> None:
    """A queue of many batches is worked off once, not once a tick."""
    watch.drop("accounts.csv")
    watch.later()
    [request] = watch.asked()
    watch.spent(request, status)

    assert watch.keys() == []
    watch.later(3600)
    assert watch.keys() == []


def test_a_run_whose_process_is_gone_is_reported_and_tried_again(watch: Watch) -> None:
    """A machine was switched off: nobody is left to say that the run is over."""
    watch.drop("accounts.csv")
    watch.later()
    [request] = watch.asked()
    run = watch.spent(request, dg.DagsterRunStatus.STARTED)
    batch = str(request.partition_key)
    watch.runner.installation.journal.start(batch, run.run_id)

    watch.later(START_GRACE.total_seconds())
    assert watch.keys() == []
    buried = watch.runner.instance.get_run_by_id(run.run_id)
    assert buried is not None
    assert buried.status is dg.DagsterRunStatus.FAILURE
    assert watch.states() == {"accounts.csv": "waiting"}

    journal = watch.runner.installation.journal
    progress = journal.progress(batch)
    assert progress is not None
    watch.ahead = 0.0
    assert watch.keys() == []
    watch.later(2 * FIRST_WAIT_SECONDS + 1)
    [again] = watch.asked()
    assert again.run_key == f"{batch}:2"
    assert watch.run(again).success
    assert watch.stored() == 1


def test_a_run_between_two_steps_in_processes_of_their_own_is_alive(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process holds its batch then; reported as failed, it would be run twice."""
    monkeypatch.setenv(EXECUTOR_VARIABLE, "multiprocess")
    watch.drop("accounts.csv")
    watch.later()
    [request] = watch.asked()
    run = watch.spent(request, dg.DagsterRunStatus.STARTED)
    batch, instance = str(request.partition_key), watch.runner.instance
    watch.runner.installation.journal.start(batch, run.run_id)
    instance.report_engine_event("Starting the process of a step.", run)

    watch.ahead = 0.0
    assert watch.keys() == []
    assert watch.states() == {"accounts.csv": "running"}
    watch.later(START_GRACE.total_seconds() + 1)
    assert watch.keys() == []
    assert watch.states() == {"accounts.csv": "waiting"}
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE


def test_the_wait_between_attempts_doubles_up_to_an_hour(watch: Watch) -> None:
    """A database that is away for a night must not cost ten thousand failed runs."""
    watch.drop("accounts.csv")
    watch.later()
    [request] = watch.asked()
    batch, journal = str(request.partition_key), watch.runner.installation.journal
    waits = []
    for attempt in range(1, 12):
        journal.start(batch, f"run-{attempt}")
        journal.stop(batch, "waiting", "The database is busy.")
        wait = min(FIRST_WAIT_SECONDS * 2**attempt, LONGEST_WAIT_SECONDS)
        watch.ahead = wait - 2
        early = watch.keys()
        watch.ahead = wait + 1
        waits.append((early, watch.keys()))

    assert waits == [([], [f"{batch}:{attempt + 1}"]) for attempt in range(1, 12)]


@pytest.mark.parametrize("after_start", [False, True])
def test_a_run_key_that_was_spent_in_vain_is_counted(
    watch: Watch, *, after_start: bool
) -> None:
    """Dagster never runs a key twice: the batch would wait for ever, in silence."""
    watch.drop("accounts.csv")
    watch.later()
    [request] = watch.asked()
    if after_start:
        run = watch.spent(request, dg.DagsterRunStatus.STARTED)
    else:
        run = watch.spent(request, dg.DagsterRunStatus.NOT_STARTED)
        watch.runner.instance.report_run_failed(run, "The code could not be loaded.")
    watch.ahead = START_GRACE.total_seconds() + 1 if after_start else 0.0
    counted = watch.keys()
    watch.later(2 * FIRST_WAIT_SECONDS + 1)
    [again] = watch.asked()

    assert counted == []
    assert again.run_key == f"{request.partition_key}:2"
    found = watch.runner.instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE
    assert watch.run(again).success


def test_a_run_that_has_just_started_is_left_alone(watch: Watch) -> None:
    """Between its start and its first step it holds nothing yet."""
    watch.drop("accounts.csv")
    watch.later()
    [request] = watch.asked()
    run = watch.spent(request, dg.DagsterRunStatus.STARTED)
    watch.ahead = 0.0

    assert watch.keys() == []
    found = watch.runner.instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.STARTED
