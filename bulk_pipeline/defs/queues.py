"""Queues of a broker, one for each kind of step, where steps run on several machines.

An executor that has no queues passes these tags over. A step that has none of them
goes to the queue ``home``.
"""

QUEUE_TAG = "dagster-celery/queue"
"""What dagster-celery reads; named here so that nothing of it is imported."""

HOME = "home"
"""Steps that need the home: its journal, locks, landed files and models."""

READ = {QUEUE_TAG: "read"}
"""Reading files: processor and memory, and the home."""

SCORE = {QUEUE_TAG: "score"}
"""Scoring a span of rows: processor alone, on any machine."""

LOAD = {QUEUE_TAG: "load"}
"""Writing to the database: little processor, and the home."""
