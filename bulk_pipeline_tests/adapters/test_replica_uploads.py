"""Uploads that a read replica has not yet: an error with a cure, and no short file."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.doctor.databases import replica_findings
from bulk_pipeline.adapters.exporting.export import Selection, export
from bulk_pipeline.adapters.replica_lag import lag_note
from bulk_pipeline.adapters.syncing.synchronising import synchronise
from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline.core.errors import (
    PermanentError,
    ReplicaBehind,
)
from bulk_pipeline.core.findings import Level
from bulk_pipeline.core.syncing import SyncOptions
from bulk_pipeline_tests.adapters.harness import url_text
from bulk_pipeline_tests.adapters.replicas import reading_from
from bulk_pipeline_tests.adapters.rescorings import rescore
from bulk_pipeline_tests.adapters.ways import ON_SERVERS
from bulk_pipeline_tests.builders import rows_of, write_csv
from bulk_pipeline_tests.models import stricter


def test_an_upload_that_has_not_arrived_is_an_error_with_a_cure(
    followed, more, tmp_path
):
    """An empty file for an upload that is loaded would be believed."""
    pipeline, installation, refresh, _ = followed
    [upload] = pipeline.load(more).uploads
    for key in (upload.key, upload.batch):
        with pytest.raises(ReplicaBehind, match=upload.key) as raised:
            export(installation, Selection(key), tmp_path / "out.csv")
        assert "BULK_PIPELINE_READ_URL" in str(raised.value)
        assert not (tmp_path / "out.csv").exists()
    refresh()
    assert export(installation, Selection(upload.key), tmp_path / "out.csv").rows == 2


def test_an_upload_of_another_home_that_has_not_arrived_is_no_unknown_one(
    followed, make, more, tmp_path
):
    """Who is told that a key is unknown looks for a mistake of their own."""
    pipeline, installation, _, _ = followed
    other = make(home="other", DATABASE_URL=pipeline.url)
    [upload] = other.load(more).uploads
    with pytest.raises(ReplicaBehind, match=upload.key):
        export(installation, Selection(upload.key), tmp_path / "out.csv")
    with pytest.raises(PermanentError, match="There is no upload"):
        export(installation, Selection("nobody's"), tmp_path / "out.csv")


def test_a_repeated_upload_waits_for_the_one_that_it_repeats(followed, more, tmp_path):
    """It stands for rows that the replica has not."""
    pipeline, installation, refresh, _ = followed
    pipeline.load(more)
    [again] = pipeline.load(more).uploads
    assert again.state == "repeated"
    with pytest.raises(ReplicaBehind, match=again.key):
        export(installation, Selection(again.key), tmp_path / "out.csv")
    refresh()
    assert export(installation, Selection(again.key), tmp_path / "out.csv").rows == 2


def test_a_load_that_was_repeated_since_has_not_arrived(followed, tmp_path):
    """Its rows may be others now."""
    pipeline, installation, refresh, key = followed
    [report] = pipeline.installation.journal.uploads(keys=[key])
    pipeline.run(report.batch)
    with pytest.raises(ReplicaBehind, match=key):
        export(installation, Selection(key), tmp_path / "out.csv")
    refresh()
    assert export(installation, Selection(key), tmp_path / "out.csv").notes == ()


def test_what_was_withdrawn_is_not_exported_from_a_replica_that_has_it(
    followed, tmp_path
):
    """Rows that were taken back must not go out because a copy is late."""
    pipeline, installation, _, key = followed
    withdraw(pipeline.installation, [key])
    with pytest.raises(PermanentError, match="withdrawn"):
        export(installation, Selection(key), tmp_path / "out.csv")
    [note] = export(installation, Selection(), tmp_path / "all.csv").notes
    assert "later loads, withdrawals or scores" in note


def test_scores_that_a_replica_has_not_yet_are_told(followed, tmp_path):
    """A level that changed since is another decision on a credit."""
    pipeline, installation, refresh, _ = followed
    rescore(pipeline, stricter(tmp_path), 2001)
    assert "later loads, withdrawals or scores" in lag_note(installation)
    refresh()
    assert lag_note(installation) is None


@pytest.mark.parametrize("driver", ON_SERVERS)
def test_a_synchronised_copy_on_sql_server_is_a_replica(
    driver, on_sqlite, empty_mssql, more, tmp_path
):
    """Both drivers read it, nothing is written, and a missing upload is told."""
    url = url_text(empty_mssql(driver))
    base = write_csv(tmp_path / "base.csv", rows_of("ABC", [2001, 2002]))
    [upload] = on_sqlite.load(base).uploads
    installation = reading_from(on_sqlite.installation, url)
    target = replace(installation.database, url=sa.make_url(url))
    target.create_tables()
    synchronise(on_sqlite.installation.database, target, SyncOptions())

    done = export(installation, Selection(upload.key), tmp_path / "1.csv")
    assert done.rows == 6
    [note] = done.notes
    assert "cannot be told" in note
    found = list(replica_findings(installation.settings))
    assert [f.what for f in found if f.level == Level.FAILURE] == []

    [late] = on_sqlite.load(more).uploads
    with pytest.raises(ReplicaBehind, match=late.key):
        export(installation, Selection(late.key), tmp_path / "2.csv")
    [note] = export(installation, Selection(), tmp_path / "3.csv").notes
    assert "1 upload is not in it yet" in note
    installation.replica.dispose()
    target.dispose()


@pytest.mark.parametrize("driver", ON_SERVERS)
def test_a_replica_on_the_server_of_loads_is_read_beside_them(
    driver, empty_mssql, base, make, tmp_path
):
    """Azure SQL has its replica behind the same name, told apart by the intent."""
    make.url = empty_mssql(driver)
    pipeline = make(home="on the server")
    pipeline.load(base)
    installation = reading_from(pipeline.installation, pipeline.url)
    done = export(installation, Selection(), tmp_path / "1.csv")
    assert (done.rows, done.notes) == (6, ())
    installation.replica.dispose()
