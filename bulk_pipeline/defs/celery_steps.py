"""Steps of a run as tasks in a broker, for workers on several machines."""

from typing import Any

import dagster as dg

from bulk_pipeline.adapters.scale_settings import BACKEND_VARIABLE, BROKER_VARIABLE
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.step_broker import backend_of, broker_of, celery_options
from bulk_pipeline.defs.celery_asking import asking_executor

ANSWERS = "bulk_pipeline.adapters.step_answers:PatientAnswers"
"""How a run hears of its steps where they wait in RabbitMQ; workers answer as usual."""


def celery_steps() -> dg.ExecutorDefinition:
    """Dagster's executor over Celery, with what our steps need of it.

    Nothing is read when definitions load: its configuration is made when a run starts.
    """
    return asking_executor.configured(_configuration, config_schema={})


def _configuration(_nothing: dict[str, Any]) -> dict[str, Any]:
    """Configuration of a run's steps, in which URLs are named and not written.

    Raises:
        ConfigurationError: no broker is set, or a setting cannot be.
    """
    settings = Settings.from_environment()
    broker, backend = broker_of(settings), backend_of(settings)
    named: Any = {"env": BACKEND_VARIABLE}
    if settings.celery_backend is None:
        named = {"env": BROKER_VARIABLE} if backend == broker else ANSWERS
    return {
        "broker": {"env": BROKER_VARIABLE},
        "backend": named,
        "config_source": celery_options(settings),
    }
