"""Files as they came: what was read and what was rejected."""
