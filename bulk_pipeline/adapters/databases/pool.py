"""The pool of SQLAlchemy, as the settings want it."""

from typing import Any

from bulk_pipeline.adapters.database_settings import DatabaseSettings


def pool_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """Arguments for ``create_engine``; errors show no parameters."""
    return {
        "pool_size": settings.pool_size,
        "max_overflow": settings.pool_overflow,
        "pool_pre_ping": settings.pool_pre_ping,
        "pool_recycle": settings.pool_recycle_seconds,
        "pool_timeout": settings.pool_timeout_seconds,
        "hide_parameters": True,
    }
