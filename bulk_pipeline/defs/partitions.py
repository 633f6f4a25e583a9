"""The partitions of the project."""

import dagster as dg

batches = dg.DynamicPartitionsDefinition(name="batches")
"""One partition per batch: what was claimed together, a single file or hundreds."""
