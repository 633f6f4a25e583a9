"""The settings of alerts: who is told of a failed upload, and how.

Nothing is checked here beyond the type: a mistake in the address of a message must
not keep files from being loaded. ``alert_channels`` checks when it is about to send.
"""

from pydantic import BaseModel, Field, SecretStr


class AlertSettings(BaseModel):
    """What an operator decides about alerts. ``repr`` shows no secret."""

    ui_url: str = Field(
        default="",
        validation_alias="BULK_PIPELINE_UI_URL",
        description="Address of the Dagster UI, so that alerts can link to runs.",
    )
    alert_webhook: SecretStr | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_ALERT_WEBHOOK",
        description="http or https URL that gets a JSON message for each batch with "
        "failed files.",
    )
    alert_smtp_url: SecretStr | None = Field(
        default=None,
        validation_alias="BULK_PIPELINE_ALERT_SMTP_URL",
        description="Mail server for the same by e-mail: smtp:// or "
        "smtps://user:password@host:port.",
    )
    alert_from: str = Field(
        default="",
        validation_alias="BULK_PIPELINE_ALERT_FROM",
        description="Sender of those e-mails.",
    )
    alert_to: str = Field(
        default="",
        validation_alias="BULK_PIPELINE_ALERT_TO",
        description="Who gets those e-mails: addresses with commas between.",
    )
