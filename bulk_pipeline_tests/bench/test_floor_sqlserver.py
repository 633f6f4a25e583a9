"""The floor of SQL Server: the same tables, and none of anybody else's."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from bulk_pipeline.adapters.sample_files import write_sample
from bulk_pipeline.adapters.tables import annual_predictions, metadata
from bulk_pipeline.bench.floor_sqlserver import measure
from bulk_pipeline.bench.floor_sqlserver_tables import PREFIX, floor_tables
from bulk_pipeline.core.dummy import DummyRequest
from bulk_pipeline.core.errors import ConfigurationError, PermanentError

ROWS = 300
STAGES = ["read", "companies", "score", "duplicates", "sort", "copy", "insert"]


@pytest.fixture
def url(mssql_url: sa.URL) -> sa.URL:
    """The server by the driver that the floor uses, once."""
    if mssql_url.get_driver_name() == "pyodbc":
        pytest.skip("the floor has no way by pyodbc")
    return mssql_url


def sample(folder: Path, suffix: str = "csv") -> Path:
    """A file of good rows."""
    file = folder / f"rows.{suffix}"
    write_sample(DummyRequest(ROWS, companies=10), file)
    return file


def schemas(url: sa.URL) -> list[str]:
    """Schemas of floors that the server has."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    names = sa.inspect(engine).get_schema_names()
    return [name for name in names if name.startswith(PREFIX)]


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_every_stage_has_its_seconds_and_nothing_stays(
    tmp_path: Path, url: sa.URL, suffix: str
) -> None:
    """A floor that left its rows would fill the database that it measures."""
    seconds = measure(sample(tmp_path, suffix), url, ROWS)
    assert list(seconds) == STAGES
    assert all(taken > 0 for taken in seconds.values())
    assert schemas(url) == []


def test_tables_that_are_there_stay_as_they_are(tmp_path: Path, url: sa.URL) -> None:
    """The URL may be that of a database in use."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    metadata.create_all(engine)
    before = sorted(sa.inspect(engine).get_table_names())
    measure(sample(tmp_path), url, ROWS)
    assert sorted(sa.inspect(engine).get_table_names()) == before
    with engine.connect() as connection:
        count = sa.select(sa.func.count()).select_from(annual_predictions)
        assert connection.scalar(count) == 0


def test_the_floor_keeps_the_constraints_that_a_load_keeps(url: sa.URL) -> None:
    """Without foreign keys and the unique key it would be a floor of other work."""
    name = annual_predictions.name
    with floor_tables(url) as made:
        found = sa.inspect(made.engine)
        keys = found.get_foreign_keys(name, schema=made.schema)
        unique = found.get_indexes(name, schema=made.schema)
    assert len(keys) == len(annual_predictions.foreign_keys)
    assert {key["referred_schema"] for key in keys} == {made.schema}
    assert any(index["unique"] for index in unique)
    assert len(unique) == 2


def test_a_wrong_number_of_rows_is_an_error_and_nothing_stays(
    tmp_path: Path, url: sa.URL
) -> None:
    """A floor of fewer rows than ours would make ours look slow."""
    with pytest.raises(PermanentError, match="not 301"):
        measure(sample(tmp_path), url, ROWS + 1)
    assert schemas(url) == []


def test_another_driver_is_refused_without_its_password(tmp_path: Path) -> None:
    """Only mssql-python copies Arrow data; the cure must not print a secret."""
    given = sa.make_url("mssql+pyodbc://sa:secret@host/database")
    with pytest.raises(ConfigurationError, match=r"mssql\+mssqlpython://") as raised:
        measure(tmp_path / "rows.csv", given, ROWS)
    assert "secret" not in str(raised.value)
