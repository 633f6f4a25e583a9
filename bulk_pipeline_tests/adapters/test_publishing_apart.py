"""A batch that the database refuses: what is wrong with one upload costs no other."""

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.moving import put_away
from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline.core.errors import DatabaseUnusable, PermanentError
from bulk_pipeline_tests.adapters.harness import Pipeline, counts, started
from bulk_pipeline_tests.builders import rows_of, write_csv

UNLUCKY = "66.6"
"""A return on assets that the database of these tests takes from nobody."""

RUN = """
import sys
from pathlib import Path
from bulk_pipeline_tests.adapters.harness import Pipeline, installation_in
Pipeline(installation_in(Path(sys.argv[1]))).run(sys.argv[2])
"""


class Counting:
    """The real way into the database; counts the transactions that are asked for."""

    def __init__(self, loader):
        self._loader = loader
        self.asked = 0

    def prepare(self, rows):
        """Hand on."""
        self._loader.prepare(rows)

    def publish(self, request):
        """Count and hand on."""
        self.asked += 1
        return self._loader.publish(request)

    def close(self):
        """Hand on."""
        self._loader.close()


def refuse_unlucky(pipeline: Pipeline) -> None:
    """Give the table a rule of somebody else's, which one value breaks."""
    database = pipeline.installation.database
    database.create_tables()
    rule = "ALTER TABLE annual_predictions ADD CONSTRAINT unlucky"
    rule += f" CHECK (return_on_assets <> {UNLUCKY})"
    if pipeline.is_sqlite:
        rule = (
            "CREATE TRIGGER unlucky BEFORE INSERT ON annual_predictions"
            f" WHEN new.return_on_assets = {UNLUCKY}"
            " BEGIN SELECT RAISE(ABORT, 'constraint failed: unlucky'); END"
        )
    with database.engine.begin() as connection:
        connection.execute(sa.text(rule))


def unlucky(folder, name="unlucky.csv", symbols="UV"):
    """A file whose last row breaks the rule."""
    rows = rows_of(symbols, [2001, 2002])
    rows[-1]["return_on_assets"] = UNLUCKY
    return write_csv(folder / name, rows)


def neighbours(folder):
    """Files that repeat keys of their own, of each other and hold rejected rows."""
    first = write_csv(folder / "1.csv", rows_of("ABC", [2001, 2002]))
    mixed = rows_of("CDD", [2001, 2002])
    mixed[-1]["return_on_assets"] = "9.5"
    mixed += [{**mixed[0], "company_symbol": "E", "net_income_margin": "twelve"}]
    second = write_csv(folder / "2.csv", mixed)
    useless = [{**row, "reporting_year": "soon"} for row in rows_of("FG", [2001])]
    third = write_csv(folder / "3.csv", useless)
    last = rows_of("AH", [2002, 2003])
    last[0]["return_on_assets"] = "7.5"
    return first, second, third, write_csv(folder / "4.csv", last)


def test_one_upload_that_the_database_refuses_costs_no_other(
    pipeline: Pipeline, tmp_path
) -> None:
    """A sender's value that a rule of the table forbids must not stop the batch."""
    refuse_unlucky(pipeline)
    first, second, third, last = neighbours(tmp_path)
    published = pipeline.load(first, second, unlucky(tmp_path), third, last)
    told = {upload.file: upload for upload in published.uploads}
    assert [u.state for u in published.uploads].count("loaded") == 4
    bad = told["unlucky.csv"]
    assert bad.state == "failed"
    assert "unlucky" in bad.message
    assert counts(bad) == (0, 0, 0, 0, 0, 0)
    assert counts(told["1.csv"]) == (6, 6, 0, 0, 0, 0)
    assert counts(told["2.csv"]) == (7, 2, 0, 4, 1, 1)
    assert counts(told["3.csv"]) == (2, 0, 0, 0, 0, 2)
    assert counts(told["4.csv"]) == (4, 3, 0, 1, 1, 0)
    assert {row[0] for row in pipeline.stored()} == set("ABCDH")
    assert pipeline.value("SELECT count(*) FROM uploads") == 4
    found = pipeline.query("SELECT rows_read, inserted, rejected FROM run_metrics")
    assert found == [(19, 11, 3)]


def test_the_refused_upload_ends_among_the_failed_and_is_shown(
    on_sqlite: Pipeline, tmp_path
) -> None:
    """Its file is for its sender to correct; a green run alone would hide it."""
    refuse_unlucky(on_sqlite)
    good = write_csv(tmp_path / "good.csv", rows_of("AB", [2001]))
    batch = on_sqlite.land(unlucky(tmp_path), good)
    on_sqlite.run(batch.key)
    installation = on_sqlite.installation
    assert put_away(installation, batch.key)
    (failed,) = installation.journal.uploads(state="failed")
    folder = installation.home.failed(failed.key)
    assert (folder / "unlucky.csv").exists()
    assert "unlucky" in (folder / "REASON.txt").read_text()
    assert installation.journal.refusals_to_show() == [batch.key]
    again = on_sqlite.run(batch.key).uploads
    assert {u.file: u.state for u in again} == {
        "unlucky.csv": "failed",
        "good.csv": "loaded",
    }
    assert again[[u.file for u in again].index("unlucky.csv")].message == failed.message


def test_outcomes_in_parts_are_those_of_one_transaction(make, tmp_path) -> None:
    """Who shares a batch with a bad file must get what he would have got without."""
    files = neighbours(tmp_path)
    whole, parted = make(home="whole"), make(home="parted")
    wanted = whole.load(*files, on_conflict="update")
    refuse_unlucky(parted)
    published = parted.load(*files, unlucky(tmp_path), on_conflict="update")
    loaded = [u for u in published.uploads if u.state == "loaded"]
    assert [counts(u) for u in loaded] == [counts(u) for u in wanted.uploads]
    assert parted.stored() == whole.stored()
    assert published.figures.counts == wanted.figures.counts


def test_all_refused_uploads_keep_their_own_reasons(
    on_sqlite: Pipeline, tmp_path
) -> None:
    """One reason for two files leaves one of their senders without his."""
    refuse_unlucky(on_sqlite)
    batch = on_sqlite.land(
        unlucky(tmp_path, "1.csv"),
        unlucky(tmp_path, "2.csv", "XY"),
        write_csv(tmp_path / "3.csv", rows_of("A", [2001]), ["company_symbol"]),
    )
    with pytest.raises(PermanentError, match=r"none of 2 files\. 1\.csv: .*2\.csv: "):
        on_sqlite.run(batch.key)
    told = {u.file: u for u in on_sqlite.installation.journal.uploads()}
    assert {u.state for u in told.values()} == {"failed"}
    assert "unlucky" in told["1.csv"].message
    assert "reporting_year" in told["3.csv"].message
    assert on_sqlite.predictions() == 0
    assert on_sqlite.value("SELECT count(*) FROM run_metrics") == 0


def test_an_upload_withdrawn_meanwhile_costs_no_other(
    small: Pipeline, tmp_path
) -> None:
    """Who withdraws a file while its batch is loaded again means that file."""
    first = write_csv(tmp_path / "1.csv", rows_of("A", [2001]))
    second = write_csv(tmp_path / "2.csv", rows_of("B", [2001]))
    published = small.load(first, second)
    batch = small.batch(published.uploads[0].batch)
    scores = small.score(small.read(batch.key))
    withdraw(small.installation, [batch.uploads[0].key])
    again = small.publish(scores).uploads
    assert [upload.state for upload in again] == ["withdrawn", "loaded"]
    assert counts(again[1]) == (1, 1, 0, 0, 0, 0)
    assert [row[0] for row in small.stored()] == ["B"]


def test_few_transactions_find_one_bad_upload_among_many(
    on_sqlite: Pipeline, tmp_path
) -> None:
    """Each upload by itself would cost 500 round trips for the sake of one."""
    refuse_unlucky(on_sqlite)
    files = [
        write_csv(tmp_path / f"{n:02}.csv", rows_of([f"S{n}"], [2001]))
        for n in range(63)
    ]
    batch = on_sqlite.land(*files[:40], unlucky(tmp_path), *files[40:])
    loader = Counting(on_sqlite.loader())
    published = Told(on_sqlite, loader).run(batch.key)
    assert [u.state for u in published.uploads].count("loaded") == 63
    assert loader.asked <= 13


def test_what_is_wrong_with_everybody_is_asked_once(
    on_sqlite: Pipeline, tmp_path
) -> None:
    """A missing table is missing for 500 files; saying so 500 times takes minutes."""
    files = [
        write_csv(tmp_path / f"{n}.csv", rows_of([f"S{n}"], [2001])) for n in range(9)
    ]
    batch = on_sqlite.land(*files)
    loader = Counting(on_sqlite.loader())
    scores = on_sqlite.score(on_sqlite.read(batch.key))
    with on_sqlite.installation.database.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE annual_predictions"))
    with pytest.raises(DatabaseUnusable, match="no such table"):
        Told(on_sqlite, loader).publish(scores)
    assert loader.asked == 1
    states = {u.state for u in on_sqlite.installation.journal.uploads()}
    assert states == {"failed"}


def test_a_run_killed_between_two_parts_is_finished_by_the_next(make, tmp_path) -> None:
    """Uploads that are stored by then have their receipts and are not stored twice."""
    files = neighbours(tmp_path)
    whole, parted = make(home="whole"), make(home="parted")
    wanted = whole.load(*files)
    refuse_unlucky(parted)
    batch = parted.land(*files, unlucky(tmp_path))
    home = parted.installation.home.root
    for _ in range(2):
        process = started(RUN, home, batch.key, BULK_PIPELINE_CRASH_AT="committed")
        process.communicate(timeout=60)
        assert process.returncode == -9
    assert 0 < parted.value("SELECT count(*) FROM uploads") < 4
    published = parted.run(batch.key)
    loaded = [u for u in published.uploads if u.state == "loaded"]
    assert [counts(u) for u in loaded] == [counts(u) for u in wanted.uploads]
    assert parted.stored() == whole.stored()
    assert not list(parted.installation.home.chunks(batch.key).glob(".apart-*"))


@pytest.mark.parametrize("point", ["reject file written", "figures stored"])
def test_a_run_killed_after_its_commit_is_told_in_full_by_the_next(
    make, tmp_path, point
) -> None:
    """Rows without their list of rejects would be loaded and never corrected."""
    files = neighbours(tmp_path)
    calm, killed = make(home="calm"), make(home="killed")
    wanted = calm.load(*files)
    batch = killed.land(*files)
    home = killed.installation.home
    process = started(RUN, home.root, batch.key, BULK_PIPELINE_CRASH_AT=point)
    process.communicate(timeout=60)
    assert process.returncode == -9
    states = {u.state for u in killed.installation.journal.uploads()}
    assert states == {"claimed"}, "the next attempt would not be asked for"
    published = killed.run(batch.key)
    assert [counts(u) for u in published.uploads] == [counts(u) for u in wanted.uploads]
    lists = [bool(u.reject_file) for u in published.uploads]
    assert lists == [bool(u.reject_file) for u in wanted.uploads]
    runs = killed.query("SELECT rows_read, rows_written FROM run_metrics ORDER BY id")
    assert runs[-1] == (19, 0)


class Told(Pipeline):
    """A pipeline with a loader of the test's."""

    def __init__(self, pipeline, loader):
        super().__init__(pipeline.installation, pipeline.bulk_rows)
        self._loader = loader

    def loader(self):
        """The loader of the test."""
        return self._loader
