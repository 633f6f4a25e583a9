"""The settings of steps that wait in a broker and run on several machines."""

from pydantic import BaseModel, Field, SecretStr

BROKER_VARIABLE = "BULK_PIPELINE_CELERY_BROKER"
BACKEND_VARIABLE = "BULK_PIPELINE_CELERY_BACKEND"


class CelerySettings(BaseModel):
    """What an operator decides about the broker; ``repr`` hides passwords."""

    celery_broker: SecretStr | None = Field(
        default=None,
        validation_alias=BROKER_VARIABLE,
        description="URL of the broker that steps wait in under "
        "BULK_PIPELINE_EXECUTOR=celery, such as redis://:PASSWORD@HOST:6379/0.",
    )
    celery_backend: SecretStr | None = Field(
        default=None,
        validation_alias=BACKEND_VARIABLE,
        description="URL of the store that workers answer in; default: the broker.",
    )
    celery_visibility_seconds: int = Field(
        default=60,
        ge=10,
        validation_alias="BULK_PIPELINE_CELERY_VISIBILITY_SECONDS",
        description="Silence of a worker after which Redis gives its steps to another "
        "one; a worker that lives says so three times in it.",
    )
