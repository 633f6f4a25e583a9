"""What a small load may cost, in counts that do not depend on the machine's mood.

A bound stands a little above what was counted when it was written. Whoever reaches it
has added work to each load, however small: there must be a reason for that.
"""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from bulk_pipeline.adapters.collecting import nothing_to_collect
from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline.definitions import build_definitions
from bulk_pipeline.defs.loading import loading_definitions
from bulk_pipeline_tests.builders import rows_of, write_csv

NOT_FOR_TEN_ROWS = (
    "adbc_driver_manager",
    "adbc_driver_sqlite",
    "fastexcel",
    "grpc",
    "mssql_python",
    "openpyxl",
    "pandas",
    "pyarrow.parquet",
    "pyodbc",
    "scipy",
    "sklearn",
    "skops",
    "bulk_pipeline.adapters.alert_outbox",
    "bulk_pipeline.adapters.claiming",
    "bulk_pipeline.adapters.readers.columnar",
    "bulk_pipeline.adapters.rescoring",
    "bulk_pipeline.adapters.retention",
    "bulk_pipeline.adapters.sqlserver_errors",
    "bulk_pipeline.adapters.sweeping",
    "bulk_pipeline.definitions",
    "bulk_pipeline.defs.operations",
    "bulk_pipeline.defs.predictions.rescoring",
    "bulk_pipeline.defs.uploads.sensor",
)
MOST_MODULES, MOST_OWN_MODULES = 2_050, 174
MOST_OWN_MODULES_OF_THE_LOCATION = 210


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Counts of the second of two loads of ten rows, when everything is there."""
    folder = tmp_path_factory.mktemp("budget")
    path = write_csv(folder / "ten.csv", rows_of(["AA"], range(2001, 2011)))
    settings = {*Settings.variables(), EXECUTOR_VARIABLE, "DAGSTER_HOME"}
    environment = {n: v for n, v in os.environ.items() if n not in settings}
    environment["BULK_PIPELINE_HOME"] = str(folder / "home")
    command = [sys.executable, "-m", "bulk_pipeline_tests.counted_ingest", str(path)]
    for _ in range(2):
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=True
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def own(modules: list[str]) -> list[str]:
    """The modules of this project."""
    return [name for name in modules if name.split(".")[0] == "bulk_pipeline"]


def test_ten_rows_import_nothing_that_they_do_not_need(
    counted: Mapping[str, Any],
) -> None:
    """More than half of a small load is imports."""
    modules = counted["modules"]

    assert [name for name in NOT_FOR_TEN_ROWS if name in modules] == []
    assert len(own(modules)) <= MOST_OWN_MODULES
    assert len(modules) <= MOST_MODULES


def test_the_code_location_imports_few_modules_of_ours() -> None:
    """The process of each run imports them before it can begin."""
    code = "import sys, bulk_pipeline.definitions; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert len(own(done.stdout.split())) <= MOST_OWN_MODULES_OF_THE_LOCATION


def test_a_load_opens_dagsters_instance_once(counted: Mapping[str, Any]) -> None:
    """Opening it takes as long as loading ten rows; it looks at this file each time."""
    assert counted["connects"]["schedules.db"] == 1


def test_all_steps_of_a_run_share_one_installation(counted: Mapping[str, Any]) -> None:
    """Each one of its own would read settings, open files and look at all tables."""
    assert counted["connects"]["journal.db"] <= 2  # the command and the run
    assert counted["connects"]["bulk_pipeline.db"] <= 1


def test_a_load_costs_few_transactions_and_statements(
    counted: Mapping[str, Any],
) -> None:
    """A transaction waits for the disk, and another process may hold its lock.

    One statement of the data file asks for earlier loads of about the same size, with
    which the performance card compares; it shares the transaction of the figures.
    """
    commits, statements = counted["commits"], counted["statements"]

    assert commits["journal.db"] <= 3  # claimed, running, loaded
    assert statements["journal.db"] <= 24
    assert commits["bulk_pipeline.db"] <= 3
    assert statements["bulk_pipeline.db"] <= 16


def test_a_load_makes_few_files_lasting_one_by_one(counted: Mapping[str, Any]) -> None:
    """Each wait for the disk may take 25 ms."""
    assert counted["fsyncs"] <= 24


def test_a_run_of_the_command_line_is_that_of_the_code_location() -> None:
    """People find it in the UI under the job that they know, and materialise it again.

    Dagster tells jobs apart by a hash of all that they consist of.
    """
    light, whole = loading_definitions(), build_definitions()
    for job in ("batch_job", "scorecard_job"):
        ours, theirs = light.resolve_job_def(job), whole.resolve_job_def(job)
        assert ours.get_job_snapshot_id() == theirs.get_job_snapshot_id()


def test_garbage_is_collected_again_after_the_imports() -> None:
    """A daemon that never collects grows until it is killed."""
    with nothing_to_collect(), nothing_to_collect():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), nothing_to_collect():
        raise ImportError
    assert gc.isenabled()
    gc.unfreeze()


def test_whoever_turned_collecting_off_is_left_alone() -> None:
    """It is the decision of a process, not of one of its parts."""
    gc.disable()
    try:
        with nothing_to_collect():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
