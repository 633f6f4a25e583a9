"""Kill processes at random while files are loaded; nothing may be lost or stored twice.

    python benchmarks/crash_rounds.py [--rounds 20] [--seed 1] [--database URL]
        [--keep DIR]

Run it from a checkout, with the project's Python. One home, one `bulk-pipeline up`.
Each round drops some files (good ones, ones with rejected rows, a bad one, a workbook,
one that was loaded before, now and then one of 120,000 rows), waits up to 15 s, kills
one process of it by SIGKILL, or all at once, and starts `up` again if it is gone. Then
all must settle, and what is stored must be what the files hold. At the end a fresh
home loads every file once, undisturbed, and the rows and the sums of probabilities of
each file are compared.

The files and the choices follow from the seed; what a process was doing when it was
killed does not. With --database the project's tables in there are DROPPED first.
Exit code 0: 0 lost, 0 twice, 0 stuck, 0 wrong.
"""

import argparse
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import psutil
import sqlalchemy as sa
from dropping import PROGRAM, ROLES, Dropped, Maker, Site, rows_of

from bulk_pipeline.adapters.database import Database
from bulk_pipeline.adapters.tables import metadata

MOST_WAIT_SECONDS = 15
SETTLE_SECONDS = 180
SEEN_SECONDS = 60
"""How long a process that comes and goes is waited for before none is killed."""
PASSING = {"run worker": "good", "loading child": "big", "workbook reader": "workbook"}
"""Processes that come and go, and the kind of file that makes them come."""
LIFE_SECONDS = {"run worker": 8, "loading child": 1.5, "workbook reader": 1.5}
"""About how long they live: they are killed somewhere within."""
BIG_ROWS = 120_000
EVERYTHING = "all at once"
UNFINISHED = (
    "SELECT count(*) FROM runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"
)
KEYS = "SELECT partition FROM dynamic_partitions WHERE partitions_def_name = 'batches'"
END_STATES = ("loaded", "failed", "repeated")
NOW_AND_THEN = (("rejects", 0.5), ("bad", 0.5), ("workbook", 0.5), ("big", 0.3))
"""Kinds that are not in each round, and in how many of them they are."""
STORED = (
    "SELECT file_name, count(*), sum(probability) FROM annual_predictions"
    " JOIN uploads ON uploads.id = upload_id GROUP BY file_name"
)


def main() -> None:
    """Run the rounds, say what is wrong, and exit by it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="", metavar="URL")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    chosen = parser.parse_args()
    folder = (chosen.keep or Path(tempfile.mkdtemp(prefix="crash-rounds-"))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {chosen.seed}, in {folder}", flush=True)
    rounds = Rounds(folder, chosen.seed, chosen.database)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `up` must not stay
    try:
        rounds.site.start()
        for number in range(1, chosen.rounds + 1):
            rounds.run(number)
        rounds.compare_with_a_clean_load()
    finally:
        rounds.site.stop()
    sys.exit(0 if rounds.verdict() else 1)


class Rounds:
    """The rounds of one seed, and what was found wrong in them."""

    def __init__(self, folder: Path, seed: int, database: str) -> None:
        self.random = Random(seed)  # noqa: S311  # of use because it repeats
        self.files = folder / "files"
        self.files.mkdir()
        self.maker = Maker(self.files, self.random)
        self.site = Site(folder, database)
        self.wrong: Counter[str] = Counter()
        self.known: set[str] = set()
        if database:
            drop_tables(self.site.database)

    def run(self, number: int) -> None:
        """Drop, wait, kill, start again, settle, look."""
        target = self.random.choice([*ROLES, EVERYTHING])
        dropped = self._files(PASSING.get(target, "good"), first=number == 1)
        wait = self.random.uniform(0, MOST_WAIT_SECONDS)
        self.site.drop(self.files, dropped)
        dropped_at = time.monotonic()
        if target in PASSING:
            seen(self.site, target)
            time.sleep(wait / MOST_WAIT_SECONDS * LIFE_SECONDS[target])
        else:
            time.sleep(wait)
        wait = time.monotonic() - dropped_at
        killed = kill(self.site, target)
        time.sleep(0.5)
        again = "" if self.site.is_up else f", up again in {self.site.start():.0f} s"
        began = time.monotonic()
        waiting = self._settled()
        took = time.monotonic() - began
        found = [f"stuck: {waiting}"] if waiting else look(self.site, self.maker.made)
        faults = [fault for fault in found if fault not in self.known]
        self.known.update(faults)
        for fault in faults:
            self.wrong[fault.split(":")[0]] += 1
        print(
            f"{number:3} {len(dropped):2} files, after {wait:4.1f} s {target}"
            f" ({killed} killed){again}, settled in {took:.0f} s"
            f"  {'; '.join(faults) or 'ok'}",
            flush=True,
        )

    def _files(self, needed: str, *, first: bool) -> list[Dropped]:
        """The files of one round; some kinds now and then."""
        kinds = [needed, *["good"] * self.random.randint(1, 4)]
        kinds += [k for k, share in NOW_AND_THEN if self.random.random() < share]
        kinds += [] if first else ["repeated"]
        return [
            self.maker.make(
                kind, BIG_ROWS if kind == "big" else self.random.randint(1, 300)
            )
            for kind in kinds
        ]

    def _settled(self) -> str:
        """Wait until nothing is to be done; what is, when it takes too long."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while waiting := unsettled(self.site, self.maker.made):
            if time.monotonic() > deadline:
                return waiting
            if not self.site.is_up:
                self.site.start()
            time.sleep(0.5)
        return ""

    def compare_with_a_clean_load(self) -> None:
        """Rows and sums of each file against a home that nobody disturbed."""
        names = [made.name for made in self.maker.made if made.state == "loaded"]
        environment = dict(self.site.environment)
        environment.pop("DATABASE_URL", "")
        clean = self.files.parent / "clean"
        environment["BULK_PIPELINE_HOME"] = str(clean)
        subprocess.run(
            [sys.executable, "-c", PROGRAM, "ingest", *names],
            cwd=self.files,
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        wanted = {n: f for n, *f in rows_of(clean / "bulk_pipeline.db", STORED)}
        found = {n: f for n, *f in self.site.target(STORED)}
        for name in sorted(wanted.keys() | found.keys()):
            rows, total = wanted.get(name, (0, 0.0))
            have, summed = found.get(name, (0, 0.0))
            if rows != have or not math.isclose(total, summed, rel_tol=1e-9):
                print(f"{name}: {have} rows, sum {summed}; clean: {rows}, {total}")
                self.wrong["lost" if have < rows else "twice"] += 1

    def verdict(self) -> bool:
        """Print what was wrong altogether; whether nothing was."""
        others = self.wrong.total() - sum(
            self.wrong[name] for name in ("lost", "twice", "stuck")
        )
        print(
            f"{len(self.maker.made)} files, {sum(m.rows for m in self.maker.made):,}"
            f" rows: {self.wrong['lost']} lost, {self.wrong['twice']} twice,"
            f" {self.wrong['stuck']} stuck, {others} otherwise wrong"
        )
        return self.wrong.total() == 0


def seen(site: Site, target: str) -> None:
    """Wait until there is a process of a kind, but not for ever."""
    deadline = time.monotonic() + SEEN_SECONDS
    while time.monotonic() < deadline:
        if any(role == target for role, _ in site.processes()):
            return
        time.sleep(0.01)


def kill(site: Site, target: str) -> int:
    """Kill one process of a kind, or all; how many were."""
    chosen = [p for role, p in site.processes() if target in (role, EVERYTHING)]
    # Its own first: else it would see its children die, and start them again.
    chosen.sort(key=lambda process: process.pid)
    killed = 0
    for process in chosen if target == EVERYTHING else chosen[:1]:
        try:
            process.kill()
            killed += 1
        except psutil.NoSuchProcess:
            continue
    if target in ("up", EVERYTHING) and site.process is not None:
        site.process.wait()
    return killed


def unsettled(site: Site, made: list[Dropped]) -> str:
    """What is still to be done; nothing once all is over."""
    ended = {
        str(name): str(state)
        for name, state in site.journal("SELECT file, state FROM uploads")
    }
    open_files = [m.name for m in made if ended.get(m.name) not in set(END_STATES)]
    if open_files:
        states = Counter(ended.get(name, "not claimed") for name in open_files)
        return f"{len(open_files)} files ({dict(states)}) such as {open_files[0]}"
    for folder in ("inbox", "landing"):
        if left := [e.name for e in (site.home / folder).iterdir()]:
            return f"{len(left)} entries in {folder} such as {left[0]}"
    [(runs,)] = rows_of(site.history / "runs.db", UNFINISHED) or [(0,)]
    return f"{runs} runs have not ended" if runs else ""


def look(site: Site, made: list[Dropped]) -> list[str]:
    """What is not as it must be: each fault begins with its class."""
    faults: list[str] = []
    wanted: dict[str, Any] = {m.name: m for m in made}
    states = site.journal("SELECT file, state, batch FROM uploads")
    times = Counter(name for name, _, _ in states)
    faults += [f"twice: {name} in the journal" for name, n in times.items() if n > 1]
    faults += [
        f"state: {name} is {state}"
        for name, state, _ in states
        if name in wanted and state != wanted[name].state
    ]
    stored = {name: rows for name, rows, _ in site.target(STORED)}
    for one in made:
        have = stored.get(one.name, 0)
        if have != one.rows:
            kind = "lost" if have < one.rows else "twice"
            faults.append(f"{kind}: {one.name} has {have} rows of {one.rows}")
    faults += receipts(site, made)
    faults += files(site, made)
    faults += leftovers(site)
    loaded = {batch for _, state, batch in states if state == "loaded"}
    keys = rows_of(site.history / "runs" / "index.db", KEYS)
    missing = loaded - {key for (key,) in keys}
    return faults + [f"partition: {key} is missing" for key in sorted(missing)]


def receipts(site: Site, made: list[Dropped]) -> list[str]:
    """Files without their one receipt, or with one that they must not have."""
    found = Counter(n for (n,) in site.target("SELECT file_name FROM uploads"))
    return [
        f"{'twice' if n else 'lost'}: {m.name} has {n} receipts"
        for m in made
        if (n := found[m.name]) != (m.state == "loaded")
    ]


def files(site: Site, made: list[Dropped]) -> list[str]:
    """Files that are not, once, where they belong."""
    archived = [p.name for p in (site.home / "archive").rglob("*") if p.is_file()]
    failed = [p for p in (site.home / "failed").rglob("*") if p.is_file()]
    faults = []
    for one in made:
        if one.state == "failed":
            places = [p for p in failed if p.name == one.name]
            explained = [p for p in places if (p.parent / "REASON.txt").exists()]
            if len(places) != 1 or len(explained) != 1:
                faults.append(f"file: {one.name} is {len(places)} times in failed")
        elif (
            times := sum(n.endswith(f"-{Path(one.name).stem}") for n in archived)
        ) != 1:
            faults.append(f"file: {one.name} is {times} times in archive")
    return faults


def leftovers(site: Site) -> list[str]:
    """What a dead process left behind and nobody took away."""
    hidden = [
        p
        for p in site.home.rglob("*")
        if p.name.endswith((".partial", ".replaced", ".part"))
    ]
    faults = [f"left: {p.relative_to(site.home)}" for p in hidden]
    tables = sa.inspect(site.database.engine).get_table_names()
    faults += [f"left: table {t}" for t in tables if "stage" in t]
    slots = rows_of(
        site.history / "runs" / "index.db",
        "SELECT count(*) FROM concurrency_slots WHERE run_id IS NOT NULL",
    )
    return faults + [f"slot: {n} are taken" for (n,) in slots if n]


def drop_tables(database: Database) -> None:
    """Remove the project's tables and what loads may have left beside them."""
    with database.engine.begin() as connection:
        metadata.drop_all(connection)
        for name in sa.inspect(connection).get_table_names():
            if name.startswith("bulk_pipeline_stage_"):
                sa.Table(name, sa.MetaData()).drop(connection)


if __name__ == "__main__":
    main()
