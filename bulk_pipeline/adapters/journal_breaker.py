"""The breaker's memory in the journal, which all processes of a home share."""

from collections.abc import Callable
from dataclasses import asdict

import sqlalchemy as sa

from bulk_pipeline.adapters.journal import Journal
from bulk_pipeline.adapters.journal_tables import breaker
from bulk_pipeline.core.breaker import Circuit


def kept(journal: Journal, database: str) -> Circuit:
    """What the journal knows of a database; a closed circuit where it knows nothing.

    Raises:
        BulkPipelineError: the journal stayed busy or cannot be opened.
    """
    return changed(journal, database, lambda circuit: circuit)


def changed(
    journal: Journal, database: str, change: Callable[[Circuit], Circuit]
) -> Circuit:
    """Decide on what is known and keep the decision, in one transaction.

    Args:
        journal: of the home.
        database: which one, without its password.
        change: from what is known to what is to be known. The journal is written only
            where the two differ.

    Raises:
        BulkPipelineError: the journal stayed busy or cannot be opened.
    """
    columns = [column for column in breaker.c if column is not breaker.c.database]
    known = sa.select(*columns).where(breaker.c.database == database)
    with journal.transaction() as connection:
        row = connection.execute(known).mappings().first()
        before = Circuit(**row) if row else Circuit()
        after = change(before)
        if after != before:
            values = {"database": database, **asdict(after)}
            connection.execute(breaker.insert().prefix_with("OR REPLACE"), values)
    return after
