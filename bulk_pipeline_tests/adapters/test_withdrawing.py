"""Laws of withdrawing: the table is as if the upload had never been loaded."""

import itertools

import pytest

from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline.core.errors import PermanentError
from bulk_pipeline_tests.adapters.harness import Pipeline, counts
from bulk_pipeline_tests.adapters.predictions import table
from bulk_pipeline_tests.adapters.withdrawals import (
    KEPT,
    LEDGER,
    NAMES,
    STATE,
    everything,
    file_of,
    loaded,
    score_later,
    taken,
)


def test_withdrawing_the_only_upload_empties_the_table(
    small: Pipeline, tmp_path
) -> None:
    """A file that should never have been sent must be gone, and still be traceable."""
    report = loaded(small, tmp_path, "a.csv")["a.csv"]
    stored = table(small, "annual_predictions")

    assert taken(small, report.key) == [("a.csv", 3, 0)]
    assert small.predictions() == 0
    kept = small.query("SELECT * FROM annual_prediction_history ORDER BY prediction_id")
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
    unchanging = ", ".join(name for name in KEPT if name != "updated_at")
    query = f"SELECT id, {unchanging} FROM annual_predictions ORDER BY id"  # noqa: S608
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
    columns = ", ".join(KEPT)
    small.query(
        f"INSERT INTO annual_prediction_history (prediction_id, {columns}, replaced_at,"  # noqa: S608
        f" reason) SELECT id, {columns}, updated_at, 'rescore' FROM annual_predictions"
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


def test_a_failure_half_way_leaves_all_as_it_was(small: Pipeline, tmp_path) -> None:
    """Half a withdrawal is a table that nobody ever loaded."""
    report = loaded(small, tmp_path, "a.csv", "b.csv")["b.csv"]
    small.query(
        "CREATE TABLE remarks (prediction_id BIGINT NOT NULL"
        " REFERENCES annual_predictions (id))"
    )
    small.query(
        "INSERT INTO remarks SELECT p.id FROM annual_predictions p"
        " JOIN companies c ON c.id = p.company_id WHERE c.symbol = 'N'"
    )
    before = everything(small)
    with pytest.raises(PermanentError, match=r"(?i)constraint"):
        withdraw(small.installation, [report.key])
    assert everything(small) == before

    small.query("DROP TABLE remarks")
    assert taken(small, report.key) == [("b.csv", 1, 2)]
