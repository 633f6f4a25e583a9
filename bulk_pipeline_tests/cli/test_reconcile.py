"""Laws of ``bulk-pipeline reconcile``: what a crash left wrong, put right by hand."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.adapters.tick import LOCK_FILE
from bulk_pipeline.cli import cli
from bulk_pipeline.cli.dagster_home import use_dagster_home
from bulk_pipeline.core.errors import TransientError
from bulk_pipeline.defs.uploads import reconciliation
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

SHORT_HEADER = [name for name in ROW if name != "return_on_assets"]
JOURNAL = ("journal.db", "journal.db-wal", "journal.db-shm")


def call(*arguments: str) -> str:
    """Standard output of ``bulk-pipeline reconcile``."""
    done = CliRunner().invoke(cli, ["reconcile", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def lines() -> list[str]:
    """What it did."""
    found: list[str] = json.loads(call("--json"))["done"]
    return found


@dataclass
class Loaded:
    """A home with a batch: a good file and a bad one, put away."""

    home: Path
    batch: str
    installation: Installation

    def lose_journal(self) -> None:
        """Somebody removes the journal, or its disk is gone."""
        self.installation.journal.close()
        for name in JOURNAL:
            (self.home / name).unlink(missing_ok=True)

    def opened(self) -> Installation:
        """The installation as the next process finds it."""
        return Installation.from_environment()


@pytest.fixture
def loaded(home: Path, tmp_path: Path) -> Iterator[Loaded]:
    """One loaded upload, one failed, both where they belong."""
    good = write_csv(
        tmp_path / "good.csv",
        [*rows_of(["AA"], [2001]), {**ROW, "reporting_year": "soon"}],
    )
    bad = write_csv(tmp_path / "bad.csv", [ROW], SHORT_HEADER)
    done = CliRunner().invoke(cli, ["ingest", str(good), str(bad), "--json"])
    [batch] = {upload["batch"] for upload in json.loads(done.stdout)["uploads"]}
    with closing(Installation.from_environment()) as installation:
        yield Loaded(home, batch, installation)


def test_a_sound_home_has_nothing_to_do(loaded: Loaded) -> None:
    """Whoever runs it out of worry is told that there is none."""
    assert call() == "Nothing to do.\n"
    assert lines() == []


def test_a_lost_journal_is_written_again_from_receipts(loaded: Loaded) -> None:
    """The list of uploads is people's memory; the database has the proof."""
    before = {u.key: u for u in loaded.installation.journal.uploads()}
    home_id = loaded.installation.journal.home_id()
    loaded.lose_journal()
    said = call()

    assert f"id {home_id} back" in said
    assert f"Batch {loaded.batch} is archived and entered again: " in said
    assert "1 loaded" in said
    assert "1 failed" in said
    with closing(loaded.opened()) as installation:
        after = {u.key: u for u in installation.journal.uploads()}
        assert installation.journal.home_id() == home_id
        assert installation.journal.refusals_to_show() == []
    assert after.keys() == before.keys()
    for key, upload in after.items():
        known = before[key]
        same = ("state", "file", "batch", "rows_read", "inserted", "rejected")
        for name in (*same, "message", "reject_file"):
            assert getattr(upload, name) == getattr(known, name), name
    assert call() == "Nothing to do.\n"


def test_an_id_with_receipts_of_its_own_is_kept(loaded: Loaded, tmp_path: Path) -> None:
    """What was loaded since then carries it."""
    loaded.lose_journal()
    later = write_csv(tmp_path / "later.csv", rows_of(["BB"], [2001]))
    CliRunner().invoke(cli, ["ingest", str(later), "--json"])
    with closing(loaded.opened()) as installation:
        before = installation.journal.home_id()
    call()
    with closing(loaded.opened()) as installation:
        assert installation.journal.home_id() == before


def test_an_archived_file_without_a_receipt_is_to_be_loaded_again(
    loaded: Loaded,
) -> None:
    """The database was restored from before the load, and the journal is new."""
    loaded.lose_journal()
    with closing(sqlite3.connect(loaded.home / "bulk_pipeline.db")) as database:
        database.execute("DELETE FROM annual_predictions")
        database.execute("DELETE FROM uploads")
        database.commit()
    call()
    with closing(loaded.opened()) as installation:
        found = {u.file: u for u in installation.journal.uploads()}

    assert found["good.csv"].state == "failed"
    assert "has no receipt" in found["good.csv"].message
    assert f"archive/{loaded.batch}/" in found["good.csv"].message


def test_an_upload_with_a_receipt_has_not_failed(loaded: Loaded) -> None:
    """The process died between the commit and the entry, and was given up."""
    journal = loaded.installation.journal
    [good] = journal.uploads(state="loaded")
    journal.finish([replace(good, state="failed", message="Gone.", inserted=0)])
    said = lines()

    assert said == [f"Upload {good.key} (good.csv) has a receipt: it is loaded."]
    [again] = journal.uploads(state="loaded")
    assert (again.inserted, again.message) == (1, "")


def test_a_landed_batch_that_has_ended_is_put_away(loaded: Loaded) -> None:
    """Its run was killed between the commit and the move."""
    home = loaded.installation.home
    home.landings.mkdir(exist_ok=True)
    (home.archive / loaded.batch).rename(home.landing(loaded.batch))

    assert lines() == [f"Batch {loaded.batch} has ended; its files are put away."]
    assert (home.archive / loaded.batch).is_dir()


def test_a_claimed_batch_is_left_for_the_daemon(tmp_path: Path, home: Path) -> None:
    """Reconciling loads nothing; it says where things stand."""
    with closing(Pipeline(installation_in(home))) as pipeline:
        batch = pipeline.land(write_csv(tmp_path / "a.csv", [ROW]))
        pipeline.installation.journal.claim(batch)
    assert call() == "Nothing to do.\n"
    with closing(Installation.from_environment()) as installation:
        assert [u.state for u in installation.journal.uploads()] == ["claimed"]


def test_it_waits_for_a_tick_and_gives_up_by_name(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that move the same files at once would each find half of them."""
    monkeypatch.setattr(reconciliation, "PATIENCE_SECONDS", 0.5)
    use_dagster_home(loaded.installation.home)
    with only_one(loaded.home / LOCK_FILE) as alone:
        assert alone
        with pytest.raises(TransientError, match=r"inbox\.lock"):
            CliRunner().invoke(cli, ["reconcile"], catch_exceptions=False)
