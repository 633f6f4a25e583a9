"""Laws of the read replica: it is read, never written, and what it lacks is told."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.databases import read_only
from bulk_pipeline.adapters.doctor.databases import replica_findings
from bulk_pipeline.adapters.exporting import moment
from bulk_pipeline.adapters.exporting.export import Selection, export
from bulk_pipeline.adapters.frames import batch_frame
from bulk_pipeline.adapters.replica import Replica, with_intent
from bulk_pipeline.adapters.replica_lag import Mark, lag_note
from bulk_pipeline.adapters.tables import annual_predictions
from bulk_pipeline.core.errors import (
    BulkPipelineError,
    PermanentError,
)
from bulk_pipeline_tests.adapters.exports import read_back
from bulk_pipeline_tests.adapters.replicas import contents, reading_from


def test_without_a_setting_reports_read_the_database_itself(on_sqlite):
    """Whoever has one database must not be asked about another."""
    installation = on_sqlite.installation
    assert Replica.of(installation.settings) is None
    assert installation.read_database is installation.database
    assert lag_note(installation) is None


def test_an_export_is_the_replicas_and_says_so_where_that_lags(
    followed, more, tmp_path
):
    """A file that lacks a load must not be taken for one that has all."""
    pipeline, installation, refresh, _ = followed
    done = export(installation, Selection(), tmp_path / "1.csv")
    assert (done.rows, done.notes) == (6, ())

    pipeline.load(more)
    done = export(installation, Selection(), tmp_path / "2.csv")
    [note] = done.notes
    assert done.rows == 6
    assert "which lags: 1 upload is not in it yet" in note

    refresh()
    done = export(installation, Selection(), tmp_path / "3.csv")
    assert (done.rows, done.notes) == (8, ())


@pytest.mark.parametrize("rows", [100_000, 1], ids=["here", "in a process"])
def test_a_replica_is_never_written(followed, tmp_path, monkeypatch, rows):
    """A copy that somebody else's program keeps must stay byte for byte theirs."""
    _, installation, _, key = followed
    monkeypatch.setattr(moment, "PROCESS_ROWS", rows)
    folder = installation.replica.path.parent
    before = contents(folder)
    for selection in (Selection(), Selection(key)):
        done = export(installation, selection, tmp_path / "out.csv", replace=True)
        assert done.rows == 6
    list(replica_findings(installation.settings))
    assert contents(folder) == before

    replica = installation.replica
    with pytest.raises(PermanentError, match="only read"):
        replica.writing(lambda connection: connection)
    with pytest.raises(BulkPipelineError), replica.reading() as connection:
        connection.execute(sa.delete(annual_predictions))
    with (
        pytest.raises(sa.exc.OperationalError, match="readonly"),
        replica.backend.writing() as connection,
    ):
        connection.execute(sa.delete(annual_predictions))


def test_a_log_of_others_is_not_folded_into_the_file(followed, more, tmp_path):
    """Where the replica is the database's own file, who reads must leave its log be."""
    pipeline, _, _, _ = followed
    pipeline.load(more)
    own = pipeline.installation.home.database
    beside = reading_from(pipeline.installation, f"sqlite:///{own}")
    before = contents(own.parent)[f"{own.name}-wal"]
    assert export(beside, Selection(), tmp_path / "out.csv").rows == 8
    assert contents(own.parent)[f"{own.name}-wal"] == before


def test_a_folder_that_cannot_be_written_is_read_all_the_same(followed, monkeypatch):
    """A copy on a disk that is mounted for reading is the usual case."""
    _, installation, _, _ = followed
    path = installation.replica.path
    monkeypatch.setattr(read_only.os, "access", lambda *_: False)
    assert read_only.access_to(path) == "immutable=1"
    with installation.replica.reading() as connection:
        count = sa.select(sa.func.count()).select_from(annual_predictions)
        assert connection.scalar(count) == 6
    assert list(path.parent.iterdir()) == [path]


def test_a_database_that_is_away_leaves_the_replica_to_read(followed, tmp_path):
    """That is what a replica is for; but nobody can then say how old it is."""
    pipeline, installation, _, key = followed
    gone = replace(
        installation,
        database=replace(
            installation.database, url=sa.make_url(f"sqlite:///{tmp_path}/no.db")
        ),
    )
    for selection in (Selection(), Selection(key)):
        done = export(gone, selection, tmp_path / "out.csv", replace=True)
        assert done.rows == 6
        [note] = done.notes
        assert "How much it lacks is not known" in note
    assert not (tmp_path / "no.db").exists()
    del pipeline


@pytest.mark.parametrize("given", ["", "?ApplicationIntent=ReadWrite"])
def test_sql_server_is_asked_for_a_secondary_unless_the_url_says_else(given):
    """An availability group sends whoever does not ask to the primary."""
    url = with_intent(sa.make_url(f"mssql+pyodbc://u@h/d{given}"))
    assert url.query["ApplicationIntent"] == (given.partition("=")[2] or "ReadOnly")


def test_what_comes_after_a_load_reads_the_database_until_the_replica_has_it(
    followed, more
):
    """An asset further down asks right after the load, and half would be all to it."""
    pipeline, installation, refresh, _ = followed
    [upload] = pipeline.load(more).uploads
    batch = upload.batch
    assert len(batch_frame(installation, batch)) == 2
    refresh()
    with closing(sqlite3.connect(installation.replica.path)) as file:
        file.execute("UPDATE companies SET name = 'of the copy'")
        file.commit()
    assert set(batch_frame(installation, batch)["company_name"]) == {"of the copy"}


def test_a_replica_whose_copy_is_replaced_is_read_anew(followed, more, tmp_path):
    """A server that runs for months must not read the file of its first day."""
    pipeline, installation, refresh, _ = followed
    for round_, rows in enumerate((6, 8)):
        out = tmp_path / f"{round_}.csv"
        export(installation, Selection(), out)
        assert read_back(out).height == rows
        pipeline.load(more)
        refresh()


@pytest.mark.parametrize(
    ("here", "ahead", "lags"),
    [
        ((1, 0, 5, (1, 1, 1)), (1, 0, 5, (1, 1, 1)), False),
        ((2, 0, 5, (2, 2, 2)), (1, 0, 5, (1, 1, 1)), False),
        ((1, 0, 5, (1, 1, 1)), (2, 0, 5, (1, 1, 1)), True),
        ((1, 0, 5, (1, 1, 1)), (1, 1, 5, (1, 1, 1)), True),
        ((1, 0, 5, (1, 1, 1)), (1, 0, 6, (1, 1, 1)), True),
        ((1, 0, 5, (1, 1, 1)), (1, 0, 5, (1, 2, 1)), True),
        ((1, 0, 5.0001, (1, 1, 1)), (1, 0, 5.0009, (1, 1, 1)), False),
        ((1, 0, 5, (1, 0, 0)), (1, 0, 5, (9, 9, 9)), False),
        ((0, 0, None, (0, 0, 0)), (1, 0, 5, (1, 0, 1)), True),
        ((0, 0, None, (0, 0, 0)), (0, 0, None, (0, 0, 0)), False),
    ],
)
def test_a_replica_lags_where_anything_of_the_database_is_ahead(here, ahead, lags):
    """A lack that no figure shows is one that nobody is told of."""

    def mark(receipts, withdrawn, second, ids):
        """The mark of a few figures."""
        moment_ = second and datetime.fromtimestamp(second, UTC)
        return Mark(receipts, withdrawn, moment_, ids)

    assert mark(*here).lacks(mark(*ahead)) is lags
