"""The first law: rows read = inserted + updated + duplicates + rejected."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in, listed
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


@settings(max_examples=40, deadline=None)
@given(
    files=st.lists(st.lists(LINES, max_size=12), min_size=1, max_size=3),
    update=st.booleans(),
)
def test_every_row_of_every_file_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[str]], *, update: bool
) -> None:
    """A row that is in no count has vanished, and nobody will look for it."""
    folder = tmp_path_factory.mktemp("accounts")
    pipeline = Pipeline(installation_in(folder / "home", ULTRA_BATCH_SIZE=5))
    paths = []
    for number, lines in enumerate(files):
        paths.append(folder / f"{number}.csv")
        paths[-1].write_text("\n".join([",".join(HEADER), *lines]), encoding="utf-8")
    try:
        published = pipeline.load(
            *paths, force=True, on_conflict="update" if update else "skip"
        )
        for upload in published.uploads:
            lines = files[int(Path(upload.file).stem)]
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
        stored = sum(upload.inserted for upload in published.uploads)
        assert pipeline.predictions() == stored
    finally:
        pipeline.close()
        shutil.rmtree(folder)
