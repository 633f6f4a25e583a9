"""The settings of alerts: who is told of a failed upload, and how."""

from pydantic import BaseModel


class AlertSettings(BaseModel):
    """What an operator decides about alerts."""
