"""Scored rows as files for people: CSV, XLSX, Parquet; `export` has the way in."""
