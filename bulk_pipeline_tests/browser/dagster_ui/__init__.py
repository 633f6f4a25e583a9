"""Tests of Dagster's own UI over a real ``bulk-pipeline up``: ``make test-browser``."""
