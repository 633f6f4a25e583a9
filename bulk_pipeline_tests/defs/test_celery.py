"""Laws of steps as tasks of Celery, as far as they hold without a broker."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import deserialize_value, pack_value

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline.adapters.step_broker import (
    QUEUES,
    backend_of,
    celery_options,
    require_broker,
    shown_broker,
)
from bulk_pipeline.core.errors import ConfigurationError, PermanentError, TransientError
from bulk_pipeline.defs import celery_steps, queues
from bulk_pipeline.defs.celery_guard import MOST_BEGINNINGS, answer_already
from bulk_pipeline.defs.executors import chosen_executor
from bulk_pipeline_tests.cli.command import bulk_pipeline
from bulk_pipeline_tests.ports import free_port

SECRET = "5c1"  # noqa: S105  # of a test
REDIS = f"redis://:{SECRET}@broker.example:6379/0"
STEP = "batch_predictions.score_chunk[span_0]"
Kind = dg.DagsterEventType


@dg.op
def noted() -> None:
    """A step whose events are as real as any."""


@dg.job(executor_def=dg.in_process_executor)
def noted_job() -> None:
    """A run of one step."""
    noted()


@pytest.fixture
def instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    """A real instance, as a message of a step refers to it."""
    folder = tmp_path / "instance"
    folder.mkdir()
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(folder))) as made:
        yield made


def message(instance: dg.DagsterInstance, run_id: str, step: str) -> Any:
    """What the broker holds of a step."""
    arguments = ExecuteStepArgs(
        job_origin=noted_job_origin(),
        run_id=run_id,
        step_keys_to_execute=[step],
        instance_ref=instance.get_ref(),
    )
    return json.loads(json.dumps(pack_value(arguments)))


def noted_job_origin() -> Any:
    """Where the job is found, as a run of it says."""
    return dg.reconstructable(noted_job).get_python_origin()


@pytest.mark.parametrize(
    ("name", "module"), [("celery", "dagster_celery"), ("k8s", "dagster_k8s")]
)
def test_an_executor_whose_package_is_missing_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    """The package of that name alone would come without its broker, or too new."""
    monkeypatch.setenv(EXECUTOR_VARIABLE, name)
    monkeypatch.setitem(sys.modules, module, None)
    for part in [name for name in sys.modules if name.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, part)
    for loaded in ("celery_asking", "celery_steps", "step_pods"):
        monkeypatch.delitem(sys.modules, f"bulk_pipeline.defs.{loaded}", raising=False)
        monkeypatch.delattr(f"bulk_pipeline.defs.{loaded}", raising=False)
    with pytest.raises(
        ConfigurationError, match=rf"{module}.*'bulk-pipeline\[scale\]'"
    ):
        chosen_executor()


def test_definitions_load_before_any_broker_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A UI shows the assets, and an operator reads there what is missing."""
    monkeypatch.setenv(EXECUTOR_VARIABLE, "celery")
    assert chosen_executor().name == "celery"


def test_the_configuration_of_a_run_names_its_secrets_and_does_not_hold_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is stored with the run and sent to workers."""
    monkeypatch.setenv("BULK_PIPELINE_CELERY_BROKER", REDIS)
    made = celery_steps._configuration({})
    assert made["broker"] == {"env": "BULK_PIPELINE_CELERY_BROKER"}
    assert made["backend"] == {"env": "BULK_PIPELINE_CELERY_BROKER"}
    assert SECRET not in json.dumps(made)
    monkeypatch.setenv("BULK_PIPELINE_CELERY_BACKEND", REDIS)
    made = celery_steps._configuration({})
    assert made["backend"] == {"env": "BULK_PIPELINE_CELERY_BACKEND"}


def test_a_run_without_a_broker_says_which_variable_to_set() -> None:
    """The default of the library is a server that nobody has."""
    with pytest.raises(ConfigurationError, match="BULK_PIPELINE_CELERY_BROKER"):
        celery_steps._configuration({})


def test_a_worker_takes_json_and_nothing_that_is_a_program() -> None:
    """Whoever can write to the broker would run code by a pickle."""
    options = celery_options(with_broker(REDIS))
    assert options["accept_content"] == options["result_accept_content"] == ["json"]
    assert options["task_serializer"] == options["result_serializer"] == "json"


def test_rabbitmq_answers_by_itself_and_knows_no_timeout_of_redis() -> None:
    """It sees the connection of a worker end, and has no key to store answers in."""
    settings = with_broker("amqp://user@broker.example//")
    assert backend_of(settings) == "rpc://"
    transport = celery_options(settings)["broker_transport_options"]
    assert "visibility_timeout" not in transport
    assert (
        "visibility_timeout"
        in celery_options(with_broker(REDIS))["broker_transport_options"]
    )


def test_every_step_waits_in_a_queue_that_workers_can_be_told() -> None:
    """A queue that no worker knows is a run that never ends."""
    tags = (queues.READ, queues.SCORE, queues.LOAD)
    used = {queues.HOME, *(tag[queues.QUEUE_TAG] for tag in tags)}
    assert used == set(QUEUES)


def test_a_broker_that_does_not_answer_is_named_without_its_password() -> None:
    """The message is copied into tickets."""
    settings = with_broker(f"redis://:{SECRET}@127.0.0.1:{free_port()}/0")
    with pytest.raises(
        TransientError, match=r"redis://127\.0\.0\.1.*Start it"
    ) as error:
        require_broker(settings)
    assert SECRET not in str(error.value)
    assert SECRET not in shown_broker(settings)


def test_a_worker_without_its_broker_says_so_and_ends() -> None:
    """It is started by a service manager, and somebody reads the log."""
    address = f"redis://:{SECRET}@127.0.0.1:{free_port()}/0"
    done = bulk_pipeline("worker", BULK_PIPELINE_CELERY_BROKER=address)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert SECRET not in done.stderr + done.stdout
    done = bulk_pipeline("worker", BULK_PIPELINE_CELERY_BROKER="")
    assert done.returncode == 2
    assert "BULK_PIPELINE_CELERY_BROKER is not set" in done.stderr


def test_a_step_of_a_run_that_is_over_is_not_done(instance: dg.DagsterInstance) -> None:
    """It waited for a day; the next attempt has loaded the file meanwhile."""
    run = noted_job.execute_in_process(instance=instance)
    for again in (False, True):
        packed = message(instance, run.run_id, "noted")
        assert answer_already(packed, again=again) == []
    assert answer_already(message(instance, "unknown", "noted"), again=False) == []


def test_a_step_of_a_run_that_is_being_cancelled_is_not_begun(
    instance: dg.DagsterInstance,
) -> None:
    """A worker that starts now was not there when the step was taken back."""
    run = begun(instance, times=1)
    instance.report_run_canceling(run)
    packed = message(instance, run.run_id, STEP)
    assert [answer_already(packed, again=again) for again in (False, True)] == [[], []]
    say(instance, run, Kind.STEP_SUCCESS)
    assert len(answer_already(packed, again=True) or []) == 2  # it is over, and says so


def test_a_step_that_is_given_out_for_the_first_time_is_done(
    instance: dg.DagsterInstance,
) -> None:
    """Nothing stands in its way."""
    run = begun(instance, times=0)
    packed = message(instance, run.run_id, STEP)
    assert answer_already(packed, again=False) is None
    assert answer_already(packed, again=True) is None


def test_a_step_whose_answer_was_lost_is_answered_from_its_events(
    instance: dg.DagsterInstance,
) -> None:
    """Its worker died between the end of the step and its answer."""
    run = begun(instance, times=1)
    say(instance, run, Kind.STEP_SUCCESS)
    found = answer_already(message(instance, run.run_id, STEP), again=True)
    assert found is not None
    events = [deserialize_value(text, dg.DagsterEvent) for text in found]
    assert [e.event_type for e in events] == [Kind.STEP_START, Kind.STEP_SUCCESS]


def test_a_step_that_was_begun_too_often_is_refused_with_the_likely_cause(
    instance: dg.DagsterInstance,
) -> None:
    """It kills its process each time, and would do so until somebody looks."""
    run = begun(instance, times=MOST_BEGINNINGS - 1)
    packed = message(instance, run.run_id, STEP)
    assert answer_already(packed, again=True) is None
    say(instance, run, Kind.STEP_START)
    with pytest.raises(PermanentError, match=r"begun 3 times.*memory"):
        answer_already(packed, again=True)


def with_broker(url: str) -> Settings:
    """Settings with this broker and nothing else."""
    return Settings.from_environment({"BULK_PIPELINE_CELERY_BROKER": url})


def begun(instance: dg.DagsterInstance, *, times: int) -> dg.DagsterRun:
    """A run in work, whose step was begun so often."""
    run = instance.create_run_for_job(noted_job, status=dg.DagsterRunStatus.STARTED)
    for _ in range(times):
        say(instance, run, Kind.STEP_START)
    return run


def say(
    instance: dg.DagsterInstance, run: dg.DagsterRun, kind: dg.DagsterEventType
) -> None:
    """Store an event of the step."""
    data = None
    if kind is Kind.STEP_SUCCESS:
        from dagster._core.execution.plan.objects import StepSuccessData  # noqa: PLC0415

        data = StepSuccessData(duration_ms=1.0)
    event = dg.DagsterEvent(
        kind.value, run.job_name, step_key=STEP, event_specific_data=data
    )
    instance.report_dagster_event(event, run.run_id)
