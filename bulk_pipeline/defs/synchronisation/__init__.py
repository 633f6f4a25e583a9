"""The second database as Dagster sees it."""
