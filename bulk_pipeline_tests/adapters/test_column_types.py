"""What is written into a column comes back, on either kind of database."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, sqlite
from sqlalchemy.schema import CreateTable

from bulk_pipeline.adapters import tables
from bulk_pipeline.adapters.column_types import BINARY, UtcMoment

SQLITE, SQL_SERVER = sqlite.dialect(), mssql.dialect()
MOMENT = datetime(2024, 2, 29, 12, 30, 0, 123999, tzinfo=UTC)
CUT = MOMENT.replace(microsecond=123000)
IDENTITIES = {
    ("companies", "symbol"): "nvarchar(40)",
    ("models", "sha256"): "char(64)",
    ("uploads", "upload_key"): "nvarchar(100)",
    ("uploads", "batch_key"): "nvarchar(200)",
    ("uploads", "home_id"): "char(32)",
    ("uploads", "sha256"): "char(64)",
    ("uploads", "load_id"): "char(32)",
    ("annual_predictions", "reporting_quarter"): "char(2)",
}
DECLARED = {
    **IDENTITIES,
    ("companies", "id"): "bigint",
    ("companies", "name"): "nvarchar(510)",
    ("companies", "sector"): "nvarchar(200)",
    ("companies", "market_cap"): "float(53)",
    ("companies", "created_at"): "datetime2(3)",
    ("models", "name"): "nvarchar(400)",
    ("models", "document"): "nvarchar(max)",
    ("uploads", "file_name"): "nvarchar(510)",
    ("uploads", "options"): "nvarchar(1000)",
    ("uploads", "rows_read"): "bigint",
    ("uploads", "model_id"): "bigint",
    ("uploads", "withdrawn_at"): "datetime2(3)",
    ("annual_predictions", "reporting_year"): "smallint",
    ("annual_predictions", "return_on_assets"): "float(53)",
    ("annual_predictions", "risk_level"): "nvarchar(8)",
    ("schema_version", "version"): "int",
}
TRICKY = ("\U0001f600", "ß", "'", '"', "]", "%", "\\", "--", ";")


@pytest.fixture
def connection(mssql_url):
    """A connection to SQL Server with all tables; what it does is taken back."""
    engine = sa.create_engine(mssql_url, poolclass=sa.NullPool)
    tables.metadata.create_all(engine)
    with engine.connect() as made:
        yield made


def test_a_moment_has_one_form_on_sqlite() -> None:
    """Texts of one moment in two forms compare wrongly; whole numbers do not."""
    kind = UtcMoment()
    stored = kind.process_bind_param(MOMENT, SQLITE)
    assert stored == 1_709_209_800_123_999
    assert kind.process_result_value(stored, SQLITE) == MOMENT
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=-7)))
    assert kind.process_bind_param(elsewhere, SQLITE) == stored
    assert kind.process_bind_param(stored, SQLITE) == stored
    for last in (datetime(1900, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        bound = kind.process_bind_param(last, SQLITE)
        assert kind.process_result_value(bound, SQLITE) == last


def test_a_moment_is_cut_to_milliseconds_on_sql_server() -> None:
    """Rounded up, a load would have ended after its run."""
    kind = UtcMoment()
    bare = CUT.replace(tzinfo=None)
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))
    as_number = kind.process_bind_param(MOMENT, SQLITE)
    for given in (MOMENT, elsewhere, as_number):
        assert kind.process_bind_param(given, SQL_SERVER) == bare
    early = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert kind.process_bind_param(early, SQL_SERVER).microsecond == 999_000
    assert kind.process_result_value(bare, SQL_SERVER) == CUT


@pytest.mark.parametrize("dialect", [SQLITE, SQL_SERVER])
def test_no_moment_stays_none(dialect) -> None:
    """What has not happened has no time."""
    assert UtcMoment().process_bind_param(None, dialect) is None
    assert UtcMoment().process_result_value(None, dialect) is None


@pytest.mark.parametrize("dialect", [SQLITE, SQL_SERVER])
def test_a_moment_without_a_zone_is_refused(dialect) -> None:
    """A local time that passes for UTC is hours off, and nobody can tell."""
    naive = datetime(2024, 1, 1)  # noqa: DTZ001  # the one to be refused
    with pytest.raises(TypeError):
        UtcMoment().process_bind_param(naive, dialect)


@pytest.mark.parametrize("place", IDENTITIES)
def test_identities_compare_by_their_code_units(place) -> None:
    """A database's own collation may take two symbols for one."""
    table, column = place
    made = str(CreateTable(tables.metadata.tables[table]).compile(dialect=SQL_SERVER))
    line = next(line for line in made.splitlines() if line.startswith(f"\t{column} "))
    assert f" COLLATE {BINARY} " in line


def test_what_sql_server_has_was_declared(connection) -> None:
    """A narrower type would cut or refuse what a file may hold."""
    query = sa.text(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH,"
        " DATETIME_PRECISION, NUMERIC_PRECISION FROM INFORMATION_SCHEMA.COLUMNS"
    )
    found = {}
    for table, column, kind, length, places, digits in connection.execute(query):
        size = {"datetime2": places, "float": digits}.get(kind, length)
        text = "max" if size == -1 else size
        found[table, column] = kind if size is None else f"{kind}({text})"
    assert {place: found.get(place) for place in DECLARED} == DECLARED


def test_the_longest_texts_come_back(connection) -> None:
    """Limits count characters, and SQL Server counts half an emoji as one."""
    for character in TRICKY:
        connection.execute(tables.companies.delete())
        row = {
            "symbol": character * 20,
            "name": character * 255,
            "sector": character * 100,
        }
        moments = {"created_at": MOMENT, "updated_at": MOMENT}
        connection.execute(tables.companies.insert(), row | moments)
        c = tables.companies.c
        query = sa.select(c.symbol, c.name, c.sector).where(c.symbol == row["symbol"])
        assert dict(connection.execute(query).mappings().one()) == row


def test_symbols_that_only_look_alike_are_two(connection) -> None:
    """Case, accent and width are part of a symbol."""
    symbols = ["A", "a", "\u00c1", "\uff21", "\u0130", "\u0131", "I"]
    for symbol in symbols:
        connection.execute(
            tables.companies.insert(),
            {"symbol": symbol, "name": "n", "created_at": 0, "updated_at": 0},
        )
    query = sa.select(tables.companies.c.symbol).order_by(tables.companies.c.id)
    assert connection.scalars(query).all() == symbols


def test_every_millisecond_comes_back(connection) -> None:
    """Sent as a DATETIME, a moment would be rounded to a 300th of a second."""
    table = tables.schema_version
    for number in (0, 1, 2, 4, 5, 8, 9, 998, 999):
        moment = MOMENT.replace(microsecond=number * 1000 + 999)
        now = sa.bindparam("now", type_=UtcMoment())
        made = (sa.literal(moment, UtcMoment()), now)
        for version, value in enumerate(made):
            rows = sa.select(sa.literal(10 * number + version), value)
            insert = table.insert().from_select(["version", "applied_at"], rows)
            given = {"now": moment} if value is now else {}
            connection.execute(insert, given)
        cut = moment.replace(microsecond=number * 1000)
        query = sa.select(table.c.applied_at).where(table.c.applied_at == moment)
        assert connection.scalars(query).all() == [cut, cut]
