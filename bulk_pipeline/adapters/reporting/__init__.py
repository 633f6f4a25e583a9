"""The performance report: figures of the database and the journal as a page."""

LAST = 200
"""Loads and uploads that a report looks at unless it is told otherwise."""
MOST = 10_000
"""And at most."""
