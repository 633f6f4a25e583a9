"""The settings that decide where rows go, and how patient the way there is."""

from pydantic import BaseModel, Field, SecretStr


class DatabaseSettings(BaseModel):
    """What an operator decides about the target database. ``repr`` shows no password.

    The pool is SQLAlchemy's; SQL Server's numbers of seconds count on the client.
    """

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="SQLAlchemy URL of the target database; "
        "default: bulk_pipeline.db in the home.",
    )
    database_password: SecretStr | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_DATABASE_PASSWORD",
        description="Password of the user in DATABASE_URL, where the URL has none.",
    )
    staging_schema: str = Field(
        default="",
        pattern=r"^[^\[\]\"';]{0,128}$",
        validation_alias="BULK_PIPELINE_STAGING_SCHEMA",
        description="Schema of SQL Server's staging tables; default: the login's own.",
    )
    pool_size: int = Field(
        default=20,
        ge=1,
        validation_alias="ULTRA_CONNECTION_POOL_SIZE",
        description="Database connections kept open at most.",
    )
    pool_overflow: int = Field(
        default=0,
        ge=0,
        validation_alias="BULK_PIPELINE_POOL_OVERFLOW",
        description="Connections beyond the pool's size that are closed after use.",
    )
    pool_pre_ping: bool = Field(
        default=True,
        validation_alias="BULK_PIPELINE_POOL_PRE_PING",
        description="Try a pooled connection before it is used.",
    )
    pool_recycle_seconds: int = Field(
        default=3600,
        ge=1,
        validation_alias="BULK_PIPELINE_POOL_RECYCLE_SECONDS",
        description="Age at which a pooled connection is replaced.",
    )
    pool_timeout_seconds: float = Field(
        default=30.0,
        gt=0,
        validation_alias="BULK_PIPELINE_POOL_TIMEOUT_SECONDS",
        description="Wait for a free pooled connection.",
    )
    connect_seconds: int = Field(
        default=15,
        ge=1,
        validation_alias="BULK_PIPELINE_CONNECT_SECONDS",
        description="Wait for SQL Server to accept a connection.",
    )
    statement_seconds: int = Field(
        default=600,
        ge=0,
        validation_alias="BULK_PIPELINE_STATEMENT_SECONDS",
        description="Time that one statement may take in SQL Server; 0 for no limit.",
    )
    bulk_seconds: int = Field(
        default=3600,
        ge=0,
        validation_alias="BULK_PIPELINE_BULK_SECONDS",
        description="Time that one bulk copy into SQL Server may take; 0 for no limit.",
    )
    busy_seconds: float = Field(
        default=60.0,
        gt=0,
        validation_alias="BULK_PIPELINE_BUSY_SECONDS",
        description="Wait for the database's one writer of ours before a load is tried "
        "again.",
    )
    retries: int = Field(
        default=5,
        ge=1,
        le=20,
        validation_alias="BULK_PIPELINE_RETRIES",
        description="Attempts at a database transaction that may succeed later.",
    )
    login_grace_seconds: float = Field(
        default=10.0,
        ge=0,
        validation_alias="BULK_PIPELINE_LOGIN_GRACE_SECONDS",
        description="How long a refused login may be that of a server which is still "
        "starting up.",
    )
    breaker_failures: int = Field(
        default=5,
        ge=1,
        validation_alias="BULK_PIPELINE_BREAKER_FAILURES",
        description="Attempts in a row that find no database before the home leaves it "
        "alone.",
    )
    breaker_seconds: float = Field(
        default=30.0,
        gt=0,
        validation_alias="BULK_PIPELINE_BREAKER_SECONDS",
        description="How long it is left alone.",
    )


class ReplicaSettings(BaseModel):
    """What an operator decides about the replica; ``repr`` hides passwords."""

    read_url: SecretStr | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_READ_URL",
        description="SQLAlchemy URL of a copy of the target database that reports and "
        "exports read; default: the target database.",
    )
    read_password: SecretStr | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_READ_PASSWORD",
        description="Password of the user in BULK_PIPELINE_READ_URL, where the URL has "
        "none.",
    )
