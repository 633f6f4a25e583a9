"""Whatever instant a process is killed at, everything is loaded once.

A test for each name in ``crash_points``: a process plays the daemon and is killed
there, another one goes on, and what is there in the end must be what is there without
a kill. All of them share what they need at once, two processes at a time.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest

from bulk_pipeline.adapters.crash_points import POINTS
from bulk_pipeline_tests.crashes.killing import Killer
from bulk_pipeline_tests.crashes.scenario import Aftermath, aftermath, drop

ONLY_ON_A_SERVER = ("stage created", "staged")
BETWEEN_FILE_SYSTEMS = ("file brought in",)
KEEPING_HOUSE = ("batch retiring", "partition dropped")
OVER_THE_API = ("upload promised",)
"""Killed in the tests of the API."""
ELSEWHERE = Path("/dev/shm")  # noqa: S108  # another file system, on any Linux
AT_ONCE = 2
KILLS = 3
"""A file that ends its process so often is taken for the cause."""


def test_what_is_dropped_is_loaded_without_a_kill(played) -> None:
    """All else is compared with this, so it must be what a reader expects."""
    calm = played("").result()
    assert len(calm.stored) == 8
    assert [receipt[0] for receipt in calm.receipts] == [
        "odd.csv",
        "one.csv",
        "two.csv",
    ]
    assert calm.states == {
        "one.csv": "loaded",
        "two.csv": "loaded",
        "odd.csv": "loaded",
        "bad.csv": "failed",
    }
    assert calm.archived == ["odd.csv", "one.csv", "two.csv"]
    assert calm.failed == {"bad.csv": ["REASON.txt", "bad.csv"]}
    assert set(calm.rejects) == {"odd.csv"}
    assert (calm.figures_stored, calm.partitions) == (True, True)
    assert (calm.unfinished, calm.left) == (0, [])


@pytest.mark.parametrize(
    "point",
    [
        point
        for point in POINTS
        if point not in (*ONLY_ON_A_SERVER, *KEEPING_HOUSE, *OVER_THE_API)
    ],
)
def test_a_kill_at_any_point_changes_nothing(played, point) -> None:
    """A row that is lost or doubled by a reset of the machine is found by nobody."""
    assert_alike(played(point).result(), played("").result())


@pytest.mark.parametrize("point", KEEPING_HOUSE)
def test_a_batch_that_was_being_retired_is_gone_in_the_end(
    killer, tmp_path, point
) -> None:
    """Half of a batch can be neither looked at nor materialised again."""
    home = tmp_path / "home"
    drop(home / "inbox")
    killer.recovered(home)
    before = aftermath(home)
    assert killer.killed_at(point, home, "keep_house")
    killer.recovered(home, "keep_house")
    killer.recovered(home)
    after = aftermath(home)
    assert (after.stored, after.receipts) == (before.stored, before.receipts)
    assert (after.states, after.failed) == (before.states, before.failed)
    assert (after.archived, after.rejects) == ([], {})
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        assert not instance.get_dynamic_partitions("batches")
    assert (after.left, after.unfinished) == ([], 0)
    assert not list((home / "chunks").iterdir())


@pytest.mark.parametrize("points", [("chunks in place", "committed", "archived")])
def test_kills_one_after_another_change_nothing(
    killer, played, tmp_path, points
) -> None:
    """A machine that resets once does so again."""
    home = tmp_path / "home"
    drop(home / "inbox")
    for point in points:
        assert killer.killed_at(point, home), f"{point} was not reached"
    killer.recovered(home)
    assert_alike(aftermath(home), played("").result())


def test_kills_that_no_file_caused_are_held_against_none(
    killer, played, tmp_path
) -> None:
    """Three kills while reading make a file suspect; three after that must not."""
    home = tmp_path / "home"
    drop(home / "inbox")
    for _ in range(KILLS):
        assert killer.killed_at("span scored", home)
    killer.recovered(home)
    assert_alike(aftermath(home), played("").result())


def assert_alike(found: Aftermath, calm: Aftermath) -> None:
    """Each thing by itself, so that a failure says which it is."""
    for each in fields(Aftermath):
        assert getattr(found, each.name) == getattr(calm, each.name), each.name


@pytest.fixture(scope="module")
def killer() -> Killer:
    """Plays the daemon on SQLite."""
    return Killer()


@dataclass
class Players:
    """Homes that were killed at a point and went on, each made once."""

    make: Callable[[str], Aftermath]
    pool: ThreadPoolExecutor
    homes: dict[str, "Future[Aftermath]"] = field(default_factory=dict)

    def __call__(self, point: str) -> "Future[Aftermath]":
        """What a kill at a point comes to; no kill where it is ''."""
        if point not in self.homes:
            self.homes[point] = self.pool.submit(self.make, point)
        return self.homes[point]


@pytest.fixture(scope="module")
def played(request, killer, tmp_path_factory) -> Iterator[Players]:
    """Begins with all points that were asked for, so that no processor waits."""
    folder = tmp_path_factory.mktemp("homes")

    def outcome(point: str) -> Aftermath:
        """Kill, go on, look."""
        home = folder / (point.replace(" ", "-") or "calm")
        with inbox_of(home, point) as inbox:
            drop(inbox)
            if point:
                assert killer.killed_at(point, home), f"{point} was not reached"
            killer.recovered(home)
            return aftermath(home)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        players = Players(outcome, pool)
        players("")
        for item in request.session.items:
            spec = getattr(item, "callspec", None)
            if item.fspath == request.fspath and spec and "played" in item.fixturenames:
                players(spec.params.get("point", ""))
        yield players
        pool.shutdown(cancel_futures=True)


@contextmanager
def inbox_of(home: Path, point: str) -> Iterator[Path]:
    """The inbox of a home, on another file system where the point is between two."""
    inbox = home / "inbox"
    if point not in BETWEEN_FILE_SYSTEMS:
        yield inbox
        return
    home.mkdir(parents=True)
    with TemporaryDirectory(dir=ELSEWHERE) as other:
        inbox.symlink_to(other)
        yield inbox
