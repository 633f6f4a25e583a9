"""Where steps run: in the run's own process unless the operator says otherwise."""

import os

import dagster as dg

from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE
from bulk_pipeline.core.errors import ConfigurationError

EXECUTORS = {
    "in_process": dg.in_process_executor,
    "multiprocess": dg.multiprocess_executor,
}


def chosen_executor() -> dg.ExecutorDefinition:
    """The executor that ``BULK_PIPELINE_EXECUTOR`` names, in process by default.

    A step in a process of its own costs seconds on a small machine, a span of rows
    milliseconds; so the steps of a run share its process.

    Raises:
        ConfigurationError: the variable names none of ours.
    """
    name = os.environ.get(EXECUTOR_VARIABLE, "").strip() or "in_process"
    if name not in EXECUTORS:
        raise ConfigurationError(
            f"{EXECUTOR_VARIABLE} is {name!r}. Use one of: {', '.join(EXECUTORS)}."
        )
    return EXECUTORS[name]
