"""Laws of the code location: complete, light, and the same wherever it is loaded."""

import importlib
import pkgutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import dagster as dg
import pytest
import yaml

import bulk_pipeline.data
import bulk_pipeline.defs
from bulk_pipeline.definitions import build_definitions
from bulk_pipeline.defs.executors import chosen_executor

ROOT = Path(__file__).resolve().parents[1]
KINDS = (
    dg.AssetsDefinition,
    dg.AssetChecksDefinition,
    dg.AssetSpec,
    dg.SensorDefinition,
    dg.ScheduleDefinition,
)
HEAVY = ("sklearn", "scipy", "pandas", "skops", "openpyxl", "fastexcel", "rich")
DRIVERS = ("adbc_driver_sqlite", "adbc_driver_manager", "mssql_python", "pyodbc")


def test_everything_defined_under_defs_is_in_the_code_location() -> None:
    """Definitions are listed by hand; this is what makes that safe."""
    written: set[int] = set()
    for module in pkgutil.walk_packages(
        bulk_pipeline.defs.__path__, "bulk_pipeline.defs."
    ):
        loaded = importlib.import_module(module.name)
        written |= {id(v) for v in vars(loaded).values() if isinstance(v, KINDS)}
    location = build_definitions()
    listed = [*(location.assets or ()), *(location.asset_checks or ())]
    listed += [*(location.sensors or ()), *(location.schedules or ())]

    assert written == {id(definition) for definition in listed}


def test_loading_the_definitions_imports_nothing_heavy_and_no_driver() -> None:
    """Every run starts a process that imports them: a second here is a second a run."""
    code = (
        "import sys; from bulk_pipeline.definitions import build_definitions; "
        "build_definitions().resolve_all_job_defs(); "
        f"print([m for m in {HEAVY + DRIVERS} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_the_code_location_loads_without_any_environment(tmp_path: Path) -> None:
    """A webserver must show the assets before anything is configured."""
    code = "from bulk_pipeline.definitions import build_definitions as b; b()"
    path = {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=path, check=True)


def test_both_ways_to_start_dagster_name_the_same_location() -> None:
    """`dagster dev` reads pyproject.toml, `-w` reads workspace.yaml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]
    entry = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]
    module = entry["python_module"]

    named = project["project"]
    assert module["module_name"] == f"{named['root_module']}.definitions"
    assert module["location_name"] == named["code_location_name"]


def test_the_checkout_and_the_wheel_have_the_same_instance_settings() -> None:
    """Users of either must get the same run queue."""
    shipped = files(bulk_pipeline.data).joinpath("dagster.yaml").read_text()

    assert (ROOT / "dagster.yaml").read_text() == shipped


def test_an_unknown_executor_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A typing mistake must not silently run everything in one process."""
    monkeypatch.setenv("BULK_PIPELINE_EXECUTOR", "multi")

    with pytest.raises(Exception, match=r"'multi'.*in_process, multiprocess"):
        chosen_executor()


def test_steps_share_the_process_of_their_run_by_default() -> None:
    """A process for each step costs seconds, a span of rows milliseconds."""
    assert chosen_executor() is dg.in_process_executor


def test_every_asset_has_a_group_a_kind_and_a_description() -> None:
    """They are the catalogue that analysts read."""
    graph = build_definitions().resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name != "default", key
        assert node.kinds, key
        assert node.description, key
