"""Failed uploads where people look: in the journal, in the UI, in their messages.

The run-status sensor makes it quick. What makes it sure is that every look asks the
journal for what nobody was told of yet: Dagster moves the cursor of such a sensor on
also when it raises, and it never sees runs of before its own first tick.
"""

import dagster as dg

from bulk_pipeline.adapters.alert_channels import Channel, channels, wanted
from bulk_pipeline.adapters.alert_delivery import Delivered, deliver
from bulk_pipeline.adapters.alert_outbox import Outbox
from bulk_pipeline.adapters.alert_reasons import explain, unexplained
from bulk_pipeline.adapters.freshness import freshness, quiet_alert
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import only_one
from bulk_pipeline.adapters.tick import utc_now
from bulk_pipeline.core.alerts import REASON_CHARACTERS, one_line, without_password
from bulk_pipeline.core.errors import BulkPipelineError
from bulk_pipeline.core.freshness import Freshness
from bulk_pipeline.core.wording import amount
from bulk_pipeline.defs.jobs import batch_job
from bulk_pipeline.defs.operations.failed_uploads import DagsterUi
from bulk_pipeline.defs.operations.freshness import evaluation, state_of
from bulk_pipeline.defs.resources import InstallationResource

LOCK_FILE = "alerts.lock"
EVENT_SECONDS, LOOK_SECONDS = 10, 30
_ENDINGS = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}


@dg.run_failure_sensor(
    monitored_jobs=[batch_job],
    minimum_interval_seconds=EVENT_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Shows in the UI, soon after a run failed, which uploads failed.",
)
def failed_uploads_sensor(
    context: dg.RunFailureSensorContext, installation: InstallationResource
) -> dg.SkipReason | None:
    """Note and show what failed; nothing is sent from here, so no tick is slow."""
    try:
        with only_one(installation.opened.home.root / LOCK_FILE) as alone:
            if alone:
                _look(context.instance, installation.opened, [])
    except BulkPipelineError as error:
        return dg.SkipReason(f"alerts_sensor tries again: {error}")
    return None


@dg.sensor(
    minimum_interval_seconds=LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells people of failed uploads and of an inbox that stays empty, and "
    "tries again what did not arrive.",
)
def alerts_sensor(
    context: dg.SensorEvaluationContext, installation: InstallationResource
) -> dg.SkipReason | dg.SensorResult:
    """Note what failed, send what is due; the answer says what became of it.

    The cursor is what was last said of the inbox: the check of it is evaluated when
    that changes.
    """
    try:
        found = installation.opened
        with only_one(found.home.root / LOCK_FILE) as alone:
            if not alone:
                return dg.SkipReason("Another tick is sending alerts.")
            quiet = freshness(found.journal, found.settings, utc_now())
            _note_quiet(found, quiet)
            done = _look(context.instance, found, channels(found.settings))
    except BulkPipelineError as error:
        return dg.SkipReason(f"Alerts wait: {error}")
    for problem in done.problems:
        context.log.warning(problem)
    said = " ".join([f"{amount(done.sent, 'alert')} sent.", *done.problems])
    state = state_of(quiet)
    if state == (context.cursor or "off"):
        return dg.SkipReason(said)
    return dg.SensorResult(
        skip_reason=said, asset_events=[evaluation(quiet)], cursor=state
    )


def _note_quiet(found: Installation, quiet: Freshness | None) -> None:
    """Make one alert of an inbox that stays empty, for each last file."""
    if quiet is not None and quiet.late:
        outbox = Outbox(found.journal)
        channels = wanted(found.settings)
        outbox.notice_once(quiet_alert(quiet), quiet.key, channels, utc_now())


def _look(
    instance: dg.DagsterInstance, installation: Installation, outside: list[Channel]
) -> Delivered:
    """One look: reasons into the journal, alerts into the outbox, out of it what may.

    The UI comes last, so that trouble of Dagster's storage keeps no message back.
    """
    journal, settings = installation.journal, installation.settings
    for found in unexplained(journal):
        reason = run_failure(instance, found.run_id)
        explain(journal, found, f"{reason} It is tried again by itself.")
    outbox, names = Outbox(journal), wanted(settings)
    outbox.notice(names, utc_now())
    shown = DagsterUi(instance)
    delivered = deliver(outbox, [*outside, shown], utc_now)
    outbox.tidy(names, utc_now())
    return delivered


def run_failure(instance: dg.DagsterInstance, run_id: str) -> str:
    """Why a run failed, as one short sentence without a password in it."""
    for event in _endings(instance, run_id):
        if event.is_step_failure:
            failure = event.step_failure_data
            if failure.user_failure_data and failure.user_failure_data.description:
                return _sentence(failure.user_failure_data.description)
            error = failure.error
            cause = error.cause if error and error.cause else error
            said = cause.message if cause else "no reason was recorded"
            return _sentence(f"{event.step_key} failed: {said}")
    messages = [e.message for e in _endings(instance, run_id) if e.message]
    if messages:
        return _sentence(messages[-1])
    return f"Run {run_id} ended and left no reason."


def _endings(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterEvent]:
    """What a run recorded of its failure, oldest first."""
    records = instance.get_records_for_run(run_id, of_type=_ENDINGS, limit=20).records
    events = [record.event_log_entry.dagster_event for record in records]
    return [event for event in events if event is not None]


def _sentence(text: str) -> str:
    said = one_line(without_password(text), REASON_CHARACTERS).rstrip()
    return said if said.endswith((".", "!", "?", "…")) else f"{said}."
