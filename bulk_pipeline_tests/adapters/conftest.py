"""Pipelines in a folder of their own, closed when their test ends.

What a load promises, it promises in every way into every database: ``pipeline`` and
``small`` bring each law to all of them. Those of SQL Server are marked ``sqlserver``.
"""

import os

import pytest

from bulk_pipeline_tests import sqlserver
from bulk_pipeline_tests.adapters.harness import (
    IN_PROCESS,
    ROOT,
    Pipeline,
    installation_in,
)
from bulk_pipeline_tests.adapters.replicas import copied, reading_from
from bulk_pipeline_tests.adapters.ways import DRIVERS, MSSQLPYTHON, WAYS
from bulk_pipeline_tests.adapters.withdrawals import STATE, loaded
from bulk_pipeline_tests.builders import rows_of, write_csv


@pytest.fixture(autouse=True)
def _importable_by_other_processes(monkeypatch):
    """A checkout need not be installed for its processes to find it."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


@pytest.fixture
def empty_mssql(request):
    """Empties the SQL Server of the tests and gives its URL for a driver."""

    def emptied(driver):
        """The URL; skips the test where there is no server or no driver."""
        sqlserver.require(driver)
        database = request.getfixturevalue("_mssql_database")
        sqlserver.drop_tables(database)
        return sqlserver.url_of(driver, database)

    return emptied


class Maker:
    """Makes pipelines into one database.

    Attributes:
        url: the database of those that are made; None for the default one of a home.
    """

    def __init__(self, folder):
        self.url = None
        self._folder = folder
        self._made = []

    def __call__(self, bulk_rows=IN_PROCESS, home="home", **variables):
        """A pipeline with settings by variable; it is closed with the test."""
        given = {"ULTRA_PARALLEL_WORKERS": 2, **variables}
        if self.url is not None:
            given.setdefault("DATABASE_URL", self.url)
        installation = installation_in(self._folder / home, **given)
        self._made.append(Pipeline(installation, bulk_rows))
        return self._made[-1]

    def close(self):
        """Close what was made."""
        for pipeline in self._made:
            pipeline.close()


@pytest.fixture
def make(tmp_path, empty_mssql):
    """Makes pipelines into SQLite, or into what ``pipeline`` or ``small`` names."""
    maker = Maker(tmp_path)
    yield maker
    maker.close()


@pytest.fixture
def into(make, empty_mssql):
    """Makes a pipeline that goes one of the ways."""

    def made(way, **variables):
        """The pipeline; whatever ``make`` makes afterwards has the same database."""
        if way in DRIVERS:
            make.url = empty_mssql(way)
            return make(**variables)
        return make(way, **variables)

    return made


@pytest.fixture(params=WAYS)
def pipeline(request, into):
    """A pipeline per driver: what one promises, the other promises too."""
    return into(request.param)


@pytest.fixture(params=[pytest.param(IN_PROCESS, id="sqlite"), MSSQLPYTHON])
def small(request, into):
    """A pipeline per database, where the driver does not matter."""
    return into(request.param)


@pytest.fixture
def on_sqlite(make):
    """A pipeline into SQLite in this process, for what only SQLite has."""
    return make()


@pytest.fixture
def base(tmp_path):
    """Six good rows: three companies, two years."""
    return write_csv(tmp_path / "base.csv", rows_of("ABC", [2001, 2002]))


@pytest.fixture
def corrected(tmp_path):
    """The same six keys, two of them with other values, and one new key."""
    rows = rows_of("ABC", [2001, 2002])
    for row in rows[2:4]:
        row["return_on_assets"] = "9.5"
    return write_csv(tmp_path / "corrected.csv", [*rows, *rows_of("D", [2001])])


@pytest.fixture(scope="session")
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


@pytest.fixture
def followed(on_sqlite, base, tmp_path):
    """A pipeline with six rows, its installation with a replica, and a new copy."""
    folder = tmp_path / "copies"
    folder.mkdir()
    [upload] = on_sqlite.load(base).uploads
    path = folder / "copy of it.db"
    copied(on_sqlite, path)
    installation = reading_from(on_sqlite.installation, f"sqlite:///{path}")
    yield on_sqlite, installation, lambda: copied(on_sqlite, path), upload.key
    installation.replica.dispose()


@pytest.fixture
def more(tmp_path):
    """Another file with two new rows."""
    return write_csv(tmp_path / "more.csv", rows_of("Z", [2001, 2002]))
