"""Pods of single steps, where each step of a run is a job of Kubernetes.

A pod of a step is like the pod of its run: the home, the secrets and the place beside
the home come from the Helm values. What is said here is what differs.
"""

from typing import Any

EXCHANGE_SECRET = "bulk-pipeline-exchange"  # noqa: S105  # a name, and no secret
"""Secret with the exchange's URL and, where it needs one, its login."""

MOST_PODS = 8
"""Pods of one run at once; a run has no more spans than that."""

SCORE_POD: dict[str, Any] = {
    # Lists of the run's pod are replaced: deep merging could only add to them.
    "merge_behavior": "SHALLOW",
    "pod_template_spec_metadata": {"labels": {"bulk-pipeline/part": "score"}},
    "pod_spec_config": {
        "volumes": [
            {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}},
            {"name": "dagster-home", "emptyDir": {}},
        ],
        "affinity": {},
    },
    "container_config": {
        "volume_mounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # its own
            {"name": "dagster-home", "mountPath": "/opt/dagster/dagster_home"},
        ],
        "env": [{"name": "BULK_PIPELINE_EXECUTOR", "value": "k8s"}],
        "env_from": [{"secretRef": {"name": EXCHANGE_SECRET}}],
        "resources": {
            "requests": {"cpu": "1", "memory": "1Gi"},
            "limits": {"memory": "2Gi"},
        },
    },
}
"""A pod that scores a span of rows: any node, no home, no database, the exchange."""

STEP_PODS: dict[str, dict[str, Any]] = {"score_chunk": SCORE_POD}
"""Name of an op → what its pods have of their own; all others need the home."""
