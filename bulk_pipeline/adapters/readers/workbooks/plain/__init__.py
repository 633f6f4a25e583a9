"""Large .xlsx sheets in the shape that programs write, read many cells at a time."""
