"""Whether new files still come, as a check that people see in the UI.

Dagster's own freshness policies count materialisations: one that is made again would
count as a new file, and a file that is refused would not. Their windows are fixed when
definitions load, before any setting is read. So the journal is asked.
"""

import dagster as dg

from bulk_pipeline.adapters.freshness import freshness
from bulk_pipeline.adapters.tick import utc_now
from bulk_pipeline.core.freshness import Freshness
from bulk_pipeline.defs.operations.failed_uploads import inbox
from bulk_pipeline.defs.resources import InstallationResource

CHECK = "inbox_is_fresh"
VARIABLE = "BULK_PIPELINE_INBOX_FRESH_HOURS"


@dg.asset_check(
    asset=inbox.key,
    name=CHECK,
    description=f"A new file has come within the hours of {VARIABLE}. Warns. "
    "alerts_sensor evaluates it whenever the answer changes.",
)
def inbox_is_fresh(installation: InstallationResource) -> dg.AssetCheckResult:
    """Ask the journal now, for whoever does not want to wait for the sensor."""
    found = installation.opened
    return check_result(freshness(found.journal, found.settings, utc_now()))


def check_result(found: Freshness | None) -> dg.AssetCheckResult:
    """What the check says; it passes where nobody expects files, and says so."""
    if found is None:
        return dg.AssetCheckResult(
            check_name=CHECK,
            asset_key=inbox.key,
            passed=True,
            description=f"Nobody expects files: {VARIABLE} is not set.",
        )
    return dg.AssetCheckResult(
        check_name=CHECK,
        asset_key=inbox.key,
        passed=not found.late,
        severity=dg.AssetCheckSeverity.WARN,
        description=found.said,
        metadata={
            "hours_since_last_file": found.seconds / 3_600,
            "threshold": found.hours,
            "setting": VARIABLE,
        },
    )


def state_of(found: Freshness | None) -> str:
    """What the sensor remembers: it tells of a change, not of every look."""
    if found is None:
        return "off"
    return "late" if found.late else "fresh"


def evaluation(found: Freshness | None) -> dg.AssetCheckEvaluation:
    """The answer of the check, as a sensor reports it."""
    result = check_result(found)
    return dg.AssetCheckEvaluation(
        asset_key=inbox.key,
        check_name=CHECK,
        passed=bool(result.passed),
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
    )
