"""The one page of the upload API, as files."""
