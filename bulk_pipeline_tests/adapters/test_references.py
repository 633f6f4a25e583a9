"""Laws of where references come from and which one counts."""

import json
from pathlib import Path

import pytest

from bulk_pipeline import data
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.model_store import load_model
from bulk_pipeline.adapters.reference_making import of_file
from bulk_pipeline.adapters.references import (
    SHIPPED,
    reference_file,
    reference_of,
    write_reference,
)
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.core.errors import ModelRefused, PermanentError
from bulk_pipeline.core.reference import SCORE, Reference
from bulk_pipeline.core.schema import RATIOS
from bulk_pipeline_tests.adapters.fitted import imputed, load_saved
from bulk_pipeline_tests.adapters.harness import REAL_FILE
from bulk_pipeline_tests.builders import ROW, rows_of, write_csv

SHA256 = load_model().sha256


def of_rows(tmp_path: Path, rows: list[dict[str, str]]) -> Reference:
    """The reference that a file with these rows makes."""
    path = write_csv(tmp_path / "accounts.csv", rows)
    return of_file(path, Settings.from_environment(), load_model(), "")


def test_the_shipped_reference_belongs_to_the_shipped_scorecard(home: Path) -> None:
    """A new scorecard with the old reference would be compared with nothing."""
    found = reference_of(Home(home), SHA256)

    assert found is not None
    assert found.model == SHA256
    card = load_model().scorer
    for feature in card.features:  # type: ignore[attr-defined]
        assert found.columns[feature.ratio].edges == feature.edges


@pytest.mark.skipif(not REAL_FILE.exists(), reason="the real file is not here")
def test_the_shipped_reference_counts_the_real_file() -> None:
    """Its figures can be made again by the command that users have."""
    shipped = json.loads(Path(data.__file__).with_name(SHIPPED).read_text())
    settings = Settings.from_environment()

    made = of_file(REAL_FILE, settings, load_model(), shipped["source"])

    # Edges of the scores lie between scores, whose last digits depend on the processor.
    again = made.document()["columns"]
    for name in RATIOS:
        assert again[name] == shipped["columns"][name]
    assert again[SCORE]["counts"] == shipped["columns"][SCORE]["counts"]
    assert made.rows == shipped["rows"] == 2_466


def test_a_model_of_ones_own_has_no_reference_until_one_is_made(home: Path) -> None:
    """The shipped one says nothing about another model's population."""
    assert reference_of(Home(home), "0" * 64) is None


def test_the_reference_of_the_home_goes_before_the_shipped_one(
    home: Path, tmp_path: Path
) -> None:
    """Whose accounts are not S&P 500 companies compares with accounts like theirs."""
    mine = of_rows(tmp_path, rows_of(["AA"], range(2001, 2011)))
    write_reference(reference_file(Home(home), SHA256), mine)

    assert reference_of(Home(home), SHA256) == mine
    assert mine.rows == 10


def test_a_reference_of_another_model_is_refused(home: Path, tmp_path: Path) -> None:
    """Its bins may be others; a copied file must not be taken by its name."""
    mine = of_rows(tmp_path, [dict(ROW)])
    write_reference(reference_file(Home(home), "0" * 64), mine)

    with pytest.raises(ModelRefused, match="of another model"):
        reference_of(Home(home), "0" * 64)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"{}", b" " * (2**20 + 1)]
)
def test_a_damaged_reference_is_refused_by_its_name(home: Path, content: bytes) -> None:
    """Whoever reads the warning must know which file to mend."""
    path = reference_file(Home(home), SHA256)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    with pytest.raises(ModelRefused, match=path.name):
        reference_of(Home(home), SHA256)


def test_a_row_that_repeats_a_key_counts_once(tmp_path: Path) -> None:
    """Real files repeat rows; a load stores each once, and so it is counted."""
    rows = rows_of(["AA", "BB"], [2001, 2002])

    assert of_rows(tmp_path, [*rows, *rows[:3]]).rows == 4


def test_a_file_that_cannot_be_read_makes_none(tmp_path: Path) -> None:
    """An empty reference would call every batch unlike it."""
    path = write_csv(tmp_path / "bad.csv", [ROW], ["company_symbol"])
    with pytest.raises(PermanentError, match=r"bad\.csv: Needed columns"):
        of_file(path, Settings.from_environment(), load_model(), "")
    with pytest.raises(ModelRefused, match="no row"):
        of_rows(tmp_path, [])


def test_a_model_without_bins_is_compared_by_tenths(tmp_path: Path) -> None:
    """A fitted classifier has no bins, and drifts all the same."""
    model = load_saved(imputed(), tmp_path)
    rows = rows_of(["AA"], range(1901, 2001))
    for number, row in enumerate(rows):
        row["return_on_assets"] = str(number)
    path = write_csv(tmp_path / "accounts.csv", rows)

    found = of_file(path, Settings.from_environment(), model, "mine")

    assert found.model == model.sha256
    assert found.columns["return_on_assets"].counts == (10,) * 10
    assert found.columns["net_income_margin"].counts == (100,)


def test_an_installation_is_not_touched_by_a_look(home: Path) -> None:
    """The check of each batch asks; a read-only home must answer."""
    assert reference_of(Installation.from_environment().home, SHA256) is not None
    assert not home.exists()
