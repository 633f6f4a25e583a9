"""The machine as it is seen: limits, disk, versions, and the settings that follow."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from bulk_pipeline.adapters.cgroups import cpu_quota, memory_limit
from bulk_pipeline.adapters.disk_speed import disk_speed
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.system_info import (
    PACKAGES,
    Cores,
    Memory,
    recommended,
    system_info,
)

GIB = 2**30
ENOUGH = Memory(16 * GIB, 12 * GIB, None)


def limited(root: Path, groups: str, **files: str) -> Path:
    """A machine with these groups and files under ``sys/fs/cgroup``."""
    texts = {"proc/self/cgroup": groups}
    texts |= {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    for name, text in texts.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return root


def test_a_container_s_quota_and_memory_limit_are_found(tmp_path: Path) -> None:
    """The machine's own figures would start more workers than there are cores."""
    files = {"app/cpu.max": "150000 100000", "app/memory.max": str(GIB)}
    root = limited(tmp_path, "0::/app", **files)
    assert (cpu_quota(root), memory_limit(root)) == (1.5, GIB)


def test_a_limit_above_us_binds_us_too(tmp_path: Path) -> None:
    """A service's slice is limited as a whole; its services name no limit."""
    files = {
        "slice/cpu.max": "50000 100000",
        "slice/app/cpu.max": "max 100000",
        "slice/memory.max": str(GIB),
        "slice/app/memory.max": "max",
    }
    root = limited(tmp_path, "0::/slice/app", **files)
    assert (cpu_quota(root), memory_limit(root)) == (0.5, GIB)


def test_the_groups_of_version_1_are_read_as_well(tmp_path: Path) -> None:
    """Kernels of long-lived servers have one tree for each kind of limit."""
    files = {
        "cpu/app/cpu.cfs_quota_us": "200000",
        "cpu/app/cpu.cfs_period_us": "100000",
        "memory/app/memory.limit_in_bytes": str(2 * GIB),
    }
    root = limited(tmp_path, "4:memory:/app\n2:cpu,cpuacct:/app\n0::/", **files)
    assert (cpu_quota(root), memory_limit(root)) == (2.0, 2 * GIB)
    (root / "sys/fs/cgroup/cpu").rename(root / "sys/fs/cgroup/cpu,cpuacct")
    assert cpu_quota(root) == 2.0


@pytest.mark.parametrize("unlimited", ["max", "9223372036854771712", ""])
def test_no_limit_is_no_number(tmp_path: Path, unlimited: str) -> None:
    """A number near 2**63 shown as a limit would look like a measurement."""
    files = {"memory/memory.limit_in_bytes": unlimited, "cpu/cpu.cfs_quota_us": "-1"}
    root = limited(tmp_path, "4:memory:/\n1:cpu:/", **files)
    assert (cpu_quota(root), memory_limit(root)) == (None, None)
    assert (cpu_quota(tmp_path / "none"), memory_limit(tmp_path / "none")) == (
        None,
        None,
    )


@pytest.mark.parametrize(
    ("cores", "workers"),
    [
        (Cores(64, 64, None), 8),
        (Cores(64, 4, None), 4),
        (Cores(64, 64, 2.5), 2),
        (Cores(64, 64, 0.5), 1),
    ],
)
def test_workers_are_the_whole_cores_that_are_there_for_us(
    cores: Cores, workers: int
) -> None:
    """More of them than cores wait for each other; the setting ends at eight."""
    assert recommended(cores, ENOUGH).workers == workers


@pytest.mark.parametrize(
    ("memory", "rows"),
    [
        (ENOUGH, 50_000),
        (Memory(64 * GIB, 60 * GIB, GIB), 10_000),
        (Memory(64 * GIB, GIB, None), 10_000),
    ],
)
def test_batches_are_smaller_where_memory_is_scarce(memory: Memory, rows: int) -> None:
    """A run that is killed for its memory has saved nothing by larger batches."""
    assert recommended(Cores(2, 2, None), memory).batch_size == rows


@pytest.mark.parametrize("cores", [Cores(1, 1, 0.1), Cores(99, 99, None)])
@pytest.mark.parametrize("memory", [ENOUGH, Memory(GIB, 1, 1)])
def test_the_settings_take_what_is_recommended(cores: Cores, memory: Memory) -> None:
    """Advice that the program itself refuses would be the worst of all."""
    advice = recommended(cores, memory)
    given = {
        "ULTRA_BATCH_SIZE": str(advice.batch_size),
        "ULTRA_PARALLEL_WORKERS": str(advice.workers),
    }
    settings = Settings.from_environment(given)
    assert settings.workers == advice.workers
    assert settings.batch_size == advice.batch_size


def test_plenty_of_memory_means_the_default_batch(tmp_path: Path) -> None:
    """The text says so, and would lie once somebody changes the default."""
    default = Settings.from_environment({"BULK_PIPELINE_HOME": str(tmp_path)})
    assert recommended(Cores(2, 2, None), ENOUGH).batch_size == default.batch_size


def test_measuring_a_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """The folder may be somebody's inbox or home."""
    speed = disk_speed(tmp_path, size=2**20)
    assert speed.bytes_per_second > 0
    assert speed.sync_seconds > 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Whoever mistyped it should read what was typed."""
    with pytest.raises(FileNotFoundError, match="absent"):
        disk_speed(tmp_path / "absent")


def test_every_fact_is_told_with_a_label(tmp_path: Path) -> None:
    """A report of an error is worth as much as the facts beside it."""
    info = system_info(tmp_path)
    rows = info.rows()
    labels = [label for label, _ in rows]
    assert len(set(labels)) == len(labels)
    assert all(text for _, text in rows)
    assert dict(rows)["polars"] == metadata.version("polars")
    assert {*PACKAGES, "ULTRA_BATCH_SIZE", "ULTRA_PARALLEL_WORKERS"} <= {*labels}
    assert 1 <= info.cores.allowed <= info.cores.machine
    assert 0 < info.memory.available <= info.memory.total
    assert info.free_bytes > 0


def test_looking_at_a_machine_imports_none_of_the_libraries(tmp_path: Path) -> None:
    """A library that cannot be loaded is what somebody may be asking about."""
    program = (
        "import sys; from pathlib import Path\n"
        "from bulk_pipeline.adapters.system_info import system_info\n"
        "system_info(Path(sys.argv[1])).rows()\n"
        "heavy = {'polars', 'pyarrow', 'numpy', 'pandas', 'sqlalchemy', 'dagster'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[]"
