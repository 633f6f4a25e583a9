"""Connections that break anywhere: a load ends with its rows stored, once."""

import pytest

from bulk_pipeline_tests.adapters.harness import write_many
from bulk_pipeline_tests.adapters.sqlserver_faults.books import (
    require_loaded,
    require_stored,
    scored,
)

YEARS = range(1970, 2000)
ROWS = 40 * len(YEARS)
"""Rows of a file here."""

# The first row, one by one, around pages of 1,000 rows as they are sent, and the last.
AFTER_ROWS = [1, 2, 39, 40, 41, 42, 100, 500, 999, 1000, 1001, 1002]
AFTER_ROWS += [300, 700, 1099, 1100, 1101, ROWS - 2, ROWS - 1, ROWS]
CUTS = 20


def some_file(folder, number):
    """A file of 40 companies of its own."""
    companies = range(40 * number, 40 * number + 40)
    return write_many(folder / f"{number}.csv", companies, YEARS, roa=float(number))


def test_a_bulk_copy_cut_after_any_row_is_made_again(
    loads, mssql_url, mssql_faults, tmp_path
) -> None:
    """What was copied before the cut must neither be stored nor missed."""
    if mssql_url.get_driver_name() == "pyodbc":
        pytest.skip("pyodbc sends arrays of parameters, no bulk rows")
    pipeline = loads(ULTRA_PARALLEL_WORKERS=1, ULTRA_BATCH_SIZE=1000)
    files = []
    for number, rows in enumerate(AFTER_ROWS):
        files.append(some_file(tmp_path, number))
        scores = scored(pipeline, files[-1])
        mssql_faults(drop_after_bulk_rows=rows)
        require_loaded(pipeline.publish(scores, register=False), ROWS)
        assert mssql_faults()["drop_after_bulk_rows"] == 0, "nothing was cut"
    assert len(set(AFTER_ROWS)) == CUTS
    require_stored(pipeline, files)


def test_a_load_cut_after_any_byte_is_made_again(loads, proxy, tmp_path) -> None:
    """Logins, locks, statements, rows and commits: none is a bad moment to be cut."""
    pipeline = loads(ULTRA_PARALLEL_WORKERS=1, DATABASE_URL=proxy.url)
    files = [some_file(tmp_path, 0)]
    pipeline.load(files[0])
    total = 0
    for number in range(CUTS + 1):
        files.append(some_file(tmp_path, number + 1))
        scores = pipeline.score(pipeline.read(pipeline.land(files[-1]).key))
        # The first goes through and says how many bytes a load is; the last byte of
        # the next ones is part of the farewell, which need not be sent.
        after = 1 + (total - 200) * (number - 1) // (CUTS - 1) if number else None
        proxy.cut_after(after)
        require_loaded(pipeline.publish(scores), ROWS)
        total = total or proxy.sent
        assert proxy.cuts == number
        proxy.cut_after(None)
    files.append(some_file(tmp_path, CUTS + 2))
    require_loaded(pipeline.load(files[-1]), ROWS)
    require_stored(pipeline, files)
