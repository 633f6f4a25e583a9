"""A change that SQLite swallows: counts that were taken apart do not agree.

A trigger of a user's own can do that. What must hold is that nothing was changed then.
"""

from pathlib import Path

import pytest

from bulk_pipeline.adapters.withdrawing import withdraw
from bulk_pipeline.core.errors import AccountingError, PermanentError
from bulk_pipeline_tests.adapters import withdrawals
from bulk_pipeline_tests.adapters.harness import Pipeline
from bulk_pipeline_tests.adapters.rescorings import (
    EVERYTHING,
    HISTORY,
    five_years,
    rescore,
    rows_before,
)
from bulk_pipeline_tests.adapters.withdrawals import everything, taken
from bulk_pipeline_tests.models import stricter


@pytest.fixture
def loaded(on_sqlite: Pipeline, tmp_path: Path) -> Pipeline:
    """Three companies over 2008 to 2012; see ``five_years``."""
    return five_years(on_sqlite, tmp_path)


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
def test_a_withdrawal_that_fails_half_way_leaves_all_as_it_was(
    on_sqlite: Pipeline, tmp_path, action, error, said
) -> None:
    """Half a withdrawal is a table that nobody ever loaded."""
    report = withdrawals.loaded(on_sqlite, tmp_path, "a.csv", "b.csv")["b.csv"]
    on_sqlite.query(
        "CREATE TRIGGER stubborn BEFORE DELETE ON annual_predictions"
        f" BEGIN SELECT {action}; END"
    )
    before = everything(on_sqlite)
    with pytest.raises(error, match=said):
        withdraw(on_sqlite.installation, [report.key])
    assert everything(on_sqlite) == before

    on_sqlite.query("DROP TRIGGER stubborn")
    assert taken(on_sqlite, report.key) == [("b.csv", 1, 2)]


def test_a_year_of_which_a_row_stays_is_as_it_was(loaded: Pipeline, tmp_path) -> None:
    """Half a year under a new model looks like a change in the companies."""
    row = loaded.value(
        "SELECT max(id) FROM annual_predictions WHERE reporting_year=2010"
    )
    loaded.query(
        f"CREATE TRIGGER stop BEFORE UPDATE ON annual_predictions"
        f" WHEN OLD.id = {row} BEGIN SELECT RAISE(IGNORE); END",
    )
    untouched = rows_before(loaded, [2010, 2011])
    with pytest.raises(AccountingError, match="3 kept in the history, 2 replaced"):
        rescore(loaded, stricter(tmp_path), 2009, 2010, 2011)
    assert rows_before(loaded, [2010, 2011]) == untouched
    assert loaded.value(HISTORY) == 3  # those of 2009, which was committed before
    loaded.query("DROP TRIGGER stop")
    done = rescore(loaded, stricter(tmp_path), 2009, 2010, 2011)
    assert [d.rows_rescored for d in done] == [0, 3, 3]


def test_the_first_year_that_fails_registers_no_model(
    loaded: Pipeline, tmp_path
) -> None:
    """A model that scored nothing has no place in the table."""
    loaded.query(
        "CREATE TRIGGER stop BEFORE INSERT ON annual_prediction_history"
        " BEGIN SELECT RAISE(IGNORE); END",
    )
    before = loaded.query(EVERYTHING)
    with pytest.raises(AccountingError, match="0 kept in the history"):
        rescore(loaded, stricter(tmp_path), 2010)
    assert loaded.query(EVERYTHING) == before
    assert loaded.value("SELECT count(*) FROM models") == 1
