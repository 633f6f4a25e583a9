"""Files, databases and models behind plain functions; nothing here knows Dagster."""
