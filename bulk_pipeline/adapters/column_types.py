"""Column types of the target database, said once for SQLite and for SQL Server.

SQL Server counts a text in UTF-16 code units, our limits count characters, and a
character beyond U+FFFF (an emoji, a rare ideograph) takes two units. So what comes from
people has twice its limit there: the longest text of emoji fits. The longest such key,
a symbol, then takes 80 bytes of the 1,700 that a key of an index may have.

Texts that tell one thing from another compare by their code units there, as they do
here; every other text compares as the database does, so that people sort and search as
they are used to. SQL Server leaves trailing blanks out of any comparison; ours are
trimmed before they get here.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.types import TypeDecorator, TypeEngine

BINARY = "Latin1_General_100_BIN2"
"""SQL Server's collation for identities: no case, accent or width is ignored."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNITS = 2  # UTF-16 code units of a character beyond U+FFFF


class UtcMoment(TypeDecorator[datetime]):
    """An aware datetime; comes back in UTC, null stays null.

    Kept as whole microseconds since 1970 on SQLite, because drivers write different
    texts for the same moment and comparisons of texts then lie. Kept as DATETIME2(3),
    UTC without a zone, on SQL Server, where people read it with tools of their own;
    what lies below a millisecond is cut off, so that no moment moves into the future.

    A value may be given as microseconds since 1970 as well.

    Raises:
        TypeError: a datetime without a zone.
    """

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        if dialect.name != "mssql":
            return dialect.type_descriptor(sa.BigInteger())
        return dialect.type_descriptor(mssql.DATETIME2(3))  # type: ignore[no-untyped-call]

    def process_bind_param(
        self, value: Any, dialect: sa.Dialect
    ) -> int | datetime | None:
        if value is None:
            return None
        given = value if isinstance(value, int) else (value - _EPOCH) // _MICROSECOND
        if dialect.name != "mssql":
            return given
        return (_EPOCH + timedelta(milliseconds=given // 1000)).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name != "mssql":
            return _EPOCH + timedelta(microseconds=value)
        stored: datetime = value
        return stored.replace(tzinfo=UTC)


def identity() -> sa.BigInteger:
    """A growing integer key; SQLite numbers rows itself only in an INTEGER column."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def number() -> sa.Float[float]:
    """A double, 8 bytes."""
    return sa.Float(53)


def user_text(length: int) -> sa.Unicode:
    """A text from people, ``length`` characters long at most."""
    return sa.Unicode(length).with_variant(mssql.NVARCHAR(_UNITS * length), "mssql")


def user_identity(length: int) -> sa.Unicode:
    """A text from people that names one thing: equal only where all of it is."""
    kind = mssql.NVARCHAR(_UNITS * length, collation=BINARY)
    return sa.Unicode(length).with_variant(kind, "mssql")


def own_identity(length: int) -> sa.Unicode:
    """A key that we make of ASCII letters, digits and hyphens."""
    kind = mssql.NVARCHAR(length, collation=BINARY)
    return sa.Unicode(length).with_variant(kind, "mssql")


def word(length: int) -> sa.Unicode:
    """One of a few ASCII words of ours."""
    return sa.Unicode(length)


def code(length: int) -> sa.CHAR:
    """An ASCII text that always has this length: a hash, an id, a quarter."""
    return sa.CHAR(length).with_variant(mssql.CHAR(length, collation=BINARY), "mssql")


def document() -> sa.UnicodeText:
    """A text of any length."""
    return sa.UnicodeText().with_variant(mssql.NVARCHAR(None), "mssql")
