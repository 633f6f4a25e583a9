"""Tests of the upload API."""
