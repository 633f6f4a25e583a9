"""Where steps run: in the run's own process unless the operator says otherwise."""

import os
from collections.abc import Callable, Mapping

import dagster as dg

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE
from bulk_pipeline.core.errors import ConfigurationError

CELERY = "celery"
OPTIONAL = (
    "amqp",
    "billiard",
    "celery",
    "dagster_celery",
    "dagster_k8s",
    "kombu",
    "kubernetes",
    "redis",
    "vine",
)
"""Modules of the extra ``scale``."""


def chosen_executor() -> dg.ExecutorDefinition:
    """The executor that ``BULK_PIPELINE_EXECUTOR`` names, in process by default.

    A step in a process of its own costs seconds on a small machine, a span of rows
    milliseconds; so the steps of a run share its process.

    Raises:
        ConfigurationError: the variable names none of ours, or one whose package is not
            installed.
    """
    name = os.environ.get(EXECUTOR_VARIABLE, "").strip() or "in_process"
    if name not in EXECUTORS:
        raise ConfigurationError(
            f"{EXECUTOR_VARIABLE} is {name!r}. Use one of: {', '.join(EXECUTORS)}."
        )
    try:
        return EXECUTORS[name]()
    except ModuleNotFoundError as error:
        raise needs_extra(error, f"{EXECUTOR_VARIABLE}={name}") from error


def needs_extra(error: ModuleNotFoundError, what: str) -> Exception:
    """What to raise where a module is missing: the name of the extra, if it is of that.

    Args:
        error: the import that failed.
        what: that needs the module.
    """
    package = str(error.name).partition(".")[0]
    if package not in OPTIONAL:
        return error
    return ConfigurationError(
        f"{what} needs {package}. Install the extra: pip install 'bulk-pipeline[scale]'"
    )


def _in_process() -> dg.ExecutorDefinition:
    return dg.in_process_executor


def _multiprocess() -> dg.ExecutorDefinition:
    return dg.multiprocess_executor


def _celery() -> dg.ExecutorDefinition:
    from bulk_pipeline.defs.celery_steps import (  # noqa: PLC0415
        celery_steps,  # an extra, and half a second of imports
    )

    return celery_steps()


def _k8s() -> dg.ExecutorDefinition:
    from dagster_k8s import (  # noqa: PLC0415
        k8s_job_executor,  # an extra, and seconds of imports
    )

    from bulk_pipeline.defs.step_pods import (  # noqa: PLC0415  # no other needs it
        MOST_PODS,
        STEP_PODS,
    )

    pods = {"max_concurrent": MOST_PODS, "per_step_k8s_config": STEP_PODS}
    made: dg.ExecutorDefinition = k8s_job_executor.configured(pods, name="k8s")
    return made


EXECUTORS: Mapping[str, Callable[[], dg.ExecutorDefinition]] = {
    "in_process": _in_process,
    "multiprocess": _multiprocess,
    CELERY: _celery,
    "k8s": _k8s,
}
