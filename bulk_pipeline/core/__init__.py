"""Pure rules on frames: polars, numpy and the standard library, nothing else."""
