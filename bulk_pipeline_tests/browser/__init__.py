"""Tests of the upload page in a real browser: ``make test-browser``."""
