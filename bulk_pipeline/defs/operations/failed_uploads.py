"""The one place in the UI that lists all failures."""

from dataclasses import dataclass
from typing import Any

import dagster as dg

from bulk_pipeline.adapters.alert_channels import UI
from bulk_pipeline.core.alerts import Alert, AlertedUpload, cure, headline, one_line

FAILED_TAG = "bulk_pipeline/failed_uploads"

failed_uploads = dg.AssetSpec(
    "failed_uploads",
    group_name="operations",
    kinds={"alert"},
    description=(
        "Every upload that failed, or waits after several attempts: file, who sent it, "
        "reason, cure. One observation a batch; the journal and `bulk-pipeline "
        "uploads` have all of them."
    ),
)


inbox = dg.AssetSpec(
    "inbox",
    group_name="operations",
    kinds={"folder"},
    description=(
        "Where files are dropped. Its check warns when no new file has come for longer "
        "than BULK_PIPELINE_INBOX_FRESH_HOURS."
    ),
)


@dataclass(frozen=True)
class DagsterUi:
    """Shows alerts as observations of what they are about, and tags their runs."""

    instance: dg.DagsterInstance
    name: str = UI

    def send(self, alert: Alert, identity: str) -> None:
        """Record the observation; it is in the event log when this returns."""
        about = inbox if alert.kind == "quiet" else failed_uploads
        observation = dg.AssetObservation(
            about.key,
            description=f"{headline(alert)}.",
            metadata=failure_metadata(alert),
            tags={"bulk_pipeline/alert": identity},
        )
        self.instance.report_runless_asset_event(observation)
        if alert.kind == "failed" and self.instance.get_run_by_id(alert.run_id):
            tags = {FAILED_TAG: str(alert.count)}
            self.instance.add_run_tags(alert.run_id, tags)


def failure_metadata(alert: Alert) -> dict[str, Any]:
    """What the UI shows of an alert: how many, which files, why, what to do."""
    records = [
        dg.TableRecord(
            {
                "file": one_line(upload.file),
                "submitted_by": one_line(upload.submitted_by),
                "reason": one_line(upload.reason),
                "cure": cure(alert, upload) or _without_cure(alert, upload),
            }
        )
        for upload in alert.uploads
    ]
    shown: dict[str, Any] = {
        "uploads": dg.MetadataValue.int(alert.count),
        "outcome": dg.MetadataValue.text(alert.kind),
        "batch": dg.MetadataValue.text(alert.batch),
    }
    if alert.run_id:
        shown["run"] = dg.MetadataValue.dagster_run(alert.run_id)
    return {**shown, "listed": dg.MetadataValue.table(records)}


def _without_cure(alert: Alert, upload: AlertedUpload) -> str:
    """What becomes of an upload that nobody has to do anything about."""
    if alert.kind == "quiet":
        return "see bulk-pipeline doctor"
    return f"{upload.key} is tried again"
