"""The settings of housekeeping: how long what has ended is kept."""

from pydantic import BaseModel


class KeepingSettings(BaseModel):
    """What an operator decides about what is kept."""
