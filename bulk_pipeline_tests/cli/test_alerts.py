"""Laws of the command that lists alerts and tries the channels out."""

import json

from bulk_pipeline_tests.adapters.alert_servers import mail_server, web_server
from bulk_pipeline_tests.builders import ROW, write_csv
from bulk_pipeline_tests.cli.command import bulk_pipeline

SECRET = "s3cr3t"  # noqa: S105  # of nobody
MAIL = {
    "BULK_PIPELINE_ALERT_FROM": "bulk@example.com",
    "BULK_PIPELINE_ALERT_TO": "one@example.com",
}


def test_a_test_message_goes_through_each_channel() -> None:
    """Whoever sets a channel up wants to see it arrive, not wait for a failure."""
    with web_server() as web, mail_server() as mail:
        done = bulk_pipeline(
            "alerts",
            "--test",
            BULK_PIPELINE_ALERT_WEBHOOK=f"{web.url}/{SECRET}",
            BULK_PIPELINE_ALERT_SMTP_URL=f"smtp://u:{SECRET}@127.0.0.1:{mail.port}"
            "?starttls=no",
            **MAIL,
        )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "webhook: the test message was taken",
        "mail: the test message was taken",
    ]
    assert json.loads(web.got[0][1])["kind"] == "test"
    assert "Test of the alerts" in mail.message["Subject"]


def test_a_channel_that_does_not_work_is_the_exit_code() -> None:
    """The other one is tried all the same, and no secret is printed."""
    with web_server() as web, mail_server() as mail:
        web.answers = [404]
        done = bulk_pipeline(
            "alerts",
            "--test",
            BULK_PIPELINE_ALERT_WEBHOOK=f"{web.url}/{SECRET}",
            BULK_PIPELINE_ALERT_SMTP_URL=f"smtp://u:{SECRET}@127.0.0.1:{mail.port}"
            "?starttls=no",
            **MAIL,
        )

    assert done.returncode == 1
    assert "webhook: The webhook answered 404" in done.stderr
    assert "mail: the test message was taken" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_no_channel_at_all_is_said_with_the_settings_to_set() -> None:
    """Silence would look like success."""
    done = bulk_pipeline("alerts", "--test")

    assert done.returncode == 2
    assert "BULK_PIPELINE_ALERT_WEBHOOK" in done.stderr


def test_a_half_set_channel_is_said_by_name() -> None:
    """It says which setting is missing."""
    done = bulk_pipeline("alerts", "--test", **MAIL)

    assert done.returncode == 1
    assert "need BULK_PIPELINE_ALERT_SMTP_URL" in done.stderr


def test_a_home_without_failures_has_no_alert_waiting() -> None:
    """Nothing is created by looking but the journal."""
    done = bulk_pipeline("alerts")

    assert (done.returncode, done.stdout) == (0, "No alert waits.\n")


def test_a_load_in_the_foreground_is_not_held_up_by_a_broken_channel(tmp_path) -> None:
    """Settings of alerts are read where alerts are sent."""
    done = bulk_pipeline(
        "ingest",
        write_csv(tmp_path / "a.csv", [ROW]),
        BULK_PIPELINE_ALERT_WEBHOOK="nonsense",
        BULK_PIPELINE_ALERT_TO="nobody",
        BULK_PIPELINE_UI_URL="nowhere",
    )

    assert done.returncode == 0, done.stderr
