"""Places where a SQLite file cannot be, or cannot be written: refused with a cure."""

import os

import pytest

from bulk_pipeline.core.errors import PermanentError, TransientError
from bulk_pipeline_tests.adapters.harness import (
    BULK_CHILD,
    IN_PROCESS,
    installation_in,
    write_many,
)
from bulk_pipeline_tests.adapters.processes import nothing_visible, scored_batch


def test_a_full_disk_stores_nothing_and_says_so(make, tmp_path) -> None:
    """The first thing an operator must read is what to do, not a rollback's error."""
    pipeline = make(ULTRA_CONNECTION_POOL_SIZE=1)
    file = write_many(tmp_path / "many.csv", range(50), range(1900, 2000))
    batch = pipeline.land(file)
    scores = pipeline.score(pipeline.read(batch.key))
    with pipeline.installation.database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(TransientError, match=r"The disk is full.*Free some space"):
        pipeline.publish(scores)
    assert nothing_visible(pipeline.seen)


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        ("a directory", "cannot be opened. Check that its folder"),
        ("text", "no SQLite database. Name another one in DATABASE_URL"),
        ("a folder that is a file", "DATABASE_URL"),
    ],
)
def test_a_place_that_holds_no_database_is_refused_with_a_cure(
    tmp_path, kind, cure
) -> None:
    """A mistyped setting must read as one, not as a damaged file or a traceback."""
    path = tmp_path / "place.db"
    if kind == "a directory":
        path.mkdir()
    else:
        path.write_text("company_symbol\n" * 400)
    if kind == "a folder that is a file":
        path = path / "inside.db"
    installation = installation_in(tmp_path / "home", DATABASE_URL=f"sqlite:///{path}")
    with pytest.raises(PermanentError, match=cure):
        installation.database.create_tables()
    installation.close()


def test_a_file_that_may_only_be_read_is_refused_with_a_cure(make, tmp_path) -> None:
    """Grant write access is what an operator can act on."""
    pipeline = make(ULTRA_CONNECTION_POOL_SIZE=1)
    scores = scored_batch(pipeline, tmp_path)
    # The superuser may write any file, so the connection is told not to.
    with pipeline.installation.database.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(PermanentError, match=r"read-only\. Grant write access"):
        pipeline.publish(scores, register=False)
    assert nothing_visible(pipeline.seen)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write any file")
@pytest.mark.parametrize("bulk_rows", [IN_PROCESS, BULK_CHILD])
def test_a_read_only_folder_stores_nothing(make, tmp_path, bulk_rows) -> None:
    """A share that was mounted read-only must say so."""
    pipeline = make(bulk_rows, DATABASE_URL=f"sqlite:///{tmp_path}/ro/a.db")
    scores = scored_batch(pipeline, tmp_path)
    pipeline.installation.database.dispose()
    folder = tmp_path / "ro"
    for path in folder.iterdir():
        path.chmod(0o400)
    folder.chmod(0o500)
    try:
        with pytest.raises(PermanentError, match=r"write access|may be written"):
            pipeline.publish(scores)
    finally:
        folder.chmod(0o700)
