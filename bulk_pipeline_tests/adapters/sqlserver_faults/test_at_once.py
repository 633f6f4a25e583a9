"""Eight loads at once, by both drivers: every key once, every row accounted for."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from bulk_pipeline.adapters.active_model import activate
from bulk_pipeline.adapters.rescoring import outdated_years, rescored_years
from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline_tests import sqlserver
from bulk_pipeline_tests.adapters.harness import write_many
from bulk_pipeline_tests.adapters.sqlserver_faults.books import (
    owners,
    require_books,
    stages,
)
from bulk_pipeline_tests.adapters.ways import DRIVERS
from bulk_pipeline_tests.models import stricter

LOADS = 8
YEARS = range(2000, 2020)
COMPANIES, STEP = 40, 10
"""Companies of a file; by how many the next file is ahead: keys are in up to four."""


@pytest.fixture
def eight(mssql_url, loads, tmp_path):
    """Eight homes on one database, half of them by each driver, and their files."""
    if mssql_url.get_driver_name() == "pyodbc":
        pytest.skip("both drivers are in one test")
    sqlserver.require("pyodbc")
    urls = [sqlserver.url_of(driver, mssql_url.database) for driver in DRIVERS]
    pipelines = [
        loads(home=f"home{number}", DATABASE_URL=urls[number % 2])
        for number in range(LOADS)
    ]
    files = [a_file(tmp_path, number) for number in range(LOADS)]
    return pipelines, files


def a_file(folder, number):
    """A file with its number as the return on assets of every row."""
    companies = range(STEP * number, STEP * number + COMPANIES)
    return write_many(folder / f"{number}.csv", companies, YEARS, roa=float(number))


def published_at_once(pipelines, batches):
    """What all loads, started together, said about their one upload each."""
    with ThreadPoolExecutor(len(pipelines)) as pool:
        running = [
            pool.submit(pipeline.publish, scores)
            for pipeline, scores in zip(pipelines, batches, strict=True)
        ]
        return [each.result(timeout=100).uploads[0] for each in running]


@pytest.mark.parametrize("mode", ["skip", "update"])
def test_eight_loads_at_once_store_every_key_once(eight, mode) -> None:
    """No duplicate, no lost row, no failure; each row is that of its owner."""
    pipelines, files = eight
    batches = [
        pipeline.score(pipeline.read(pipeline.land(file, on_conflict=mode).key))
        for pipeline, file in zip(pipelines, files, strict=True)
    ]
    reports = published_at_once(pipelines, batches)
    keys = (COMPANIES + STEP * (LOADS - 1)) * len(YEARS)
    assert sum(report.inserted for report in reports) == keys
    overlapping = LOADS * COMPANIES * len(YEARS) - keys
    gone = [r.updated if mode == "update" else r.duplicates for r in reports]
    assert sum(gone) == overlapping
    require_books(*pipelines)
    assert stages(pipelines[0]) == []
    found = owners(pipelines[0])
    assert len(found) == keys
    newest = dict(pipelines[0].query("SELECT file_name, id FROM uploads"))
    for symbol, _, roa, file, _ in found:
        assert f"{roa:.0f}.csv" == file
        rivals = {
            name: number
            for name, number in newest.items()
            if int(symbol[1:]) in companies_of(name)
        }
        # The first that came keeps its row, or the last one has it.
        best = max if mode == "update" else min
        assert rivals[file] == best(rivals.values())


def companies_of(name):
    """Numbers of the companies in a file of ours."""
    start = STEP * int(name.removesuffix(".csv"))
    return range(start, start + COMPANIES)


def test_loads_withdrawals_and_a_rescoring_at_once_add_up(
    eight, loads, tmp_path
) -> None:
    """Whatever comes first, withdrawn rows are gone and every other key is there."""
    pipelines, files = eight
    older = loads(home="older")
    half, years = STEP * (LOADS + 3) // 2, range(1995, 2020)
    before = [
        write_many(tmp_path / f"10{n}.csv", range(n * half, (n + 1) * half), years)
        for n in range(2)
    ]
    keys = [older.load(file).uploads[0].key for file in before]
    batches = [
        pipeline.score(pipeline.read(pipeline.land(file, on_conflict="update").key))
        for pipeline, file in zip(pipelines, files, strict=True)
    ]
    rescorer = loads(home="rescorer").installation
    model = activate(rescorer.home, stricter(tmp_path))

    def rescored():
        """Rows scored again, over all years that need it now."""
        outdated = outdated_years(rescorer.database, model.sha256)
        return sum(
            year.rows_rescored for year in rescored_years(rescorer, model, outdated)
        )

    with ThreadPoolExecutor(3) as pool:
        withdrawals = [pool.submit(withdraw, older.installation, [key]) for key in keys]
        rescoring = pool.submit(rescored)
        reports = published_at_once(pipelines, batches)
        assert [w.result(60)[0].state for w in withdrawals] == ["withdrawn"] * 2
        rows = rescoring.result(60)
    require_books(older, *pipelines)
    assert stages(older) == []
    found = owners(older)
    assert len(found) == (COMPANIES + STEP * (LOADS - 1)) * len(YEARS)
    assert {file for *_, file, _ in found} <= {file.name for file in files}
    assert all(f"{roa:.0f}.csv" == file for _, _, roa, file, _ in found)
    assert sum(r.inserted + r.updated for r in reports) == LOADS * COMPANIES * len(
        YEARS
    )
    rows += rescored()
    again = "SELECT count(*) FROM annual_prediction_history WHERE reason = 'rescore'"
    assert older.value(again) == rows
    assert outdated_years(rescorer.database, model.sha256) == {}
