"""The partitions of the project."""

import dagster as dg

batches = dg.DynamicPartitionsDefinition(name="batches")
"""One partition per batch: what was claimed together, a single file or hundreds."""

reporting_years = dg.StaticPartitionsDefinition(
    [str(year) for year in range(1900, 2101)]
)
"""One partition per reporting year of what is stored."""

DATABASE_POOL = "database"
"""Pool of runs that write many rows; its limit is in dagster.yaml."""
