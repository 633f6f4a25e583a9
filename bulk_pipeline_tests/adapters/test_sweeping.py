"""Left-overs of the dead go; nothing that anybody uses or that is not ours does."""

import time
from contextlib import closing

import pytest

from bulk_pipeline.adapters import sweeping
from bulk_pipeline.adapters.atomic import PARTIAL, REPLACED
from bulk_pipeline.adapters.locks import own_batch
from bulk_pipeline.adapters.sweeping import OLD_SECONDS, sweep
from bulk_pipeline_tests.adapters.harness import killed_at_the_end, started, until
from bulk_pipeline_tests.builders import rows_of, write_csv

HALF_WRITTEN = """
import sys, time
from pathlib import Path
from bulk_pipeline.adapters.atomic import whole_directory
with whole_directory(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def swept(on_sqlite):
    """What a sweep of the home removes, scratch folders of others left out."""

    def names():
        """Paths in the home."""
        found = sweep(on_sqlite.installation)
        return sorted(name for name in found if not name.startswith("scratch "))

    return names


@pytest.fixture
def batch(on_sqlite, tmp_path):
    """Key of a batch that has landed."""
    return on_sqlite.land(write_csv(tmp_path / "a.csv", rows_of("A", [2001]))).key


@pytest.fixture
def an_hour_later(monkeypatch):
    """Puts the clock of the sweep forward."""

    class Clock:
        """Only what the sweep asks for."""

        time = staticmethod(lambda: time.time() + OLD_SECONDS + 1)

    return lambda: monkeypatch.setattr(sweeping, "time", Clock)


def made(folder, name):
    """A folder with a file in it."""
    path = folder / name
    path.mkdir(parents=True)
    (path / "half").write_text("half")
    return path


@pytest.mark.parametrize("ending", [PARTIAL, REPLACED])
@pytest.mark.parametrize("parent", ["chunks", "chunks/{}", "rejects/{}"])
def test_what_a_dead_run_left_of_its_batch_goes_at_once(
    on_sqlite, swept, batch, ending, parent
) -> None:
    """Each killed run may leave gigabytes; an hour of them fills a disk."""
    root = on_sqlite.installation.home.root
    folder = root / parent.format(batch)
    path = made(folder, f".{batch}.abcd1234{ending}")
    with closing(own_batch(root / "landing" / batch, "run")):
        assert swept() == []
        assert path.exists()
    assert swept() == [str(path.relative_to(root))]
    assert not path.exists()
    assert swept() == []


def test_a_killed_writer_is_swept_and_a_living_one_is_not(
    on_sqlite, swept, batch
) -> None:
    """This is how they come to be."""
    home = on_sqlite.installation.home
    process = started(HALF_WRITTEN, home.chunks(batch))
    with killed_at_the_end(process):
        held = own_batch(home.landing(batch), "run")
        assert process.stdout.readline() == "writing\n"
        assert swept() == []
        process.kill()
        process.wait()
        held.close()
    [left] = until(lambda: list(home.chunks("").iterdir()))
    assert swept() == [f"chunks/{left.name}"]


@pytest.mark.parametrize(
    "place", ["landing", "handles/ingestion_file", "models", "chunks"]
)
def test_what_is_of_no_batch_goes_after_an_hour(
    on_sqlite, swept, an_hour_later, place
) -> None:
    """Nobody can be asked whether he still copies; for an hour he has not."""
    root = on_sqlite.installation.home.root
    folder = made(root / place, f".20260101-unknown.abcd1234{PARTIAL}")
    file = root / place / f".a.json.abcd1234{PARTIAL}"
    file.write_text("{")
    assert swept() == []
    an_hour_later()
    assert swept() == sorted(str(p.relative_to(root)) for p in (folder, file))


def test_what_still_grows_is_left_alone(on_sqlite, swept, monkeypatch) -> None:
    """A large file takes long to copy, and its folder does not change meanwhile."""
    root = on_sqlite.installation.home.root
    folder = made(root / "landing", f".20260101-unknown.abcd1234{PARTIAL}")
    monkeypatch.setattr(sweeping, "OLD_SECONDS", 0.4)
    time.sleep(0.5)
    (folder / "half").write_text("more than half")
    assert swept() == []
    time.sleep(0.5)
    assert swept() == [f"landing/{folder.name}"]


@pytest.mark.parametrize(
    "name",
    [
        "visible.partial",
        ".hidden",
        ".claim-20260101-x",
        ".lock",
        "..partial",
        "...abcd1234.partial",
        ".x.partial.csv",
    ],
)
def test_what_is_not_ours_stays(on_sqlite, swept, an_hour_later, name) -> None:
    """People keep notes where they please."""
    for place in ("landing", "chunks", "models", "rejects", "handles/x"):
        made(on_sqlite.installation.home.root / place, name)
    an_hour_later()
    assert swept() == []


def test_a_link_is_never_followed(on_sqlite, swept, an_hour_later, tmp_path) -> None:
    """What it leads to belongs to somebody else."""
    home = on_sqlite.installation.home
    other = made(tmp_path / "others", f".theirs.abcd1234{PARTIAL}")
    home.landings.mkdir(parents=True)
    link = home.landings / f".link.abcd1234{PARTIAL}"
    link.symlink_to(other)
    home.chunks("").symlink_to(other.parent)
    (home.root / "handles").mkdir()
    (home.root / "handles" / "asset").symlink_to(other.parent)
    an_hour_later()
    assert swept() == [f"landing/{link.name}"]
    assert (other / "half").exists()


@pytest.mark.parametrize("folders", [3_000])
def test_a_sweep_of_nothing_is_cheap(on_sqlite, swept, folders) -> None:
    """It is part of a tick."""
    chunks = on_sqlite.installation.home.chunks("")
    for number in range(folders):
        (chunks / f"batch-{number}" / "rows").mkdir(parents=True)
    swept()
    began = time.process_time()
    assert swept() == []
    assert time.process_time() - began < 0.5


def test_what_may_not_be_removed_stops_nothing(
    on_sqlite, swept, an_hour_later, monkeypatch, caplog
) -> None:
    """One folder of another user must not end every tick."""
    home = on_sqlite.installation.home
    refused = made(home.landings, f".a.abcd1234{PARTIAL}")
    other = made(home.landings, f".b.abcd1234{PARTIAL}")
    removed = sweeping.shutil.rmtree

    def refusing(path):
        """As the system does to somebody else's folder; root may remove any."""
        if path == refused:
            raise PermissionError(13, "Permission denied", str(path))
        removed(path)

    monkeypatch.setattr(sweeping.shutil, "rmtree", refusing)
    an_hour_later()
    assert swept() == [f"landing/{other.name}"]
    assert "cannot be removed" in caplog.text
