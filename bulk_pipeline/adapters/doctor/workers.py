"""Whether the steps of runs are taken from the broker by anybody."""

from collections.abc import Iterator

from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.step_broker import QUEUES, shown_broker
from bulk_pipeline.adapters.step_workers import workers
from bulk_pipeline.core.findings import Area, Finding, failure, fine
from bulk_pipeline.core.wording import amount


def worker_findings(settings: Settings) -> Iterator[Finding]:
    """Queues that no worker takes steps from, and how many steps wait in each.

    A run whose step waits in such a queue counts as started until a worker comes.

    Args:
        settings: of this process.

    Raises:
        BulkPipelineError: the broker does not answer.
    """
    found = workers(settings)
    yield fine(Area.DAGSTER, f"The broker {shown_broker(settings)} answers.")
    taken = [queue for queues in found.queues.values() for queue in queues]
    for queue in QUEUES:
        waiting = "an unknown number of steps wait"
        if queue in found.waiting:
            waiting = amount(found.waiting[queue], "step waits", "steps wait")
        if count := taken.count(queue):
            what = f"Queue {queue}: {amount(count, 'worker')}, {waiting}."
            yield fine(Area.DAGSTER, what)
        else:
            what = f"Queue {queue}: no worker takes steps from it, {waiting}."
            cure = f"Start `bulk-pipeline worker --queues {queue}` where it can work."
            yield failure(Area.DAGSTER, what, cure)
