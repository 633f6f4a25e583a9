"""The register of companies: each symbol once, blanks filled, nothing blanked."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from bulk_pipeline.adapters.register import register_companies
from bulk_pipeline.core.companies import COMPANY_SCHEMA
from bulk_pipeline_tests.adapters.harness import ended, started
from bulk_pipeline_tests.adapters.predictions import ODD_TEXTS

NOW = datetime(2024, 5, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)

RACE = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
import polars as pl
from bulk_pipeline.adapters.register import register_companies
from bulk_pipeline.core.companies import COMPANY_SCHEMA
from bulk_pipeline_tests.adapters.harness import installation_in
url = os.environ["DATABASE_URL"]
installation = installation_in(Path(sys.argv[1]), DATABASE_URL=url)
rows = [(f"S{number}", "Name", None, None, False) for number in range(20_000)]
found = pl.DataFrame(rows, schema=COMPANY_SCHEMA, orient="row")
print("ready", flush=True)
sys.stdin.readline()
print(register_companies(installation.database, found, datetime.now(UTC), "keep")[0])
"""


def found(*rows):
    """Distinct companies: symbol, name, sector, market value."""
    whole = [(*row, *[None] * (4 - len(row)), False) for row in rows]
    return pl.DataFrame(whole, schema=COMPANY_SCHEMA, orient="row")


@pytest.fixture
def register(small):
    """Registers companies; returns how many were created and changed."""
    database = small.installation.database
    database.create_tables()

    def registered(rows, now=NOW, policy="keep"):
        """Companies created and companies changed."""
        return register_companies(database, rows, now, policy)

    return registered


def stored(pipeline):
    """Symbol, name, sector and market value of each company, by symbol."""
    return pipeline.query(
        "SELECT symbol, name, sector, market_cap FROM companies ORDER BY symbol"
    )


def test_new_companies_are_created_once(small, register) -> None:
    """A second row for a symbol would split the history of its company."""
    rows = found(("B", "Bee", "Energy", 5.5), ("A", "Ay"))
    assert register(rows) == (2, 0)
    assert register(rows, LATER) == (0, 0)
    assert stored(small) == [("A", "Ay", None, None), ("B", "Bee", "Energy", 5.5)]
    moments = small.query("SELECT DISTINCT created_at, updated_at FROM companies")
    assert moments == [(int(NOW.timestamp() * 1e6),) * 2]


def test_keep_fills_blanks_and_changes_nothing_else(small, register) -> None:
    """A file's opinion must not rename a company that is known."""
    register(found(("A", "Ay", None, 1.0), ("B", "Bee", "Energy", None)))
    again = found(("A", "Other", "Food", 2.0), ("B", "Bee", "Food", None), ("C", "Sea"))
    assert register(again, LATER) == (1, 1)
    assert stored(small) == [
        ("A", "Ay", "Food", 1.0),
        ("B", "Bee", "Energy", None),
        ("C", "Sea", None, None),
    ]
    changed = small.query(
        "SELECT symbol FROM companies WHERE updated_at > created_at ORDER BY 1"
    )
    assert changed == [("A",)]


def test_overwrite_takes_what_the_file_has_and_blanks_nothing(small, register) -> None:
    """A blank cell says that the sender does not know, not that there is none."""
    register(found(("A", "Ay", "Energy", 1.0), ("B", "Bee", "Energy", 1.0)))
    again = found(("A", "Other", None, 2.0), ("B", "Bee", "Energy", 1.0))
    assert register(again, LATER, "overwrite") == (0, 1)
    assert stored(small) == [
        ("A", "Other", "Energy", 2.0),
        ("B", "Bee", "Energy", 1.0),
    ]


def test_no_company_is_no_transaction(small, register) -> None:
    """A batch of refused files must not wait for the write lock."""
    assert register(found()) == (0, 0)


def test_odd_symbols_and_names_are_kept(small, register) -> None:
    """Quotes, wildcards and zeros are part of names, not of a statement."""
    names = ["O'B", "%", "_", "[x]", "0700", "1E5", "NA", 'q"q', ";--"]
    register(found(*((name, f"Name {name}") for name in names)))
    assert stored(small) == sorted((n, f"Name {n}", None, None) for n in names)
    assert register(found(*((name, "x") for name in names)), LATER) == (0, 0)


def test_names_are_kept_to_the_last_blank(small, register) -> None:
    """A register that trims or pads what it is given disagrees with its file."""
    names = [*ODD_TEXTS, "ends in blanks  ", " begins with one", "n" * 255, "😀" * 255]
    rows = [(f"S{number:02}", name, name[:100]) for number, name in enumerate(names)]
    assert register(found(*rows)) == (len(rows), 0)
    assert stored(small) == [(*row, None) for row in rows]
    # A test server may take a backslash for an escape where it compares bytes.
    again = [row for row in rows if "\\" not in row[1]]
    assert register(found(*again), LATER, "overwrite") == (0, 0)


def test_two_processes_register_the_same_companies_once(small, register) -> None:
    """Batches run side by side and bring the same companies."""
    home = small.installation.home.root
    processes = [started(RACE, home, DATABASE_URL=small.url) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert sorted(int(ended(process)) for process in processes) == [0, 20_000]
    assert small.value("SELECT count(*) FROM companies") == 20_000


def test_a_registration_leaves_nothing_behind_on_its_connection(make, register) -> None:
    """Connections are used again; a table left over would stop the next batch."""
    one = make(ULTRA_CONNECTION_POOL_SIZE=1).installation.database
    for number in range(3):
        rows = found((f"S{number}", "Name"))
        assert register_companies(one, rows, NOW, "keep") == (1, 0)
