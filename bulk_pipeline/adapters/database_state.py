"""What a target database is doing now: asked, and changed in nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from bulk_pipeline.adapters.databases.target import target_url
from bulk_pipeline.adapters.settings import Settings

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Section:
    """One question to a database and its answer.

    Attributes:
        title: what was asked.
        columns: names of the columns.
        rows: the answer; None is shown as nothing.
        note: what to know of it: why it is empty, or what it takes to be told.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """All that was asked of one database.

    Attributes:
        database: its URL as people may see it.
        sections: the answers.
    """

    database: str
    sections: tuple[Section, ...]


def database_state(settings: Settings) -> DatabaseState:
    """What the target database of the settings is doing now.

    Raises:
        BulkPipelineError: it cannot be reached or read.
        ConfigurationError: no database of ours is named.
    """
    url = target_url(settings)
    if url.get_backend_name() == "sqlite":
        from bulk_pipeline.adapters.databases.state_sqlite import (  # noqa: PLC0415
            sqlite_state,  # servers need none of it
        )

        sections = sqlite_state(url)
    else:
        from bulk_pipeline.adapters.databases.state_sqlserver import (  # noqa: PLC0415
            server_state,  # SQLite needs none of it
        )

        sections = server_state(settings)
    name = url.set(query={}).render_as_string(hide_password=True)
    return DatabaseState(name, tuple(sections))
