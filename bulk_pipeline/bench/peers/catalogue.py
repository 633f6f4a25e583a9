"""Which peers there are, what each of them takes, and what it leaves undone.

How they are run is ``measuring``; what each does is in the module of its name.
"""

from dataclasses import dataclass

from bulk_pipeline.core.dummy import MOST_ROWS

FORMATS = ("csv", "xlsx", "parquet")


@dataclass(frozen=True, slots=True)
class Peer:
    """One other way.

    Attributes:
        name: the module beside this one that does it.
        title: for people.
        package: distribution whose version is quoted and without which it is absent.
        rows_at_most: first rows of the file that it gets; the rest would only repeat
            the answer.
        formats: endings of files that it reads, without the dot.
        databases: ``sqlite``, ``mssql``.
        note: what it does and what it does not, beside what ours does.
    """

    name: str
    title: str
    package: str
    rows_at_most: int
    formats: tuple[str, ...]
    databases: tuple[str, ...]
    note: str


PEERS: tuple[Peer, ...] = (
    Peer(
        name="pandas",
        title="pandas to_sql",
        package="pandas",
        rows_at_most=MOST_ROWS,
        formats=FORMATS,
        databases=("sqlite",),
        note="load only: no cell is checked, no score, no companies, no receipts; "
        "one unique key",
    ),
    Peer(
        name="orm",
        title="SQLAlchemy ORM, row by row",
        package="sqlalchemy",
        rows_at_most=1000,
        formats=FORMATS,
        databases=("sqlite", "mssql"),
        note="companies, scores and duplicates one row at a time, a commit each; no "
        "cell is checked, no receipts",
    ),
    Peer(
        name="dlt",
        title="dlt into SQLite",
        package="dlt",
        rows_at_most=MOST_ROWS,
        formats=FORMATS,
        databases=("sqlite",),
        note="load only: no cell is checked, no score, no companies; a primary key, "
        "and receipts of its own",
    ),
)
"""In the order in which they are shown.

Left out: dagster-mssql-bcp, which needs Microsoft's ``bcp`` program, and Sling, whose
package fetches a program from the network when it is first used.
"""
