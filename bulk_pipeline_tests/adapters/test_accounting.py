"""The first law: rows read = inserted + updated + duplicates + rejected."""

import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.journal import UploadReport
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in, listed
from bulk_pipeline_tests.adapters.ways import ON_SERVERS
from bulk_pipeline_tests.builders import HEADER, ROW

CELLS = {
    "company_symbol": ["AA", "BB", " aa ", "", "x" * 21, "NA", "0700"],
    "company_name": ["Acme", "", "n" * 256],
    "market_cap": ["", "5", "1,234,567", "many"],
    "reporting_year": ["2001", "2002", "2012-12-31", "soon", "1850", ""],
    "reporting_quarter": ["Q4", "", "4", "Q9"],
    "net_income_margin": ["1", "1.5", "NM", "5%", "1e400", "(2)", "#DIV/0!"],
    "return_on_assets": ["1", "", "x", "\u22121", "1.5"],
}
"""Cells that are good, odd and bad, by column; few keys, so that many repeat."""

ROWS = st.fixed_dictionaries(
    {name: st.sampled_from(values) for name, values in CELLS.items()}
)
LINES = st.one_of(
    ROWS.map(lambda cells: ",".join(quoted({**ROW, **cells}[n]) for n in HEADER)),
    st.sampled_from(
        ["", ",,,,,,,,,,", "too,short", ",".join(["too", "long", "enough"] * 9)]
    ),
)


def quoted(cell: str) -> str:
    """A cell in quotes where its comma needs them."""
    return f'"{cell}"' if "," in cell else cell


def require_accounts(files: list[list[str]], mode: str, **variables: object) -> None:
    """Load files as one batch and compare its counts with its lists and the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = []
        for number, lines in enumerate(files):
            text = "\n".join([",".join(HEADER), *lines])
            paths.append(folder / f"{number}.csv")
            paths[-1].write_text(text, encoding="utf-8")
        given = {"ULTRA_BATCH_SIZE": 5, **variables}
        pipeline = Pipeline(installation_in(folder / "home", **given))
        with closing(pipeline):
            published = pipeline.load(*paths, force=True, on_conflict=mode)
            for upload in published.uploads:
                require_account(upload, files[int(Path(upload.file).stem)])
            stored = sum(upload.inserted for upload in published.uploads)
            assert pipeline.predictions() == stored


def require_account(upload: UploadReport, lines: list[str]) -> None:
    """Compare the counts of an upload with one another and with its lists."""
    assert upload.state == "loaded"
    assert upload.rows_read == sum(bool(line.strip(",")) for line in lines)
    assert upload.rows_read == (
        upload.inserted + upload.updated + upload.duplicates + upload.rejected
    )
    assert upload.rejected == sum(upload.rejected_by_reason.values())
    outcomes = [row["outcome"] for row in listed(upload)]
    assert outcomes.count("rejected") == upload.rejected
    conflicting = outcomes.count("duplicate_conflicting")
    assert conflicting == upload.duplicates_conflicting


FILES = st.lists(st.lists(LINES, max_size=12), min_size=1, max_size=3)
MODES = st.sampled_from(["skip", "update"])


@settings(max_examples=40, deadline=None)
@given(files=FILES, mode=MODES)
def test_every_row_of_every_file_is_accounted_for(
    files: list[list[str]], mode: str
) -> None:
    """A row that is in no count has vanished, and nobody will look for it."""
    require_accounts(files, mode)


@pytest.mark.parametrize("driver", ON_SERVERS)
@settings(
    max_examples=5,
    deadline=None,
    # The database is emptied for each example.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(files=FILES, mode=MODES)
def test_every_row_is_accounted_for_on_a_server(
    empty_mssql, driver: str, files: list[list[str]], mode: str
) -> None:
    """The same law where other statements count."""
    require_accounts(files, mode, DATABASE_URL=empty_mssql(driver))
