"""Laws of withdrawing: the table is as if the upload had never been loaded."""

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline.core.errors import AccountingError, PermanentError
from bulk_pipeline_tests.adapters.harness import Pipeline, counts, installation_in
from bulk_pipeline_tests.builders import rows_of, write_csv

ROA = "return_on_assets"
STATE = (
    "SELECT symbol, reporting_year, reporting_quarter, net_income_margin,"
    " return_on_assets, probability, risk_level, confidence, models.sha256, file_name"
    " FROM annual_predictions p JOIN companies c ON c.id = company_id"
    " JOIN models ON models.id = p.model_id JOIN uploads u ON u.id = upload_id"
    " ORDER BY 1, 2, 3"
)
LEDGER = (
    "SELECT symbol, reporting_year, return_on_assets, file_name, reason,"
    " replaced_by_upload_id FROM annual_prediction_history h"
    " JOIN companies c ON c.id = company_id JOIN uploads u ON u.id = upload_id"
    " ORDER BY h.id"
)
NAMES = ("a.csv", "b.csv", "c.csv")
ROWS = {
    "a.csv": [("K", 1), ("L", 1), ("M", 1)],
    "b.csv": [("K", -20), ("L", -20), ("N", -20)],
    "c.csv": [("K", 40), ("M", 40), ("N", 40), ("O", 40)],
}
"""Symbol and return on assets of each row; every value names its upload."""


def file_of(folder, name, rows):
    """A file of rows that are each a symbol and its return on assets."""
    cells = [{**rows_of([symbol], [2001])[0], ROA: str(roa)} for symbol, roa in rows]
    return write_csv(folder / name, cells)


def loaded(pipeline, folder, *names):
    """Load some of the files in update mode; name → report."""
    return {
        name: pipeline.load(
            file_of(folder, name, ROWS[name]), on_conflict="update"
        ).uploads[0]
        for name in names
    }


def score_later(pipeline, folder, batch):
    """Run a batch again under another model."""
    later = folder / "later.json"
    shipped = pipeline.value("SELECT document FROM models")
    later.write_text(shipped + "\n")
    assert replace(pipeline, model=later).run(batch).figures.rows_written


def taken(pipeline, *keys):
    """What a withdrawal deleted and restored, upload by upload."""
    done = withdraw(pipeline.installation, keys)
    return [(upload.file, upload.deleted, upload.restored) for upload in done]


def everything(pipeline):
    """All that a withdrawal may change, row by row."""
    names = ("annual_predictions", "annual_prediction_history", "uploads")
    tables = [pipeline.query(f"SELECT * FROM {n} ORDER BY id") for n in names]  # noqa: S608
    return tables, pipeline.installation.journal.uploads()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The state after loading only some of the files, in order."""
    states = {}

    def state(names):
        if names not in states:
            folder = tmp_path_factory.mktemp("alone")
            pipeline = Pipeline(installation_in(folder / "home"))
            pipeline.installation.database.create_tables()
            loaded(pipeline, folder, *names)
            states[names] = pipeline.query(STATE)
            pipeline.close()
        return states[names]

    return state


def test_withdrawing_the_only_upload_empties_the_table(
    small: Pipeline, tmp_path
) -> None:
    """A file that should never have been sent must be gone, and still be traceable."""
    report = loaded(small, tmp_path, "a.csv")["a.csv"]
    stored = small.query("SELECT * FROM annual_predictions ORDER BY id")

    assert taken(small, report.key) == [("a.csv", 3, 0)]
    assert small.predictions() == 0
    kept = small.query("SELECT * FROM annual_prediction_history ORDER BY id")
    assert [row[1:-3] for row in kept] == stored
    ((withdrawn_at, rows),) = small.query("SELECT withdrawn_at, inserted FROM uploads")
    assert rows == 3  # the receipt says what was loaded, and that it is withdrawn
    assert {row[-3:] for row in kept} == {(withdrawn_at, None, "withdraw")}
    (entry,) = small.installation.journal.uploads(state="withdrawn")
    assert entry.message.endswith(
        "3 rows deleted, 0 restored to what they had replaced."
    )
    assert counts(entry) == counts(report)


def test_an_update_gives_back_what_it_replaced(small: Pipeline, tmp_path) -> None:
    """The old row must count again as it was: values, score, owner and age."""
    loaded(small, tmp_path, "a.csv")
    unchanging = [
        column[1]
        for column in small.query("PRAGMA table_info(annual_predictions)")
        if column[1] != "updated_at"
    ]
    query = f"SELECT {', '.join(unchanging)} FROM annual_predictions ORDER BY id"  # noqa: S608
    before = small.query(query)
    report = loaded(small, tmp_path, "b.csv")["b.csv"]
    moments = small.query("SELECT updated_at FROM annual_predictions ORDER BY id")
    assert counts(report)[1:3] == (1, 2)

    assert taken(small, report.key) == [("b.csv", 1, 2)]
    assert small.query(query) == before
    later = small.query("SELECT updated_at FROM annual_predictions ORDER BY id")
    assert [now > then for now, then in zip(later, moments[:3], strict=True)] == [
        True,  # whoever asks for what changed since yesterday must see these two
        True,
        False,
    ]
    assert small.query(LEDGER) == [
        ("K", 2001, 1.0, "a.csv", "update", 2),
        ("L", 2001, 1.0, "a.csv", "update", 2),
        ("K", 2001, -20.0, "b.csv", "withdraw", None),
        ("L", 2001, -20.0, "b.csv", "withdraw", None),
        ("N", 2001, -20.0, "b.csv", "withdraw", None),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(NAMES)), ids="-".join)
def test_uploads_can_be_withdrawn_in_any_order(
    small: Pipeline, tmp_path, alone, order
) -> None:
    """A withdrawn value that comes back with the next withdrawal would be believed."""
    reports = loaded(small, tmp_path, *NAMES)
    left = list(NAMES)
    for name in order:
        taken(small, reports[name].key)
        left.remove(name)
        assert small.query(STATE) == alone(tuple(left))
        for other in left:  # and a back-fill changes neither the table nor a count
            again = small.run(reports[other].batch)
            assert again.figures.rows_written == 0
            assert counts(again.uploads[0]) == counts(reports[other])


def test_a_withdrawn_upload_stays_away_from_later_ones_too(
    small: Pipeline, tmp_path, alone
) -> None:
    """What is loaded after a withdrawal goes back to what was there, not before it."""
    reports = loaded(small, tmp_path, "a.csv", "b.csv")
    taken(small, reports["b.csv"].key)
    later = loaded(small, tmp_path, "c.csv")["c.csv"]
    assert small.query(STATE) == alone(("a.csv", "c.csv"))

    taken(small, later.key)
    assert small.query(STATE) == alone(("a.csv",))


def test_rows_that_were_scored_again_go_too(small: Pipeline, tmp_path, alone) -> None:
    """A new model makes no row somebody else's."""
    reports = loaded(small, tmp_path, "a.csv", "b.csv")
    score_later(small, tmp_path, reports["b.csv"].batch)
    # as scoring what is stored again does
    names = [
        c[1]
        for c in small.query("PRAGMA table_info(annual_predictions)")
        if c[1] != "id"
    ]
    columns = ", ".join(names)
    small.query(
        f"INSERT INTO annual_prediction_history (prediction_id, {columns}, replaced_at,"  # noqa: S608
        f" reason) SELECT id, {columns}, 0, 'rescore' FROM annual_predictions"
    )

    assert taken(small, reports["b.csv"].key) == [("b.csv", 1, 2)]
    assert small.query(STATE) == alone(("a.csv",))


def test_what_was_deleted_by_hand_does_not_come_back(small: Pipeline, tmp_path) -> None:
    """An upload gives back what it replaced itself, not what the key held once."""
    loaded(small, tmp_path, "a.csv", "b.csv")
    small.query("DELETE FROM annual_predictions")
    report = loaded(small, tmp_path, "c.csv")["c.csv"]
    score_later(small, tmp_path, report.batch)

    assert taken(small, report.key) == [("c.csv", 4, 0)]
    assert small.predictions() == 0


def test_what_came_later_and_was_deleted_by_hand_does_not_come_back(
    small: Pipeline, tmp_path, alone
) -> None:
    """Withdrawing goes back in time, though newer rows stand in the history too."""
    reports = loaded(small, tmp_path, *NAMES)
    small.load(file_of(tmp_path, "d.csv", [("K", 70)]), on_conflict="update")
    small.query("DELETE FROM annual_predictions WHERE return_on_assets > 1")
    small.run(reports["b.csv"].batch)

    taken(small, reports["b.csv"].key)
    assert small.query(STATE)[:2] == alone(("a.csv",))[:2]


def test_withdrawing_twice_is_withdrawing_once(small: Pipeline, tmp_path) -> None:
    """Whoever is not sure that it worked asks again."""
    reports = loaded(small, tmp_path, "a.csv", "b.csv")
    key = reports["b.csv"].key
    taken(small, key)
    before = everything(small)

    (again,) = withdraw(small.installation, [key])
    assert (again.state, again.deleted, again.restored) == ("withdrawn", 0, 0)
    assert "already" in again.message
    assert everything(small) == before


def test_a_journal_that_missed_a_withdrawal_catches_up(
    small: Pipeline, tmp_path
) -> None:
    """A process that dies after the commit leaves a journal that says loaded."""
    report = loaded(small, tmp_path, "a.csv")["a.csv"]
    taken(small, report.key)
    small.installation.journal.finish([report])

    taken(small, report.key)
    (entry,) = small.installation.journal.uploads()
    assert entry.state == "withdrawn"


@pytest.mark.parametrize(
    ("action", "error", "said"),
    [
        ("RAISE(ABORT, 'not today')", PermanentError, "not today"),
        (
            "RAISE(IGNORE)",
            AccountingError,
            "stores 3 rows, but 3 .* 0 .* deleted and 2",
        ),
    ],
    ids=["an error", "a row that stays"],
)
def test_a_failure_half_way_leaves_all_as_it_was(
    small: Pipeline, tmp_path, action, error, said
) -> None:
    """Half a withdrawal is a table that nobody ever loaded."""
    report = loaded(small, tmp_path, "a.csv", "b.csv")["b.csv"]
    small.query(
        "CREATE TRIGGER stubborn BEFORE DELETE ON annual_predictions"
        f" BEGIN SELECT {action}; END"
    )
    before = everything(small)
    with pytest.raises(error, match=said):
        withdraw(small.installation, [report.key])
    assert everything(small) == before

    small.query("DROP TRIGGER stubborn")
    assert taken(small, report.key) == [("b.csv", 1, 2)]


@pytest.mark.parametrize("force", [False, True], ids=["", "forced"])
def test_a_batch_that_is_materialised_again_stays_withdrawn(
    small: Pipeline, tmp_path, force
) -> None:
    """A back-fill over all partitions must not undo a withdrawal in silence."""
    path = file_of(tmp_path, "a.csv", ROWS["a.csv"])
    report = small.load(path, force=force).uploads[0]
    taken(small, report.key)
    again = small.run(report.batch)

    assert again.figures.rows_written == small.predictions() == 0
    assert again.uploads[0].state == "withdrawn"
    assert "Withdrawn on" in again.uploads[0].message
    (entry,) = small.installation.journal.uploads()
    assert entry.state == "withdrawn"
    assert taken(small, report.key) == [("a.csv", 0, 0)]


def test_a_copy_that_was_there_brings_nothing_back(small: Pipeline, tmp_path) -> None:
    """A file sent twice by mistake would undo its withdrawal in a back-fill."""
    path = file_of(tmp_path, "a.csv", ROWS["a.csv"])
    copy = file_of(tmp_path, "copy.csv", ROWS["a.csv"])
    report, _ = small.load(path, copy).uploads
    elsewhere = small.load(copy).uploads[0]
    taken(small, report.key)
    again = [*small.run(report.batch).uploads, *small.run(elsewhere.batch).uploads]

    assert [upload.state for upload in again] == ["withdrawn", "repeated", "repeated"]
    assert all(report.key in upload.message for upload in again[1:])
    assert "withdrawn" in again[2].message
    assert small.predictions() == 0


def test_the_rest_of_a_batch_is_loaded_again(pipeline: Pipeline, tmp_path) -> None:
    """One withdrawn file must not take the others of its batch along."""
    files = [file_of(tmp_path, name, ROWS[name]) for name in ("a.csv", "b.csv")]
    first, second = pipeline.given(*files, on_conflict="update").uploads
    taken(pipeline, first.key)
    pipeline.query("DELETE FROM annual_predictions")
    again = pipeline.run(first.batch)

    assert [upload.state for upload in again.uploads] == ["withdrawn", "loaded"]
    assert counts(again.uploads[1]) == counts(second)
    assert [row[0] for row in pipeline.stored()] == ["K", "L", "N"]


def test_the_file_loads_anew_as_a_new_upload(small: Pipeline, tmp_path, alone) -> None:
    """Withdrawing by mistake is mended by sending the file again."""
    reports = loaded(small, tmp_path, "a.csv", "b.csv")
    taken(small, reports["b.csv"].key)
    anew = loaded(small, tmp_path, "b.csv")["b.csv"]

    assert anew.state == "loaded"
    assert counts(anew) == counts(reports["b.csv"])
    assert small.query(STATE) == alone(("a.csv", "b.csv"))
    assert small.run(reports["b.csv"].batch).uploads[0].state == "withdrawn"
    repeated = loaded(small, tmp_path, "b.csv")["b.csv"]
    assert repeated.state == "repeated"
    assert anew.key in repeated.message
    taken(small, anew.key)
    assert small.query(STATE) == alone(("a.csv",))


def test_an_upload_withdrawn_while_it_is_loaded_is_refused(
    pipeline: Pipeline, tmp_path
) -> None:
    """Reading takes minutes; what is withdrawn meanwhile must not come back."""
    report = pipeline.given(file_of(tmp_path, "a.csv", ROWS["a.csv"])).uploads[0]
    scores = pipeline.score(pipeline.read(report.batch))
    taken(pipeline, report.key)
    with pytest.raises(
        PermanentError, match=rf"a\.csv \(upload {report.key}\) was wit"
    ):
        pipeline.publish(scores)
    assert pipeline.predictions() == 0
    assert pipeline.given_again(report.batch).uploads[0].state == "withdrawn"


def test_duplicates_elsewhere_are_stored_only_when_asked_for(
    small: Pipeline, tmp_path
) -> None:
    """Rows that another upload brought too are not guessed back into the table."""
    first = small.load(file_of(tmp_path, "a.csv", [("K", 1)])).uploads[0]
    second = small.load(file_of(tmp_path, "b.csv", [("K", 1), ("L", 1)])).uploads[0]
    assert counts(second)[1:4] == (1, 0, 1)
    taken(small, first.key)
    assert [row[0] for row in small.stored()] == ["L"]

    again = small.run(second.batch)
    assert again.figures.rows_written == 1
    assert counts(again.uploads[0])[1:4] == (2, 0, 0)
    assert [row[0] for row in small.stored()] == ["K", "L"]
    assert counts(small.run(second.batch).uploads[0])[1:4] == (2, 0, 0)


def test_a_batch_is_withdrawn_whole_newest_first(small: Pipeline, tmp_path) -> None:
    """Files that were dropped together are often wrong together."""
    files = [file_of(tmp_path, name, ROWS[name]) for name in ("a.csv", "b.csv")]
    empty = tmp_path / "none.csv"
    empty.write_text("company_symbol\n")
    batch = small.load(*files, empty, on_conflict="update").uploads[0].batch

    done = withdraw(small.installation, [batch])
    assert [(u.file, u.state) for u in done] == [
        ("b.csv", "withdrawn"),
        ("a.csv", "withdrawn"),
        ("none.csv", "failed"),
    ]
    assert "Nothing to withdraw" in done[-1].message
    assert small.predictions() == 0


def test_a_repeated_upload_has_nothing_to_withdraw(small: Pipeline, tmp_path) -> None:
    """The rows belong to the upload that it repeats, which the answer names."""
    first = loaded(small, tmp_path, "a.csv")["a.csv"]
    second = loaded(small, tmp_path, "a.csv")["a.csv"]

    (done,) = withdraw(small.installation, [second.key])
    assert done.state == "repeated"
    assert "Nothing to withdraw" in done.message
    assert first.key in done.message
    assert small.predictions() == 3


def test_an_unknown_key_is_named_and_nothing_is_withdrawn(
    small: Pipeline, tmp_path
) -> None:
    """A typing mistake must not leave half of a list withdrawn."""
    report = loaded(small, tmp_path, "a.csv")["a.csv"]
    with pytest.raises(PermanentError, match="'20990101T000000Z-none'"):
        withdraw(small.installation, [report.key, "20990101T000000Z-none"])
    assert small.predictions() == 3


def test_an_unfinished_upload_is_not_withdrawn(small: Pipeline, tmp_path) -> None:
    """Its rows would come a moment after somebody was told that none are left."""
    batch = small.land(file_of(tmp_path, "a.csv", ROWS["a.csv"]))
    with pytest.raises(PermanentError, match=r"\(a\.csv\) is claimed"):
        withdraw(small.installation, [batch.uploads[0].key])


def test_rows_in_another_database_are_not_called_withdrawn(
    small: Pipeline, tmp_path, make
) -> None:
    """Whoever forgot ``--database`` must not believe that the rows are gone."""
    report = loaded(small, tmp_path, "a.csv")["a.csv"]
    other = make(DATABASE_URL=f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(PermanentError, match="--database"):
        withdraw(other.installation, [report.key])


SYMBOLS = "KLM"
UPLOADS = st.lists(
    st.dictionaries(
        st.sampled_from(SYMBOLS), st.sampled_from([-30, 1, 40]), min_size=1
    ),
    min_size=2,
    max_size=4,
)


@given(uploads=UPLOADS, place=st.integers(0, 3))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_withdrawal_is_as_if_the_others_had_come_alone(uploads, place) -> None:
    """The promise in one sentence, for values that meet and part again by chance.

    The others are materialised again, since some of their rows may have been
    duplicates of the withdrawn ones. Who owns a value that two uploads bring may then
    differ; which value is stored may not.
    """
    place %= len(uploads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [
            file_of(folder, f"{number}.csv", [*rows.items(), (f"Own{number}", 1)])
            for number, rows in enumerate(uploads)
        ]
        with_all = Pipeline(installation_in(folder / "all"))
        others = Pipeline(installation_in(folder / "others"))
        reports = [with_all.load(f, on_conflict="update").uploads[0] for f in files]
        withdraw(with_all.installation, [reports[place].key])
        for number, report in enumerate(reports):
            if number != place:
                with_all.run(report.batch)
                others.load(files[number], on_conflict="update")
        found = [[row[:-1] for row in p.query(STATE)] for p in (with_all, others)]
        with_all.close()
        others.close()
    assert found[0] == found[1]
