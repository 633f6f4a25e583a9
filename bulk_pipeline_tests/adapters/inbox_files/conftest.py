"""Fixtures for the cases of the inbox's file system."""

from bulk_pipeline_tests.adapters.inbox_files.disks import elsewhere
from bulk_pipeline_tests.adapters.inbox_files.inbox import inbox

__all__ = ["elsewhere", "inbox"]
