"""Steps of a run as tasks in a broker, for workers on several machines."""

from typing import Any

import dagster as dg
from dagster_celery import celery_executor

from bulk_pipeline.adapters.scale_settings import BACKEND_VARIABLE, BROKER_VARIABLE
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.step_broker import backend_of, broker_of, celery_options


def celery_steps() -> dg.ExecutorDefinition:
    """Dagster's executor over Celery, with what our steps need of it.

    Nothing is read when definitions load: its configuration is made when a run starts.
    """
    made: dg.ExecutorDefinition = celery_executor.configured(
        _configuration, config_schema={}
    )
    return made


def _configuration(_nothing: dict[str, Any]) -> dict[str, Any]:
    """Configuration of a run's steps, in which URLs are named and not written.

    Raises:
        ConfigurationError: no broker is set, or a setting cannot be.
    """
    settings = Settings.from_environment()
    broker, backend = broker_of(settings), backend_of(settings)
    named: Any = {"env": BACKEND_VARIABLE}
    if settings.celery_backend is None:
        named = {"env": BROKER_VARIABLE} if backend == broker else backend
    return {
        "broker": {"env": BROKER_VARIABLE},
        "backend": named,
        "config_source": celery_options(settings),
    }
