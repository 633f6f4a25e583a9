"""The rim: what Dagster runs and shows. Decisions are in core, work in adapters."""
