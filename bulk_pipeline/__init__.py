"""Company accounts in bulk: read, scored, de-duplicated and stored, by Dagster."""
