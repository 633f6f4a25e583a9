"""One home with dropped files, and all that can be told about it afterwards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from bulk_pipeline.adapters.batches import batch_in
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.journal import UploadReport
from bulk_pipeline.adapters.locks import has_owner
from bulk_pipeline.adapters.sweeping import sweep
from bulk_pipeline.defs.uploads.refused import refused_sibling
from bulk_pipeline_tests.adapters.harness import installation_in, write_many
from bulk_pipeline_tests.adapters.looking import view_of
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

NO_TABLE = b"\x00\x01\x02 no table \xff"
STORED = """
    SELECT symbol, reporting_year, reporting_quarter, long_term_debt_to_total_capital,
           total_debt_to_ebitda, net_income_margin, ebit_to_interest_expense,
           return_on_assets, probability, risk_level, confidence, file_name
    FROM annual_predictions
    JOIN companies ON companies.id = company_id
    JOIN uploads ON uploads.id = upload_id
    ORDER BY 1, 2, 3, 12
"""
RECEIPTS = """
    SELECT file_name, sha256, rows_read, inserted, updated, duplicates,
           duplicates_conflicting, rejected
    FROM uploads ORDER BY 1
"""


def drop(inbox: Path, many: int = 0) -> None:
    """Two good files, one with rejects and a duplicate, one that is no table.

    Args:
        inbox: where to.
        many: rows of one more good file.
    """
    inbox.mkdir(parents=True, exist_ok=True)
    write_csv(inbox / "one.csv", rows_of(["AA", "BB"], [2001, 2002]))
    write_csv(inbox / "two.csv", rows_of(["CC"], [2001, 2002, 2003]))
    odd = {**ROW, "company_symbol": "DD", "reporting_year": "next year"}
    again = {**ROW, "company_symbol": "DD", "return_on_assets": "9.9"}
    good = {**ROW, "company_symbol": "DD"}
    write_csv(inbox / "odd.csv", [good, odd, again])
    (inbox / "bad.csv").write_bytes(NO_TABLE)
    if many:
        write_many(inbox / "many.csv", range(many // 100), range(1900, 2000))


@dataclass
class Aftermath:
    """What a home and its database hold in the end, by names that do not change.

    Attributes:
        stored: the rows of the table, each with its file.
        receipts: the receipts of the database.
        states: file → state in the journal.
        figures: file → counts in the journal.
        archived: names of the user's files in the archive.
        failed: file → names beside it.
        rejects: file → its reject file.
        figures_stored: whether each batch with a receipt is in ``run_metrics``; one
            that was killed between its figures and its end is there for both runs.
        partitions: whether Dagster knows those of the batches and no others.
        unfinished: runs that Dagster takes to be going on.
        left: what is in the home that nobody wants.
    """

    stored: list[tuple[Any, ...]]
    receipts: list[tuple[Any, ...]]
    states: dict[str, str]
    figures: dict[str, tuple[int, ...]]
    archived: list[str]
    failed: dict[str, list[str]]
    rejects: dict[str, str]
    figures_stored: bool
    partitions: bool
    unfinished: int
    left: list[str] = field(default_factory=list)


def aftermath(home: Path, **variables: str) -> Aftermath:
    """Look at a home, once it is swept as a tick does it; settings by variable."""
    installation = installation_in(home, **variables)
    try:
        sweep(installation)
        return _seen(installation)
    finally:
        installation.close()


def _seen(installation: Installation) -> Aftermath:
    """All of it, from an open installation."""
    home = installation.home
    uploads = installation.journal.uploads()
    names = {upload.key: upload.file for upload in uploads}
    seen = view_of(installation.database.url)
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        runs = instance.get_runs()
        partitions = instance.get_dynamic_partitions("batches")
    loads = "SELECT batch_key FROM run_metrics"
    receipts = "SELECT batch_key FROM uploads"
    return Aftermath(
        stored=seen.query(STORED),
        receipts=seen.query(RECEIPTS),
        states={u.file: u.state for u in uploads},
        figures={
            u.file: (u.rows_read, u.inserted, u.duplicates, u.rejected) for u in uploads
        },
        archived=sorted(_archived(installation)),
        failed={
            names[folder.name]: sorted(entry.name for entry in folder.iterdir())
            for folder in home.failed("").iterdir()
        },
        rejects={
            names[path.stem]: path.read_text() for path in home.rejects("").glob("*/*")
        },
        figures_stored=set(seen.query(loads)) == set(seen.query(receipts)),
        partitions=set(partitions) == _partitions(uploads),
        unfinished=sum(not run.is_finished for run in runs),
        left=sorted(_left(installation)),
    )


def _partitions(uploads: Sequence[UploadReport]) -> set[str]:
    """Each batch, and the sibling that shows what of it was refused."""
    refused = {refused_sibling(u.batch) for u in uploads if u.state == "failed"}
    return {upload.batch for upload in uploads} | refused


def _archived(installation: Installation) -> Iterator[str]:
    """The users' names of the files in the archive."""
    for folder in installation.home.archive.iterdir():
        assert not has_owner(folder), f"{folder.name} is held"
        names = {u.stored_name: u.file_name for u in batch_in(folder).uploads}
        for entry in folder.iterdir():
            if entry.name not in ("batch.json", ".lock"):
                yield names.get(entry.name, f"unknown {entry.name}")


def _left(installation: Installation) -> Iterator[str]:
    """What lies about: in landing and inbox anything, elsewhere what is hidden."""
    home = installation.home
    for folder in (home.landings, home.inbox):
        yield from (str(path.relative_to(home.root)) for path in folder.rglob("*"))
    for folder in (home.chunks(""), home.failed(""), home.rejects(""), home.archive):
        for path in folder.rglob(".*"):
            if path.name != ".lock":
                yield str(path.relative_to(home.root))
    handles = home.root / "handles"
    yield from (str(path) for path in handles.rglob(".*"))
