"""Files that travel with the package: the shipped scorecard, Dagster's settings."""
