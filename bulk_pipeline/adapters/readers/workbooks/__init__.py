"""Workbooks of any format, parsed in a process of their own."""
