"""The manifests of ``deploy/kubernetes``, and pods that Dagster makes of its values."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes.client
import pytest
import yaml
from dagster import DagsterRun
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import UserDefinedDagsterK8sConfig, construct_dagster_k8s_job

from bulk_pipeline.defs.step_pods import STEP_PODS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deploy/kubernetes"
VALUES = yaml.safe_load((FOLDER / "values.yaml").read_text())
[CODE] = VALUES["dagster-user-deployments"]["deployments"]
LAUNCHER = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
MODELS = {
    "ConfigMap": "V1ConfigMap",
    "Deployment": "V1Deployment",
    "Job": "V1Job",
    "NetworkPolicy": "V1NetworkPolicy",
    "PersistentVolumeClaim": "V1PersistentVolumeClaim",
    "PodDisruptionBudget": "V1PodDisruptionBudget",
    "Service": "V1Service",
}
"""Kinds that Kubernetes has itself; the others are of KEDA and External Secrets."""
OTHERS = {"ExternalSecret", "ScaledObject", "TriggerAuthentication"}
HOME_LABEL = "bulk-pipeline/home"
CLAIM = "bulk-pipeline-home"
VARIABLE = re.compile(r"\b(?:DATABASE_URL|(?:BULK_PIPELINE|ULTRA)_[A-Z_]+[A-Z])\b")


def manifests() -> list[dict[str, Any]]:
    """Every document beside the values."""
    files = sorted(FOLDER.glob("*.yaml"))
    texts = [file.read_text() for file in files if file.name != "values.yaml"]
    return [found for text in texts for found in yaml.safe_load_all(text)]


def named(kind: str) -> dict[str, dict[str, Any]]:
    """The documents of a kind, by name."""
    return {m["metadata"]["name"]: m for m in manifests() if m["kind"] == kind}


def launcher(monkeypatch: pytest.MonkeyPatch) -> K8sRunLauncher:
    """Dagster's launcher with what the chart would give it of the values."""
    monkeypatch.setattr("dagster_k8s.launcher.load_kubernetes_config", lambda **_: None)
    raw = LAUNCHER["runK8sConfig"]
    names = {re.sub("([A-Z])", r"_\1", key).lower(): raw[key] for key in raw}
    return K8sRunLauncher(
        service_account_name="dagster",
        instance_config_map="dagster-instance",
        dagster_home="/opt/dagster/dagster_home",
        postgres_password_secret=VALUES["global"]["postgresqlSecretName"],
        env_config_maps=["dagster-pipeline-env"],
        image_pull_policy=LAUNCHER["imagePullPolicy"],
        job_namespace="bulk-pipeline",
        run_k8s_config=names,
    )


def pod_of(monkeypatch: pytest.MonkeyPatch, op: str | None = None) -> dict[str, Any]:
    """The pod of a run, or of one of its steps, as it would be sent to the cluster."""
    own = launcher(monkeypatch)
    run = DagsterRun(job_name="batch_job")
    context = K8sContainerContext.create_for_run(run, own, include_run_tags=op is None)
    if op is not None:
        given = UserDefinedDagsterK8sConfig.from_dict(STEP_PODS.get(op, {}))
        context = context.merge(K8sContainerContext(run_k8s_config=given))
    image = f"{CODE['image']['repository']}:{CODE['image']['tag']}"
    job = construct_dagster_k8s_job(
        job_config=context.get_k8s_job_config(image, own),
        args=["dagster", "api", "execute_run"],
        job_name="dagster-run-1",
        user_defined_k8s_config=context.run_k8s_config,
    )
    plain = kubernetes.client.ApiClient().sanitize_for_serialization(job)
    template: dict[str, Any] = plain["spec"]["template"]
    return template


def templates() -> dict[str, dict[str, Any]]:
    """Pod templates of the manifests, and those that the chart makes of the values."""
    kinds = ("Deployment", "Job")
    found = {
        name: made["spec"]["template"]
        for kind in kinds
        for name, made in named(kind).items()
    }
    charted = {
        "code": CODE,
        "ui": VALUES["dagsterWebserver"],
        "daemon": VALUES["dagsterDaemon"],
    }
    for name, values in charted.items():
        container = {key: values[key] for key in ("resources", "securityContext")}
        spec = {
            "securityContext": values["podSecurityContext"],
            "affinity": values.get("affinity", {}),
            "volumes": values["volumes"],
            "containers": [{"volumeMounts": values["volumeMounts"], **container}],
        }
        found[name] = {
            "metadata": {"labels": values.get("labels", {})},
            "spec": spec,
        }
    return found


def every_pod(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """The templates, a run and a step of each kind."""
    made = {
        "run": pod_of(monkeypatch),
        "step": pod_of(monkeypatch, "ingestion_file"),
        "score step": pod_of(monkeypatch, "score_chunk"),
    }
    return {**templates(), **made}


def has_home(pod: Mapping[str, Any]) -> bool:
    """Whether a pod mounts the home."""
    claims = [
        v.get("persistentVolumeClaim", {}) for v in pod["spec"].get("volumes", [])
    ]
    return CLAIM in [claim.get("claimName") for claim in claims]


def secrets_in(thing: Any) -> Iterator[str]:
    """Names of the secrets that anything refers to."""
    if isinstance(thing, list):
        for part in thing:
            yield from secrets_in(part)
    if isinstance(thing, dict):
        for key, part in thing.items():
            if key in ("secretRef", "secretKeyRef"):
                yield part["name"]
            elif key in ("envSecrets", "secretTargetRef"):
                yield from (one["name"] for one in part)
            else:
                yield from secrets_in(part)
