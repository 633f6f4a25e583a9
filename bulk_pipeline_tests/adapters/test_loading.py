"""The promise of a load, with both drivers: visible whole or not at all, once."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from bulk_pipeline.adapters.chunks import write_chunk
from bulk_pipeline.core.errors import AccountingError, PermanentError
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.harness import (
    BULK_CHILD,
    IN_PROCESS,
    REAL_FILE,
    Pipeline,
    counts,
    listed,
    ratios,
    write_many,
)
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

ROA = "return_on_assets"
BOTH_MODES = pytest.mark.parametrize("mode", ["skip", "update"])
DRIVERS_AND_MODES = pytest.mark.parametrize(
    ("pipeline", "mode"),
    [(IN_PROCESS, "skip"), (IN_PROCESS, "update"), (BULK_CHILD, "update")],
    ids=["in process, skip", "in process, update", "bulk child, update"],
    indirect=["pipeline"],
)


def with_roa(rows, value):
    """The same rows with another return on assets."""
    return [{**row, ROA: str(value)} for row in rows]


def roas(pipeline):
    """The stored returns on assets in order of the key."""
    return [row[-1] for row in pipeline.stored()]


def table(pipeline, name):
    """All rows of a table, in order of their ids."""
    return pipeline.query(f"SELECT * FROM {name} ORDER BY id")  # noqa: S608  # ours


@pytest.fixture
def base(tmp_path):
    """Six good rows: three companies, two years."""
    return write_csv(tmp_path / "base.csv", rows_of("ABC", [2001, 2002]))


@pytest.fixture
def corrected(tmp_path):
    """The same six keys, two of them with other values, and one new key."""
    rows = rows_of("ABC", [2001, 2002])
    rows[2:4] = with_roa(rows[2:4], 9.5)
    return write_csv(tmp_path / "corrected.csv", [*rows, *rows_of("D", [2001])])


def test_every_row_read_is_accounted_for(pipeline: Pipeline, tmp_path) -> None:
    """A row that is in no count is a row that was lost."""
    pipeline.given(write_csv(tmp_path / "first.csv", rows_of("AB", [2001])))
    rows = [
        *with_roa(rows_of("A", [2001]), 8),  # stored with another value
        *rows_of("B", [2001]),  # stored as it stands
        *rows_of("C", [2001, 2002, 2002]),  # two new keys, one of them twice
        {**ROW, "reporting_year": "soon"},
    ]
    path = write_csv(tmp_path / "second.csv", rows)
    skipped = pipeline.given(path, on_conflict="skip")
    assert counts(skipped.uploads[0]) == (6, 2, 0, 3, 1, 1)
    assert skipped.figures.rows_written == 2
    later = [*with_roa(rows_of("A", [2001]), 7), *rows[1:]]
    replaced = pipeline.load(
        write_csv(tmp_path / "third.csv", later), on_conflict="update"
    )
    assert counts(replaced.uploads[0]) == (6, 0, 1, 4, 0, 1)
    for report in (*skipped.uploads, *replaced.uploads):
        read, inserted, updated, duplicates, _, rejected = counts(report)
        assert read == inserted + updated + duplicates + rejected


def test_a_file_that_was_loaded_is_repeated(small: Pipeline, base, tmp_path) -> None:
    """Whoever drops a file twice, by the same name or another, gets no second load."""
    pipeline = small
    first = pipeline.load(base).uploads[0]
    renamed = tmp_path / "renamed.csv"
    renamed.write_bytes(base.read_bytes())
    for path in (base, renamed):
        again = pipeline.load(path)
        assert again.uploads[0].state == "repeated"
        assert first.key in again.uploads[0].message
        assert "base.csv" in again.uploads[0].message
        assert counts(again.uploads[0]) == (0, 0, 0, 0, 0, 0)
        assert again.figures.rows_written == 0
    assert pipeline.predictions() == 6
    assert pipeline.value("SELECT count(*) FROM uploads") == 1


def test_other_options_are_another_load(small: Pipeline, base) -> None:
    """A file read under another unit or rule is not the same load."""
    pipeline = small
    pipeline.load(base)
    assert pipeline.load(base, blank_quarter="FY").uploads[0].state == "loaded"


def test_force_loads_a_known_file_and_finds_duplicates(small: Pipeline, base) -> None:
    """Force is for those who doubt the table; it must not store a row twice."""
    pipeline = small
    pipeline.given(base)
    forced = pipeline.load(base, force=True)
    assert counts(forced.uploads[0]) == (6, 0, 0, 6, 0, 0)
    assert forced.figures.rows_written == 0
    assert pipeline.predictions() == 6


def test_a_batch_stays_loaded_though_it_was_forced_again(small: Pipeline, base) -> None:
    """A later copy of a file must not turn the load that stored the rows into none."""
    pipeline = small
    first = pipeline.load(base)
    pipeline.load(base, force=True)
    again = pipeline.run(first.uploads[0].batch)
    assert again.uploads[0].state == "loaded"
    assert counts(again.uploads[0]) == counts(first.uploads[0])


def test_skip_keeps_what_is_stored_and_lists_what_differs(
    pipeline: Pipeline, base, corrected
) -> None:
    """A corrected value that is ignored in silence would be believed to be stored."""
    first = pipeline.given(base).uploads[0]
    report = pipeline.load(corrected, on_conflict="skip").uploads[0]
    assert counts(report) == (7, 1, 0, 6, 2, 0)
    assert roas(pipeline) == [3.711] * 7
    found = listed(report)
    assert [row["line"] for row in found] == ["4", "5"]
    for row in found:
        assert row["outcome"] == "duplicate_conflicting"
        assert row["column"] == ROA
        assert (row["value"], row["kept_value"]) == ("9.5", "3.711")
        assert row["kept_in"] == f"upload {first.key}"
    assert [row["company_symbol"] for row in found] == ["B", "B"]
    assert [row["reporting_year"] for row in found] == ["2001", "2002"]


def test_update_replaces_and_keeps_the_old_values(
    pipeline: Pipeline, base, corrected
) -> None:
    """An auditor asks what stood there before, until when, and what replaced it."""
    pipeline.given(base)
    before = table(pipeline, "annual_predictions")
    started = datetime.now(UTC).timestamp() * 1e6
    report = pipeline.load(corrected, on_conflict="update").uploads[0]
    assert counts(report) == (7, 1, 2, 4, 0, 0)
    assert roas(pipeline) == [3.711, 3.711, 9.5, 9.5, 3.711, 3.711, 3.711]
    assert report.reject_file is None
    kept = pipeline.query(
        "SELECT prediction_id, company_id, reporting_year, reporting_quarter,"
        " long_term_debt_to_total_capital, total_debt_to_ebitda, net_income_margin,"
        " ebit_to_interest_expense, return_on_assets, probability, risk_level,"
        " confidence, model_id, upload_id, created_at, updated_at"
        " FROM annual_prediction_history ORDER BY prediction_id"
    )
    assert kept == before[2:4]
    stamps = pipeline.query(
        "SELECT replaced_at, upload_key, reason FROM annual_prediction_history"
        " JOIN uploads ON uploads.id = replaced_by_upload_id"
    )
    assert [stamp[1:] for stamp in stamps] == [(report.key, "update")] * 2
    assert all(started <= stamp[0] for stamp in stamps)
    replaced = pipeline.query(
        "SELECT upload_key, annual_predictions.id, created_at, updated_at"
        " FROM annual_predictions JOIN uploads ON uploads.id = upload_id"
        " WHERE return_on_assets = 9.5 ORDER BY annual_predictions.id"
    )
    assert [row[0] for row in replaced] == [report.key] * 2
    assert [row[1] for row in replaced] == [row[0] for row in before[2:4]]
    assert all(created < updated for _, _, created, updated in replaced)


@DRIVERS_AND_MODES
def test_an_older_batch_run_again_brings_nothing_back(
    pipeline: Pipeline, base, corrected, mode
) -> None:
    """A click on an old partition must not undo a correction, nor change a count."""
    first = pipeline.given(base, on_conflict=mode)
    second = pipeline.given(corrected, on_conflict=mode)
    before = [table(pipeline, n) for n in ("annual_predictions", "companies")]
    history = table(pipeline, "annual_prediction_history")
    for published, run in ((first, pipeline.run), (second, pipeline.given_again)):
        again = run(published.uploads[0].batch)
        assert counts(again.uploads[0]) == counts(published.uploads[0])
        assert again.uploads[0].state == "loaded"
        assert again.figures.rows_written == 0
        assert listed(again.uploads[0]) == listed(published.uploads[0])
    after = [table(pipeline, n) for n in ("annual_predictions", "companies")]
    assert after == before
    assert table(pipeline, "annual_prediction_history") == history
    assert pipeline.value("SELECT count(*) FROM uploads") == 2


@BOTH_MODES
def test_a_batch_of_three_generations_keeps_its_counts(
    small: Pipeline, base, corrected, tmp_path, mode
) -> None:
    """A row that was replaced twice still counts for each upload as it first did."""
    pipeline = small
    third = write_csv(
        tmp_path / "third.csv", with_roa(rows_of("ABC", [2001, 2002]), -4)
    )
    loads = [pipeline.given(p, on_conflict=mode) for p in (base, corrected, third)]
    before = table(pipeline, "annual_predictions")
    for published in loads:
        again = pipeline.run(published.uploads[0].batch)
        assert counts(again.uploads[0])[:4] == counts(published.uploads[0])[:4]
        assert again.figures.rows_written == 0
    assert table(pipeline, "annual_predictions") == before


@DRIVERS_AND_MODES
def test_rows_deleted_by_hand_come_back_once(
    pipeline: Pipeline, base, corrected, mode
) -> None:
    """Running a batch again mends a table; its counts stay what they were."""
    pipeline.given(base, on_conflict=mode)
    second = pipeline.given(corrected, on_conflict=mode)
    before = pipeline.stored()
    pipeline.query("DELETE FROM annual_predictions WHERE upload_id = 2")
    written = 1 if mode == "skip" else 3
    again = pipeline.run(second.uploads[0].batch)
    assert counts(again.uploads[0]) == counts(second.uploads[0])
    assert again.figures.rows_written == written
    assert pipeline.stored() == before
    once_more = pipeline.given_again(second.uploads[0].batch)
    assert counts(once_more.uploads[0]) == counts(second.uploads[0])
    assert once_more.figures.rows_written == 0
    assert pipeline.stored() == before


@BOTH_MODES
def test_a_table_emptied_by_hand_is_filled_by_its_batches(
    small: Pipeline, base, corrected, mode
) -> None:
    """Also where no row of its companies is left, an upload reports what it did."""
    loads = [small.load(path, on_conflict=mode) for path in (base, corrected)]
    before = small.stored()
    small.query("DELETE FROM annual_predictions")
    for published in loads:
        again = small.run(published.uploads[0].batch)
        assert counts(again.uploads[0]) == counts(published.uploads[0])
    assert small.stored() == before


def test_an_update_runs_again_into_an_emptied_table(
    pipeline: Pipeline, base, corrected
) -> None:
    """What an upload replaced, it replaced, though nothing is left to replace now."""
    pipeline.given(base)
    second = pipeline.given(corrected, on_conflict="update")
    pipeline.query("DELETE FROM annual_predictions")
    again = pipeline.run(second.uploads[0].batch).uploads[0]
    assert counts(again)[2] == counts(second.uploads[0])[2] == 2
    assert pipeline.predictions() == 7


def test_in_one_file_the_first_row_wins(small: Pipeline, tmp_path) -> None:
    """Whoever sent the file learns which of two lines counts, under update too."""
    pipeline = small
    rows = rows_of("AB", [2001])
    path = write_csv(
        tmp_path / "twice.csv", [*rows, *with_roa(rows[:1], 9), rows[1], rows[0]]
    )
    report = pipeline.load(path, on_conflict="update").uploads[0]
    assert counts(report) == (5, 2, 0, 3, 1, 0)
    assert roas(pipeline) == [3.711, 3.711]
    (row,) = listed(report)
    assert (row["line"], row["kept_in"]) == ("4", "line 2 of this file")
    assert (row["value"], row["kept_value"]) == ("9.0", "3.711")
    again = pipeline.given_again(report.batch).uploads[0]
    assert counts(again) == counts(report)
    assert listed(again) == [row]


@DRIVERS_AND_MODES
def test_two_files_of_one_batch_are_loaded_one_after_the_other(
    pipeline: Pipeline, tmp_path, mode
) -> None:
    """Files that arrive together must give what they give when they arrive apart."""
    first = write_csv(tmp_path / "b-first.csv", rows_of("AB", [2001, 2002]))
    changed = [*rows_of("A", [2001]), *with_roa(rows_of("BC", [2002]), 5)]
    time.sleep(0.01)  # the order of files is that of their change
    second = write_csv(tmp_path / "a-second.csv", changed)
    published = pipeline.load(second, first, on_conflict=mode)
    older, newer = published.uploads
    assert [older.file, newer.file] == ["b-first.csv", "a-second.csv"]
    assert counts(older) == (4, 4, 0, 0, 0, 0)
    updated = 1 if mode == "update" else 0
    assert counts(newer) == (3, 1, updated, 2 - updated, 1 - updated, 0)
    assert roas(pipeline) == [3.711] * 3 + [5.0 if updated else 3.711, 5.0]
    assert len(table(pipeline, "annual_prediction_history")) == updated
    again = pipeline.given_again(older.batch)
    assert [counts(report) for report in again.uploads] == [
        counts(older),
        counts(newer),
    ]
    assert again.figures.rows_written == 0
    assert [listed(report) for report in again.uploads] == [
        listed(older),
        listed(newer),
    ]


def test_two_copies_in_one_batch_are_one_load(small: Pipeline, base, tmp_path) -> None:
    """The same export dropped twice at once is no conflict, and stays so."""
    pipeline = small
    copy = tmp_path / "copy.csv"
    copy.write_bytes(base.read_bytes())
    published = pipeline.load(base, copy)
    assert [report.state for report in published.uploads] == ["loaded", "repeated"]
    assert published.uploads[0].key in published.uploads[1].message
    again = pipeline.run(published.uploads[0].batch)
    assert [report.state for report in again.uploads] == ["loaded", "repeated"]


@pytest.mark.parametrize("known", [[], ["A"]], ids=["none known", "one known"])
def test_a_missing_company_fails_by_name(pipeline: Pipeline, tmp_path, known) -> None:
    """Rows of a company without an id would be dropped by a join, unseen."""
    pipeline.installation.database.create_tables()
    if known:
        pipeline.given(write_csv(tmp_path / "known.csv", rows_of(known, [1999])))
    batch = pipeline.land(write_csv(tmp_path / "new.csv", rows_of("AXY", [2001])))
    scores = pipeline.score(pipeline.read(batch.key))
    with pytest.raises(PermanentError, match=r"first is [AX]\. Materialise companies"):
        pipeline.publish(scores, register=False)
    assert pipeline.predictions() == len(known)
    assert pipeline.value("SELECT count(*) FROM uploads") == len(known)
    assert pipeline.value("SELECT count(*) FROM models") == len(known)
    registered = replace(pipeline, bulk_rows=IN_PROCESS).publish(scores)
    assert registered.uploads[0].inserted == 3


@pytest.mark.parametrize(("mode", "value"), [("skip", float("nan")), ("update", 1.5)])
def test_a_value_that_cannot_be_is_refused_whole(
    pipeline: Pipeline, base, corrected, mode, value
) -> None:
    """A probability above one in the table would be believed by whoever reads it."""
    pipeline.given(base)
    before = pipeline.stored()
    batch = pipeline.land(corrected, on_conflict=mode)
    scores = pipeline.score(pipeline.read(batch.key))
    name = "probability"
    folder = scores.directory
    frame = pl.read_ipc(folder / scores.chunks[0].name)
    position = 2 if mode == "update" else 6  # a row to replace, a new row
    values = frame[name].to_list()
    values[position] = value
    write_chunk(
        folder / scores.chunks[0].name, frame.with_columns(pl.Series(name, values))
    )
    with pytest.raises(AccountingError, match="probability"):
        pipeline.publish(scores)
    assert pipeline.stored() == before
    assert pipeline.value("SELECT count(*) FROM uploads") == 1
    assert pipeline.value("SELECT count(*) FROM annual_prediction_history") == 0


def test_counts_that_disagree_store_nothing(small: Pipeline, base) -> None:
    """A file of which a row went astray on the way must not look loaded."""
    pipeline = small
    batch = pipeline.land(base)
    rows = pipeline.read(batch.key)
    uploads = rows.directory.parent / "uploads.json"
    readings = json.loads(uploads.read_text())
    readings[0]["rows_read"] += 1
    uploads.write_text(json.dumps(readings))
    with pytest.raises(AccountingError, match=r"base\.csv: 7 rows were read.*6 \+ 0"):
        pipeline.publish(pipeline.score(rows))
    assert pipeline.predictions() == 0
    assert pipeline.value("SELECT count(*) FROM uploads") == 0


def test_a_load_leaves_its_receipt(pipeline: Pipeline, base) -> None:
    """The receipt is what makes a load count, and every row names it and its model."""
    before = time.time() * 1e6
    report = pipeline.load(base).uploads[0]
    (receipt,) = pipeline.query(
        "SELECT upload_key, batch_key, home_id, file_name, sha256, rows_read, inserted,"
        " updated, duplicates, duplicates_conflicting, rejected FROM uploads"
    )
    home = pipeline.installation.journal.home_id()
    named = (report.key, report.batch, home, "base.csv", report.sha256)
    assert receipt == (*named, 6, 6, 0, 0, 0, 0)
    (model,) = pipeline.query("SELECT id, kind, length(sha256), document FROM models")
    assert model[1:3] == ("scorecard", 64)
    assert json.loads(model[3])
    moments = pipeline.query(
        "SELECT DISTINCT p.created_at, p.updated_at, u.first_loaded_at,"
        " u.last_loaded_at, p.model_id, u.model_id, p.upload_id"
        " FROM annual_predictions p, uploads u"
    )
    assert len(moments) == 1
    assert len({*moments[0][:4]}) == 1
    assert before < moments[0][0] < time.time() * 1e6
    assert moments[0][4:] == (model[0], model[0], 1)
    kinds = "typeof(created_at), typeof(probability), typeof(reporting_year)"
    found = pipeline.query(f"SELECT DISTINCT {kinds} FROM annual_predictions")  # noqa: S608
    assert found == [("integer", "real", "integer")]


def test_a_run_that_is_made_again_renews_only_the_time_of_its_receipt(
    small: Pipeline, base
) -> None:
    """When a file was first loaded is a fact that no later click changes."""
    pipeline = small
    report = pipeline.load(base).uploads[0]
    query = "SELECT id, first_loaded_at, last_loaded_at FROM uploads"
    ((upload, first, last),) = pipeline.query(query)
    pipeline.run(report.batch)
    ((same_upload, same_first, later),) = pipeline.query(query)
    assert (same_upload, same_first) == (upload, first)
    assert later > last


def test_a_missing_ratio_is_stored_as_missing(pipeline: Pipeline, tmp_path) -> None:
    """Zero is a value, and a good one for debt: a gap that becomes zero flatters."""
    rows = [
        {**ROW, "company_symbol": "A", **ratios()},
        {**ROW, "company_symbol": "B", **ratios(return_on_assets="0")},
        {**ROW, "company_symbol": "C", **ratios(net_income_margin="-24.182")},
    ]
    published = pipeline.load(write_csv(tmp_path / "gaps.csv", rows))
    nothing = None
    wanted = [
        ("A", 2012, "Q4", nothing, nothing, nothing, nothing, nothing),
        ("B", 2012, "Q4", nothing, nothing, nothing, nothing, 0.0),
        ("C", 2012, "Q4", nothing, nothing, -24.182, nothing, nothing),
    ]
    assert pipeline.stored() == wanted
    forced = pipeline.given(tmp_path / "gaps.csv", force=True, on_conflict="update")
    assert counts(forced.uploads[0]) == (3, 0, 0, 3, 0, 0)
    again = pipeline.given_again(published.uploads[0].batch)
    assert again.figures.rows_written == 0
    rows[0] = {**rows[0], ROA: "0"}
    filled = write_csv(tmp_path / "filled.csv", rows)
    assert counts(pipeline.given(filled).uploads[0]) == (3, 0, 0, 3, 1, 0)
    updated = pipeline.load(filled, on_conflict="update").uploads[0]
    assert counts(updated) == (3, 0, 1, 2, 0, 0)
    assert pipeline.stored()[0] == (*wanted[0][:-1], 0.0)


def test_a_gap_and_a_value_differ_in_the_list(small: Pipeline, tmp_path) -> None:
    """A blank cell beside a number would look like a fault of the list."""
    pipeline = small
    pipeline.given(write_csv(tmp_path / "a.csv", [{**ROW, **ratios()}]))
    path = write_csv(tmp_path / "b.csv", [{**ROW, **ratios(return_on_assets="0")}])
    (row,) = listed(pipeline.load(path).uploads[0])
    assert (row["value"], row["kept_value"]) == ("0.0", "missing")


def test_ratios_keep_every_digit(pipeline: Pipeline, tmp_path) -> None:
    """A ratio that comes back in another form would conflict with its own file."""
    values = ["0.1", "-1e-300", "1.7976931348623157e308", "12345678901234.567", "-0.0"]
    row = {**ROW, **dict(zip(RATIOS, values, strict=True))}
    path = write_csv(tmp_path / "digits.csv", [row])
    assert counts(pipeline.load(path).uploads[0])[1] == 1
    assert list(pipeline.stored()[0][3:]) == [float(value) for value in values]
    forced = pipeline.given(path, force=True, on_conflict="update").uploads[0]
    assert counts(forced) == (1, 0, 0, 1, 0, 0)


def test_symbols_are_texts(pipeline: Pipeline, tmp_path) -> None:
    """A driver that takes 0700 for a number would lose the company in Hong Kong."""
    symbols = ["0700", "1E5", "NA", "TRUE", "BRK.A", "007", "O'B%_[", "É"]
    path = write_csv(tmp_path / "symbols.csv", rows_of(symbols, [2001]))
    assert pipeline.given(path).uploads[0].inserted == len(symbols)
    assert {row[0] for row in pipeline.stored()} == set(symbols)
    numbers = [s for s in symbols if s[0] == "0"]
    more = write_csv(tmp_path / "more.csv", rows_of(numbers, [2001, 2002]))
    assert counts(pipeline.load(more).uploads[0]) == (4, 2, 0, 2, 0, 0)


def test_quarters_of_a_year_are_rows_of_their_own(small: Pipeline, tmp_path) -> None:
    """A company that reports quarterly must not overwrite itself."""
    quarters = ["Q1", "q2", "3", "", "FY", "Q4"]
    rows = [{**ROW, "reporting_quarter": quarter} for quarter in quarters]
    report = small.load(write_csv(tmp_path / "quarters.csv", rows)).uploads[0]
    assert counts(report) == (6, 5, 0, 1, 0, 0)
    assert [row[2] for row in small.stored()] == ["FY", "Q1", "Q2", "Q3", "Q4"]


def test_loads_follow_one_another_in_one_process(make, tmp_path) -> None:
    """A process that loads for months must not depend on its first load."""
    pipeline = make()
    for number, bulk_rows in enumerate((BULK_CHILD, IN_PROCESS, 3)):
        pipeline.bulk_rows = bulk_rows
        rows = rows_of("ABCD", [2001 + number, 2002 + number])
        report = pipeline.load(write_csv(tmp_path / f"{number}.csv", rows)).uploads[0]
        assert counts(report) == (8, *((8, 0, 0) if not number else (4, 0, 4)), 0, 0)
        assert pipeline.predictions() == 8 + 4 * number
    assert pipeline.value("PRAGMA integrity_check") == "ok"


def test_rows_are_visible_to_other_processes_at_once(
    pipeline: Pipeline, tmp_path
) -> None:
    """Rows that only the loading process sees are rows that are gone when it ends."""
    program = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1]);"
        "print(connection.execute('SELECT count(*) FROM annual_predictions')"
        ".fetchone()[0])"
    )
    path = str(pipeline.installation.database.path)
    for number in (1, 2):
        rows = write_many(
            tmp_path / f"{number}.csv", range(50), range(1900, 1900 + 10 * number)
        )
        pipeline.load(rows)
        seen = subprocess.run(
            [sys.executable, "-c", program, path],
            check=True,
            capture_output=True,
            text=True,
        )
        assert int(seen.stdout) == 500 * number


def test_the_pool_stays_usable_beside_bulk_loads(make, tmp_path) -> None:
    """An open reader must neither block a load nor miss it afterwards."""
    pipeline = make(BULK_CHILD)
    pipeline.installation.database.create_tables()
    with pipeline.installation.database.reading() as connection:
        count = "SELECT count(*) FROM annual_predictions"
        assert connection.exec_driver_sql(count).scalar() == 0
        pipeline.load(write_many(tmp_path / "a.csv", range(10), range(1990, 2000)))
        assert connection.exec_driver_sql(count).scalar() == 0  # its own snapshot
        connection.rollback()
        assert connection.exec_driver_sql(count).scalar() == 100


def test_a_later_model_scores_an_old_batch_again(
    small: Pipeline, base, tmp_path
) -> None:
    """A new model replaces the scores of the batch and keeps the old ones."""
    pipeline = small
    first = pipeline.given(base)
    scores = pipeline.query("SELECT probability FROM annual_predictions")
    shipped = pipeline.value("SELECT document FROM models")
    later = tmp_path / "later.json"
    later.write_text(shipped + "\n")
    pipeline.model = later
    again = pipeline.run(first.uploads[0].batch)
    assert counts(again.uploads[0]) == counts(first.uploads[0])
    assert again.figures.rows_written == 6
    query = "SELECT DISTINCT model_id FROM annual_predictions"
    assert pipeline.query(query) == [(2,)]
    history = "SELECT probability, model_id, reason FROM annual_prediction_history"
    assert pipeline.query(history) == [(*score, 1, "reload") for score in scores]
    assert pipeline.given_again(first.uploads[0].batch).figures.rows_written == 0


def test_the_figures_of_a_load_add_up(small: Pipeline, base, corrected) -> None:
    """The chart of the runs is drawn from this table and nothing else."""
    pipeline = small
    published = pipeline.load(base, corrected, on_conflict="update")
    figures = published.figures
    assert figures.counts["rows_read"] == 13
    assert figures.counts["inserted"] + figures.counts["updated"] == 9
    assert figures.seconds > 0
    assert figures.rows_per_second == pytest.approx(13 / figures.seconds)
    assert figures.tier == "STANDARD"
    assert figures.peak_memory_bytes > 10_000_000
    stored = pipeline.query(
        "SELECT batch_key, run_id, rows_read, rows_written, load_seconds, tier"
        " FROM run_metrics"
    )
    batch = published.uploads[0].batch
    load = figures.stages["load"]
    assert stored == [(batch, "run", 13, figures.rows_written, load, "STANDARD")]
    states = [report.state for report in pipeline.installation.journal.uploads()]
    assert states == ["loaded", "loaded"]


def test_a_batch_of_no_row_leaves_a_receipt(pipeline: Pipeline, tmp_path) -> None:
    """An empty export is a fact about its sender, not a failure."""
    published = pipeline.load(write_csv(tmp_path / "empty.csv", []))
    assert counts(published.uploads[0]) == (0, 0, 0, 0, 0, 0)
    assert published.uploads[0].state == "loaded"
    assert pipeline.value("SELECT rows_read FROM uploads") == 0
    assert pipeline.load(tmp_path / "empty.csv").uploads[0].state == "repeated"


@pytest.mark.skipif(not REAL_FILE.exists(), reason="the real rows are not at hand")
def test_the_real_rows_give_the_known_figures(pipeline: Pipeline) -> None:
    """These figures come from another system: they hold what no own test can."""
    report = pipeline.load(REAL_FILE).uploads[0]
    assert counts(report) == (2_475, 2_466, 0, 9, 0, 0)
    missing = " OR ".join(f"{name} IS NULL" for name in RATIOS)
    where = f"SELECT count(*) FROM annual_predictions WHERE {missing}"  # noqa: S608
    assert pipeline.value(where) == 471
    levels = "SELECT risk_level, count(*) FROM annual_predictions GROUP BY 1 ORDER BY 1"
    assert pipeline.query(levels) == [("LOW", 540), ("MEDIUM", 1_926)]
    total = pipeline.value("SELECT sum(probability) FROM annual_predictions")
    assert total == pytest.approx(57.28843432367688, rel=1e-12)
    assert pipeline.value("SELECT count(*) FROM companies") == 86
    assert counts(pipeline.given(REAL_FILE, force=True).uploads[0])[1:4] == (
        0,
        0,
        2_475,
    )
