"""Figures of every load, across batches and back-fills."""

import dagster as dg

run_metrics = dg.AssetSpec(
    "run_metrics",
    group_name="operations",
    kinds={"sql"},
    description=(
        "One row per load: rows, outcome counts, seconds by stage, rows per second, "
        "tier, peak memory. Reported by the load itself, so its plots are continuous."
    ),
    metadata={"dagster/table_name": "run_metrics"},
)
