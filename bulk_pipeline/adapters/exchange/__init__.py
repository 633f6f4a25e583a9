"""Rows out to machines that score, scores back: by a folder that all of them reach."""
