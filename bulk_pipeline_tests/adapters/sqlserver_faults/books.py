"""What must hold of a database and its journals after a load, however it went."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from bulk_pipeline.adapters.chunks import ChunkHandle
from bulk_pipeline.adapters.databases.stage import PREFIX
from bulk_pipeline.adapters.publishing import Published, register_batch
from bulk_pipeline.adapters.tables import COUNTS
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.harness import Pipeline


def scored(pipeline: Pipeline, *files: Path, **options: Any) -> ChunkHandle:
    """The scores of files that landed as one batch; their companies are registered."""
    rows = pipeline.read(pipeline.land(*files, **options).key)
    scores = pipeline.score(rows)
    register_batch(pipeline.installation, rows)
    return scores


def rows_in(*files: Path) -> list[tuple[Any, ...]]:
    """The rows of files of distinct keys, as ``Pipeline.stored`` gives them."""
    names = ("company_symbol", "reporting_year", "reporting_quarter", *RATIOS)
    rows = pl.concat([pl.read_csv(file).select(names) for file in files])
    return sorted(rows.cast(dict.fromkeys(RATIOS, pl.Float64)).rows())


def require_loaded(published: Published, rows: int) -> None:
    """The load says that it has written all rows of its one new upload."""
    (report,) = published.uploads
    assert (report.state, report.rows_read, report.inserted) == ("loaded", rows, rows)
    assert published.figures.rows_written == rows


def require_books(*pipelines: Pipeline) -> None:
    """Receipts, table, history and the homes' journals agree; no key stands twice."""
    query = pipelines[0].query
    twice = (
        "SELECT company_id, reporting_year, reporting_quarter FROM annual_predictions"
        " GROUP BY company_id, reporting_year, reporting_quarter HAVING count(*) > 1"
    )
    assert query(twice) == []
    stored = _by_upload(pipelines[0], "annual_predictions")
    given_up = "annual_prediction_history WHERE reason IN ('update', 'withdraw')"
    replaced = _by_upload(pipelines[0], given_up)
    columns = ", ".join(COUNTS)
    receipts = query(f"SELECT upload_key, id, {columns} FROM uploads")  # noqa: S608  # our names
    for _, number, *given in receipts:
        count = dict(zip(COUNTS, given, strict=True))
        held = count["inserted"] + count["updated"]
        assert count["rows_read"] == held + count["duplicates"] + count["rejected"]
        assert held == stored.get(number, 0) + replaced.get(number, 0)
    told = {
        report.key: tuple(getattr(report, name) for name in COUNTS)
        for pipeline in pipelines
        for report in pipeline.installation.journal.uploads()
        if report.state in ("loaded", "withdrawn")
    }
    assert {key: tuple(given) for key, _, *given in receipts} == told


def _by_upload(pipeline: Pipeline, rows: str) -> dict[int, int]:
    """Rows by the id of their upload."""
    query = f"SELECT upload_id, count(*) FROM {rows} GROUP BY upload_id"  # noqa: S608  # our names
    return {int(number): int(count) for number, count in pipeline.query(query)}


def stages(pipeline: Pipeline) -> list[str]:
    """The staging tables that there are, by name."""
    return sorted(
        str(name)
        for (name,) in pipeline.query("SELECT name FROM sys.tables")
        if name.startswith(PREFIX)
    )


def require_stored(pipeline: Pipeline, files: Iterable[Path]) -> None:
    """The table holds the rows of these files and no others; no stage is left."""
    require_books(pipeline)
    assert pipeline.stored() == rows_in(*files)
    assert stages(pipeline) == []


def owners(pipeline: Pipeline) -> Sequence[tuple[Any, ...]]:
    """Symbol, year, return on assets and the owning upload's file of each row."""
    return pipeline.query(
        "SELECT symbol, reporting_year, return_on_assets, file_name, uploads.id"
        " FROM annual_predictions JOIN companies ON companies.id = company_id"
        " JOIN uploads ON uploads.id = upload_id ORDER BY 1, 2"
    )
