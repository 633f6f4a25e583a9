"""What a synchronisation is asked for and what it did; see ``adapters.syncing``."""

from dataclasses import dataclass, field
from enum import StrEnum


class SyncMode(StrEnum):
    """How two databases are compared.

    Incremental looks at the rows whose moments of change are not the same on both
    sides, full at every row, and verify at every row without writing.
    """

    INCREMENTAL = "incremental"
    FULL = "full"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What is asked for.

    Attributes:
        mode: how the two are compared.
        delete: whether rows that the source does not have are deleted, by full and
            by incremental.
        batch_size: rows that are read and written by one transaction where rows go
            over a wire; at least one company. Two SQLite files on one machine need
            one transaction for all of it.
        workers: more than one reads the next rows while rows are written; two SQLite
            files on one machine have no use for it.
        years: reporting years that are looked at; empty: all.
        predictions: whether predictions are looked at; without, only models, receipts
            and companies, all of them, and none of those is deleted.
    """

    mode: SyncMode = SyncMode.INCREMENTAL
    delete: bool = True
    batch_size: int = 50_000
    workers: int = 1
    years: tuple[int, ...] = ()
    predictions: bool = True


@dataclass(frozen=True, slots=True)
class TableCounts:
    """What became of the rows of one table.

    Attributes:
        source_rows: rows that the source has, of those that were looked at.
        inserted: rows that the target lacked; in verify: lacks.
        updated: rows whose values differed; in verify: differ.
        deleted: rows that only the target had; in verify, or where deleting is
            switched off: has.
        unchanged: rows that were equal already.
        kept: rows that only the target has and keeps, because rows of its own still
            name them: a company or an upload in its history, say.
        seconds: spent on this table.
    """

    source_rows: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    kept: int = 0
    seconds: float = 0.0

    @property
    def differing(self) -> int:
        """Rows in which the two databases differed."""
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a synchronisation did, or in verify would do.

    Attributes:
        mode: how the two were compared.
        tables: name of a table → what became of its rows; in the order of writing.
        years: reporting year → what became of its predictions, for each year that
            either side has rows of; empty where moments alone showed that nothing
            changed and no years were asked for. Their ``seconds`` are 0.
        seconds: all of it.
    """

    mode: SyncMode
    tables: dict[str, TableCounts] = field(default_factory=dict)
    years: dict[int, TableCounts] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def equal(self) -> bool:
        """Whether nothing differed; what the target keeps for itself does not count."""
        return not any(counts.differing for counts in self.tables.values())
