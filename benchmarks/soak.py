"""Drop files for a long time, and see what grows: memory, disk, waiting.

    python benchmarks/soak.py [--files 2000] [--minutes 20] [--rows 50] [--seed 1]
        [--keep DIR]

Run it from a checkout, with the project's Python, on a machine that does nothing else.
One home, one `bulk-pipeline up` with default settings; the files are dropped evenly:
nine of ten are good, the rest have rejected rows, are bad, or are workbooks. Every 10 s
it takes a sample: memory (resident) of each kind of process, open files of daemon and
code server, bytes of Dagster's events, runs and ticks and of the journal. The samples
are in samples.csv in DIR.

At the end it prints, for each kind of process, its memory at quarters of the time and
the slope over the second half; bytes per file on disk; the seconds of a tick and from
drop to commit (the receipt's time); and whether every file ended as it must. Exit code
0: they all did.
"""

import argparse
import csv
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import psutil
from dropping import Dropped, Maker, Site, rows_of

SAMPLE_SECONDS = 10
SETTLE_SECONDS = 300
MIXTURE = (("good", 90), ("rejects", 4), ("bad", 3), ("workbook", 3))
"""Kinds of files and how many of a hundred are of it."""
MEMORY = ("up", "webserver", "daemon", "code server", "run worker")
OPEN_FILES = ("daemon", "code server")
DISK = ("events", "runs", "ticks", "journal", "archive")
TICKS = (
    "SELECT json_extract(tick_body, '$.end_timestamp')"
    " - json_extract(tick_body, '$.timestamp') AS seconds"
    " FROM job_ticks WHERE type = 'SENSOR' AND seconds IS NOT NULL ORDER BY timestamp"
)
MEGA, MICRO = 1e6, 1e6


def main() -> None:
    """Drop, sample, and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="DIR")
    chosen = parser.parse_args()
    folder = (chosen.keep or Path(tempfile.mkdtemp(prefix="soak-"))).absolute()
    (folder / "files").mkdir(parents=True)
    random = Random(chosen.seed)  # noqa: S311  # of use because it repeats
    maker = Maker(folder / "files", random)
    kinds, weights = zip(*MIXTURE, strict=True)
    for kind in random.choices(kinds, weights, k=chosen.files):
        maker.make(kind, chosen.rows)
    site = Site(folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `up` must not stay
    print(f"{chosen.files} files of {chosen.rows} rows, in {folder}", flush=True)
    try:
        site.start()
        soak = Soak(site, maker.made, chosen.minutes * 60)
        soak.run()
        fine = soak.show()
    finally:
        site.stop()
    sys.exit(0 if fine else 1)


class Soak:
    """One run: what was dropped when, and the samples."""

    def __init__(self, site: Site, files: Sequence[Dropped], seconds: float) -> None:
        self.site, self.files, self.seconds = site, files, seconds
        self.dropped_at: dict[str, float] = {}
        self.samples: list[dict[str, float]] = []

    def run(self) -> None:
        """Drop all files evenly, then wait for the last; sample all the time."""
        began = time.monotonic()
        left, next_sample = list(reversed(self.files)), 0.0
        while left or self._open():
            now = time.monotonic() - began
            if now > self.seconds + SETTLE_SECONDS:
                return
            if now >= next_sample:
                self._sample(now)
                next_sample = now + SAMPLE_SECONDS
            due = len(self.files) * min(1.0, now / self.seconds)
            while left and len(self.dropped_at) < due:
                one = left.pop()
                self.site.drop(self.site.folder / "files", [one])
                self.dropped_at[one.name] = time.time()
            time.sleep(0.05 if left else 1)
        self._sample(time.monotonic() - began)

    def _open(self) -> int:
        """Files that have not ended."""
        ended = (
            "SELECT file FROM uploads WHERE state IN ('loaded', 'failed', 'repeated')"
        )
        return len(self.files) - len(set(self.site.journal(ended)))

    def _sample(self, seconds: float) -> None:
        """One more row of samples, also in the file."""
        row = {"seconds": round(seconds, 1), "dropped": float(len(self.dropped_at))}
        row |= memory(self.site) | disk(self.site)
        self.samples.append(row)
        path = self.site.folder / "samples.csv"
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row.keys())
            if len(self.samples) == 1:
                writer.writeheader()
            writer.writerow(row)

    def show(self) -> bool:
        """Print the figures; whether every file ended as it must."""
        self._show_memory()
        first, last = self.samples[0], self.samples[-1]
        print("\nbytes on disk per file dropped")
        for name in DISK:
            each = (last[name] - first[name]) / len(self.files)
            print(
                f"  {name:<12} {each:12,.0f}   {last[name] / MEGA:8.1f} MB at the end"
            )
        for name in OPEN_FILES:
            key = f"{name} files"
            print(f"  {key:<18} {first[key]:.0f} -> {last[key]:.0f} open")
        ticks = tick_seconds(self.site)
        print(f"\n{'seconds':<24}   median      p95      max      n")
        show_spread("tick", ticks)
        show_spread("  in the second half", ticks[len(ticks) // 2 :])
        show_spread("drop -> commit", self._waits())
        return self._show_states()

    def _show_memory(self) -> None:
        """Memory of each kind of process over the time."""
        print(
            "\nresident memory, MB  " + "".join(f"{q:>9}/4" for q in range(5)), end=""
        )
        print("   slope MB/h, second half")
        end = self.samples[-1]["seconds"]
        later = [s for s in self.samples if s["seconds"] >= end / 2]
        for role in MEMORY:
            quarters = [
                min(self.samples, key=lambda s: abs(s["seconds"] - end * q / 4))[role]
                for q in range(5)
            ]
            print(
                f"{role:<21}" + "".join(f"{q / MEGA:11.1f}" for q in quarters), end=""
            )
            hours = [s["seconds"] / 3600 for s in later]
            slope = np.polyfit(hours, [s[role] / MEGA for s in later], 1)[0]
            print(f"{slope:12.1f}")

    def _waits(self) -> list[float]:
        """Seconds from the drop of each loaded file to its receipt."""
        receipts = self.site.target("SELECT file_name, first_loaded_at FROM uploads")
        return [at / MICRO - self.dropped_at[name] for name, at in receipts]

    def _show_states(self) -> bool:
        """Print how many files ended in which state; whether each as it must."""
        found = dict(self.site.journal("SELECT file, state FROM uploads"))
        stored = dict(
            self.site.target(
                "SELECT file_name, count(*) FROM annual_predictions"
                " JOIN uploads ON uploads.id = upload_id GROUP BY file_name"
            )
        )
        wrong = [
            one.name
            for one in self.files
            if found.get(one.name) != one.state or stored.get(one.name, 0) != one.rows
        ]
        print(f"\n{len(self.files)} files: {dict(Counter(found.values()))}")
        print(f"{len(wrong)} wrong {', '.join(wrong[:5])}")
        return not wrong


def memory(site: Site) -> dict[str, float]:
    """Resident bytes of each kind of process, and files that some hold open."""
    found = dict.fromkeys(MEMORY, 0.0) | {f"{name} files": 0.0 for name in OPEN_FILES}
    for role, process in site.processes():
        try:
            if role in MEMORY:
                found[role] += process.memory_info().rss
            if role in OPEN_FILES:
                found[f"{role} files"] += process.num_fds()
        except psutil.NoSuchProcess:
            continue
    return found


def disk(site: Site) -> dict[str, float]:
    """Bytes of what grows with the files."""
    return {
        "events": size(site.history / "runs"),
        "runs": size(site.history, "runs.db*"),
        "ticks": size(site.home / "dagster" / "schedules"),
        "journal": size(site.home, "journal.db*"),
        "archive": size(site.home / "archive"),
    }


def size(folder: Path, pattern: str = "**/*") -> float:
    """Bytes of the files in a folder that fit; some may go while we look."""
    total = 0
    for path in folder.glob(pattern):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return float(total)


def tick_seconds(site: Site) -> list[float]:
    """How long each tick of the sensors took, in order of time."""
    path = site.home / "dagster" / "schedules" / "schedules.db"
    return [float(seconds) for (seconds,) in rows_of(path, TICKS)]


def show_spread(label: str, values: Sequence[float]) -> None:
    """Print median and 95th percentile."""
    ordered = sorted(values) or [float("nan")]
    late = ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]
    print(
        f"{label:<24} {statistics.median(ordered):8.2f} {late:8.2f} {ordered[-1]:8.2f}"
        f" {len(values):6}"
    )


if __name__ == "__main__":
    main()
