"""The two databases that the settings of synchronisation name."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.databases.target import supported_url, target_url
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import BulkPipelineError, ConfigurationError
from bulk_pipeline.core.syncing import SyncOptions

SOURCE, TARGET = "BULK_PIPELINE_SYNC_SOURCE", "BULK_PIPELINE_SYNC_TARGET"
_LOADS, _LOADS_PASSWORD = "DATABASE_URL", "BULK_PIPELINE_DATABASE_PASSWORD"
_SIDES = ("Source", "Target")
_SAID = {SOURCE: f"--source or {SOURCE}", TARGET: f"--target or {TARGET}"}


@dataclass(frozen=True, slots=True)
class SyncDatabases:
    """What is copied, and what is kept equal to it."""

    source: Database
    target: Database


@contextmanager
def sync_databases(settings: Settings) -> Iterator[SyncDatabases]:
    """The two databases; their pools close at the end of the block.

    The source is by default the database that loads go into. A database gets no
    password but its own: that of ``DATABASE_URL`` goes to no other server.

    No circuit breaker keeps a synchronisation away: it is one visit a night and no
    stream of them, and its failures say nothing about the database of loads.

    Args:
        settings: those of the environment; ``batch_size`` and ``workers`` count for
            bulk copies, too.

    Raises:
        ConfigurationError: no target is set, or a URL cannot be read or names no
            supported database.
    """
    with ExitStack() as after:
        source = _source(settings)
        after.callback(source.dispose)
        target = _target(settings)
        after.callback(target.dispose)
        yield SyncDatabases(source, target)


def sync_options(settings: Settings) -> SyncOptions:
    """What the settings ask for: incremental, every year, all tables."""
    return SyncOptions(
        delete=settings.sync_delete,
        batch_size=settings.batch_size,
        workers=settings.workers,
    )


@dataclass(frozen=True)
class _Side(Database):
    """One of the two; its errors say which one it is, and which variables name it."""

    side: str = field(kw_only=True)
    variable: str = field(kw_only=True)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        try:
            with super().guarded():
                yield
        except BulkPipelineError as error:
            # What is written to the target is written while the source is read.
            if not str(error).startswith(_SIDES):
                error.args = (f"{self.side} {self.name}: {self._said(str(error))}",)
            raise

    def _said(self, text: str) -> str:
        """An error's text with this side's variables in place of those of loads.

        Not where it sends people to ``init-db``, which heeds the variable of loads.
        """
        if self.variable == _LOADS or "init-db" in text:
            return text
        text = text.replace(_LOADS_PASSWORD, f"{self.variable}_PASSWORD")
        return text.replace(_LOADS, self.variable)


def _source(settings: Settings) -> Database:
    if settings.sync_source is None:
        url = target_url(settings)
        return _Side(url, settings, side=_SIDES[0], variable=_LOADS)
    url = supported_url(settings.sync_source.get_secret_value(), _SAID[SOURCE])
    own = _with_password(settings, settings.sync_source_password)
    return _Side(url, own, side=_SIDES[0], variable=SOURCE)


def _target(settings: Settings) -> Database:
    if settings.sync_target is None:
        raise ConfigurationError(
            f"{TARGET} is not set: nothing says which database is to be kept equal. "
            "Set it, or --target, to sqlite:////path/to/file.db or "
            "mssql+mssqlpython://user@host/database, with the password in "
            f"{TARGET}_PASSWORD."
        )
    url = supported_url(settings.sync_target.get_secret_value(), _SAID[TARGET])
    own = _with_password(settings, settings.sync_target_password)
    return _Side(url, own, side=_SIDES[1], variable=TARGET)


def _with_password(settings: Settings, password: SecretStr | None) -> Settings:
    return settings.model_copy(update={"database_password": password})
