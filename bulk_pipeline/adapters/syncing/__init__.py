"""Keeping a second database equal to a first one."""
