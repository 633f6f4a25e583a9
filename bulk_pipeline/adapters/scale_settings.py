"""The settings of steps on several machines: their broker, and where chunks lie."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretStr

BROKER_VARIABLE = "BULK_PIPELINE_CELERY_BROKER"
BACKEND_VARIABLE = "BULK_PIPELINE_CELERY_BACKEND"
PROTOCOLS = ("file", "s3", "abfs")
_PATTERN = frozenset("*[]")  # fsspec removes whatever fits; ? is refused in any case
_CONTAINER_OF_ACCOUNT = "abfs"  # adlfs writes abfs://container@account.host/folder


def _shared_place(text: str) -> str:
    """A URL of a folder that several machines reach, without a secret in it.

    Raises:
        ValueError: says what is wrong and what to write; never the text itself.
    """
    if not text:
        return text
    parts = urlsplit(text)
    if not text.startswith(tuple(f"{protocol}://" for protocol in PROTOCOLS)):
        raise ValueError("begin it with file://, s3:// or abfs://")
    who, _, _ = parts.netloc.rpartition("@")
    if who and (parts.scheme != _CONTAINER_OF_ACCOUNT or ":" in who):
        raise ValueError(
            "leave out the login; s3fs and adlfs read it from AWS_* or AZURE_STORAGE_*"
        )
    if parts.query or parts.fragment:
        raise ValueError("leave out what begins with ? or #")
    if _PATTERN & set(text) or not text.isprintable():
        raise ValueError("write it without * [ ] and without line ends")
    if parts.scheme == "file" and (parts.netloc or not parts.path.strip("/")):
        raise ValueError("write a whole path, such as file:///mnt/chunks")
    if parts.scheme != "file" and not parts.netloc:
        raise ValueError("name the bucket or container, such as s3://bucket/chunks")
    if {".", ".."} & set(parts.path.split("/")):
        raise ValueError("write the path without . and ..")
    return text.rstrip("/")


def _server(secret: SecretStr | None) -> SecretStr | None:
    """A URL of a broker, or of a store of answers.

    Raises:
        ValueError: says what is wrong and what to write; never the text itself.
    """
    if secret is None:
        return None
    scheme, separator, rest = secret.get_secret_value().partition("://")
    if not separator:
        raise ValueError("begin it with redis://, rediss://, amqp:// or amqps://")
    # Left out, Celery refuses answers, and asks the broker for no certificate.
    if scheme == "rediss" and "ssl_cert_reqs=" not in rest:
        raise ValueError(
            "end it with ?ssl_cert_reqs=CERT_REQUIRED, and &ssl_ca_certs=FILE for a "
            "certificate authority of your own"
        )
    return secret


_Server = Annotated[SecretStr | None, AfterValidator(_server)]


class ScaleSettings(BaseModel):
    """What an operator decides about scoring on other machines."""

    chunks_url: Annotated[str, AfterValidator(_shared_place)] = Field(
        default="",
        validation_alias="BULK_PIPELINE_CHUNKS_URL",
        description="Folder by which machines without the home score chunks: file://, "
        "s3:// or abfs://, without a login. Whatever the executor, batches of "
        "BULK_PIPELINE_CHUNKS_ROWS rows and more go through it, and smaller ones are "
        "scored where they were read. Default: none, all steps share the home.",
    )
    chunks_rows: int = Field(
        default=1_000_000,
        ge=1,
        validation_alias="BULK_PIPELINE_CHUNKS_ROWS",
        description="Rows from which a batch goes through BULK_PIPELINE_CHUNKS_URL.",
    )


class CelerySettings(BaseModel):
    """What an operator decides about the broker; ``repr`` hides passwords."""

    celery_broker: _Server = Field(
        default=None,
        validation_alias=BROKER_VARIABLE,
        description="URL of the broker that steps wait in under "
        "BULK_PIPELINE_EXECUTOR=celery, such as redis://:PASSWORD@HOST:6379/0 or "
        "amqp://USER:PASSWORD@HOST:5672//.",
    )
    celery_backend: _Server = Field(
        default=None,
        validation_alias=BACKEND_VARIABLE,
        description="URL of the store that workers answer in; default: the broker.",
    )
    celery_visibility_seconds: int = Field(
        default=60,
        ge=10,
        validation_alias="BULK_PIPELINE_CELERY_VISIBILITY_SECONDS",
        description="Silence of a worker after which the broker gives its steps to "
        "another one; a worker that lives says so several times in it.",
    )
