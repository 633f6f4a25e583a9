"""Whether the daemon and the runs are well; ages in, findings out."""

from bulk_pipeline.core.findings import Area, Finding, fine, warning
from bulk_pipeline.core.wording import amount

BEAT_SECONDS = 30
"""Dagster's daemon writes a heartbeat this often."""

SILENT_SECONDS = 120
"""Age of a heartbeat above which its daemon is dead or hangs: four in a row missing."""

QUEUED_SECONDS = 900
"""Wait for a place in the queue; four runs at once end within minutes each."""

STARTING_SECONDS = 180
"""Time that a run may take to start: 120 s in ``dagster.yaml``, seen within 30 s."""

LONG_SECONDS = 6 * 3600
"""Time of a run that nobody expects: 100 million rows take a quarter of an hour."""

_START = "Start `bulk-pipeline up`; dropped files wait until then."


def judged_daemon(
    beats: dict[str, float | None], processes: list[int] | None
) -> Finding:
    """Whether the daemon is alive.

    Args:
        beats: required part of the daemon → age of its last heartbeat in seconds; None
            where it never gave one.
        processes: daemons of this instance on this machine, by number; None where the
            system does not tell.
    """
    ages = [age for age in beats.values() if age is not None]
    silent = sorted(
        name for name, age in beats.items() if age is None or age > SILENT_SECONDS
    )
    if processes:
        return _of_running(processes[0], silent, ages)
    if not ages:
        return fine(Area.DAGSTER, "No daemon has run here; `bulk-pipeline up` has one.")
    latest = ago(min(ages))
    if silent:
        what = f"No daemon runs: its last heartbeat came {latest} ago."
        return warning(Area.DAGSTER, what, _START)
    if processes is None:
        return fine(Area.DAGSTER, f"The daemon is alive: a heartbeat {latest} ago.")
    return warning(
        Area.DAGSTER,
        f"A daemon's last heartbeat came {latest} ago, but none runs on this machine.",
        f"If it runs on another one, all is well. If not, it has just ended. {_START}",
    )


def _of_running(process: int, silent: list[str], ages: list[float]) -> Finding:
    if not silent:
        what = f"process {process}, a heartbeat {ago(min(ages))} ago"
        return fine(Area.DAGSTER, f"The daemon is alive: {what}.")
    return warning(
        Area.DAGSTER,
        f"The daemon (process {process}) is starting or hangs: no heartbeat of "
        f"{', '.join(silent)} within {SILENT_SECONDS} s.",
        "Wait two minutes. If it stays so, stop `bulk-pipeline up` and start it again; "
        "its output says more.",
    )


def judged_instigator(
    name: str, *, stopped: bool, failed: bool, age: float | None
) -> Finding:
    """Whether a sensor or schedule does its work.

    Args:
        name: of it.
        stopped: somebody has turned it off.
        failed: its last look ended with an error.
        age: seconds since that look; None where there was none, or where nobody looks.
    """
    if stopped:
        return warning(
            Area.DAGSTER,
            f"{name} is turned off.",
            "Turn it on in the Dagster UI, under Automation, unless that is meant.",
        )
    if failed:
        return warning(
            Area.DAGSTER,
            f"The last look of {name} failed.",
            "See its ticks in the Dagster UI, under Automation.",
        )
    if age is not None and age > QUEUED_SECONDS:
        return warning(
            Area.DAGSTER,
            f"{name} looked last {ago(age)} ago though a daemon runs.",
            "See in the Dagster UI, under Deployment, whether the code location is "
            "loaded; start `bulk-pipeline up` again.",
        )
    last = "" if age is None else f", looked {ago(age)} ago"
    return fine(Area.DAGSTER, f"{name} is on{last}")


def judged_runs(
    queued: int, oldest: float, *, daemon: bool, stuck: dict[str, float]
) -> list[Finding]:
    """Whether runs wait or hang.

    Args:
        queued: runs in the queue.
        oldest: seconds that the first of them has waited.
        daemon: whether a daemon takes them out of it.
        stuck: id of a run that takes too long → seconds.
    """
    found = []
    wait = amount(queued, "run waits", "runs wait")
    if queued and (not daemon or oldest > QUEUED_SECONDS):
        found.append(
            warning(
                Area.DAGSTER,
                f"{wait} in the queue, the first for {ago(oldest)}.",
                "See in the Dagster UI what holds the pool `database`; "
                "`bulk-pipeline bench` shows what this machine can do."
                if daemon
                else _START,
            )
        )
    else:
        found.append(fine(Area.DAGSTER, f"{wait} in the queue"))
    for run, seconds in stuck.items():
        found.append(
            warning(
                Area.DAGSTER,
                f"Run {run} has been starting or running for {ago(seconds)}.",
                "Look at it in the Dagster UI and terminate it if it does nothing; "
                "`bulk-pipeline up` ends runs whose process died, and starts their "
                "batches again.",
            )
        )
    return found


def ago(seconds: float) -> str:
    """A time for people, in one unit."""
    for name, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {name}"
    return f"{seconds:,.0f} s"
