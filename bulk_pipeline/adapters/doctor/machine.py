"""Cores, memory and disks of this machine, as this process may use them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bulk_pipeline.adapters.doctor.places import existing
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.system_info import cores_here, memory_here
from bulk_pipeline.core.findings import Finding
from bulk_pipeline.core.fitness import judged_cores, judged_memory, judged_room


def machine_findings(settings: Settings) -> Iterator[Finding]:
    """Whether cores and memory are enough for the settings."""
    cores, memory = cores_here(), memory_here()
    yield judged_cores(cores.usable, cores.machine, settings.workers)
    yield judged_memory(memory.usable, memory.limit, settings.batch_size)


def room_findings(places: dict[str, Path]) -> Iterator[Finding]:
    """Room of each disk that something lies on, each once.

    Args:
        places: what lies there → folder; one that is not there yet counts for the
            nearest one that is.

    Raises:
        OSError: a disk does not answer.
    """
    seen = set()
    for folder in places.values():
        there = existing(folder)
        device = there.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        yield judged_room(str(folder), shutil.disk_usage(there).free, _files(there))


def _files(folder: Path) -> int | None:
    """Files that can still be made on a disk; None where it has no such limit."""
    told = os.statvfs(folder)
    return told.f_favail if told.f_files else None
