"""Figures of loads and, in time, housekeeping."""
