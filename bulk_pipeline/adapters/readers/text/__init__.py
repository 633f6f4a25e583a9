"""Delimited text of any encoding, line end and delimiter, as a stream of chunks."""
