"""Laws of the wheel: it is whole, and works far from the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BUILD = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation")
CODE = """
from bulk_pipeline.adapters.model_store import load_model
from bulk_pipeline.definitions import build_definitions
import bulk_pipeline
build_definitions().resolve_all_job_defs()
print(load_model().name, bulk_pipeline.__file__)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what git tracks or would, and unpacked."""
    source = tmp_path_factory.mktemp("source")
    listing = ["git", "ls-files", "-co", "--exclude-standard"]
    names = subprocess.run(
        listing, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in names:
        if not (ROOT / name).is_file():
            continue
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    wheels = tmp_path_factory.mktemp("wheels")
    command = [*BUILD, "--quiet", "--wheel-dir", str(wheels), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    [wheel] = wheels.glob("*.whl")
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_installed(installed: Path, cwd: Path, code: str, *arguments: str) -> str:
    """Run code against the unpacked wheel, outside the checkout."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_wheel_has_every_module_and_data_file(installed: Path) -> None:
    """The package list is written by hand; a forgotten folder shows only here."""
    here = {
        path.relative_to(ROOT)
        for pattern in ("*.py", "*.json", "*.yaml", "py.typed", "api/page/*.*")
        for path in (ROOT / "bulk_pipeline").rglob(pattern)
        if "__pycache__" not in path.parts
    }
    there = {path.relative_to(installed) for path in installed.rglob("*")}

    assert here <= there


def test_the_installed_package_scores_and_loads_its_definitions(
    installed: Path, tmp_path: Path
) -> None:
    """Users install a wheel; they have no checkout beside it."""
    said = run_installed(installed, tmp_path, CODE)

    assert str(installed) in said


def test_the_installed_command_loads_a_file(installed: Path, tmp_path: Path) -> None:
    """The whole way: sample, run, table."""
    program = "from bulk_pipeline.cli import main; main()"
    sample = str(tmp_path / "sample.csv")
    run_installed(
        installed, tmp_path, program, "generate", "--rows", "100", "--out", sample
    )
    said = run_installed(installed, tmp_path, program, "ingest", sample)

    assert "100 rows read = 100 inserted" in said
