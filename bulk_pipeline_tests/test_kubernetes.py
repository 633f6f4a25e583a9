"""Laws of ``deploy/kubernetes``: what a cluster would refuse, or would lose data by.

No cluster and no Helm run here, so each name that one would look up is looked up by a
test, and pods of runs and steps are made by the code that makes them there.
"""

import re
from pathlib import Path

import kubernetes.client
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from dagster._core.system_config.objects import ResolvedRunConfig
from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict

from bulk_pipeline.adapters.doctor.variables import ALSO_READ
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.adapters.step_broker import QUEUES, celery_options
from bulk_pipeline.definitions import build_definitions
from bulk_pipeline.defs.predictions.assets import score_chunk
from bulk_pipeline.defs.step_pods import EXCHANGE_SECRET, MOST_PODS, STEP_PODS
from bulk_pipeline_tests.kubernetes_pods import (
    CLAIM,
    CODE,
    FOLDER,
    HOME_LABEL,
    MODELS,
    OTHERS,
    ROOT,
    VALUES,
    VARIABLE,
    every_pod,
    has_home,
    manifests,
    named,
    pod_of,
    secrets_in,
    templates,
)
from bulk_pipeline_tests.test_deployment import require_command


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_every_field_is_one_that_kubernetes_has(kind: str) -> None:
    """A misspelt field is passed over by some tools, and its default decides."""
    model = getattr(kubernetes.client, MODELS[kind])
    assert named(kind)
    for made in named(kind).values():
        k8s_model_from_dict(model, k8s_snake_case_dict(model, made))


def test_every_kind_is_known_and_none_holds_a_secret() -> None:
    """A secret in a checkout is in every copy of it."""
    kinds = {made["kind"] for made in manifests()}
    assert kinds == {*MODELS, *OTHERS}
    for made in named("ExternalSecret").values():
        assert set(made["spec"]) == {
            "refreshInterval",
            "secretStoreRef",
            "target",
            "dataFrom",
        }


def test_secrets_that_are_used_are_those_that_are_made() -> None:
    """A pod with a secret that is not there waits for ever."""
    used = set(secrets_in([VALUES, manifests()]))
    used.add(VALUES["global"]["postgresqlSecretName"])
    assert used == set(named("ExternalSecret"))
    assert EXCHANGE_SECRET in used


def test_every_variable_is_a_setting() -> None:
    """A misspelt variable is passed over in silence, and a default decides."""
    known = {*Settings.variables(), *ALSO_READ}
    for file in FOLDER.iterdir():
        assert set(VARIABLE.findall(file.read_text())) <= known, file.name
    [given] = named("ConfigMap").values()
    assert set(given["data"]) <= known
    settings = Settings.from_environment(given["data"])
    assert str(settings.home) == "/data"


def test_the_instance_is_set_as_it_is_elsewhere(tmp_path: Path) -> None:
    """What was measured and decided holds in a cluster, and Dagster takes it."""
    ours = yaml.safe_load((ROOT / "bulk_pipeline/data/dagster.yaml").read_text())
    daemon = VALUES["dagsterDaemon"]
    watch = daemon["runMonitoring"]
    sensor = VALUES["retention"]["sensor"]["purgeAfterDays"]
    made = {
        **VALUES["additionalInstanceConfig"],
        "telemetry": VALUES["telemetry"],
        "retention": {"sensor": {"purge_after_days": sensor}},
        "sensors": {
            "use_threads": daemon["sensors"]["useThreads"],
            "num_workers": daemon["sensors"]["numWorkers"],
        },
        "run_monitoring": {
            "enabled": watch["enabled"],
            "start_timeout_seconds": watch["startTimeoutSeconds"],
            "poll_interval_seconds": watch["pollIntervalSeconds"],
            "free_slots_after_run_end_seconds": watch["freeSlotsAfterRunEndSeconds"],
        },
    }
    assert not daemon["runCoordinator"]["enabled"]  # Dagster takes it or `run_queue`
    assert VALUES["computeLogManager"]["type"] == ours.pop("compute_logs")["class"]
    # Elsewhere a run needs no node that has to start.
    ours["run_monitoring"]["start_timeout_seconds"] = watch["startTimeoutSeconds"]
    assert made == ours
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(made))
    config, _ = dagster_instance_config(str(tmp_path))
    assert config["run_queue"]["max_user_code_failure_retries"] == 3


def test_the_chart_is_of_the_version_of_dagster() -> None:
    """A chart of another version writes an instance that the image may not read."""
    lock = (ROOT / "requirements-scale.lock").read_text()
    [version] = re.findall(r"^dagster==(\S+)", lock, re.MULTILINE)
    for name in ("values.yaml", "README.md"):
        said = re.findall(r"--version (\d\S+)", (FOLDER / name).read_text())
        assert said
        assert set(said) == {version}


def test_every_pod_is_nobody_and_says_what_it_needs(monkeypatch) -> None:
    """Files of users are parsed in there; a pod without a limit takes the node's."""
    for name, pod in every_pod(monkeypatch).items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] == 1000, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name


def test_whatever_has_the_home_is_on_one_node_and_nothing_else_is(monkeypatch) -> None:
    """The journal's WAL and the locks of batches are promises of one kernel."""
    [claim] = named("PersistentVolumeClaim").values()
    assert claim["metadata"]["name"] == CLAIM
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    pods = every_pod(monkeypatch)
    with_home = {name for name, pod in pods.items() if has_home(pod)}
    assert with_home == {
        "bulk-pipeline-api",
        "bulk-pipeline-home-worker",
        "code",
        "run",
        "step",
    }
    for name, pod in pods.items():
        label = pod["metadata"]["labels"].get(HOME_LABEL)
        terms = (
            pod["spec"]
            .get("affinity", {})
            .get("podAffinity", {})
            .get("requiredDuringSchedulingIgnoredDuringExecution", [])
        )
        if name not in with_home:
            assert (label, terms) == (None, []), name
            continue
        assert label == "true", name
        [term] = terms
        assert term["topologyKey"] == "kubernetes.io/hostname"
        assert term["labelSelector"] == {"matchLabels": {HOME_LABEL: "true"}}
        mounts = pod["spec"]["containers"][0]["volumeMounts"]
        assert {"name": "home", "mountPath": "/data"} in mounts, name


def test_a_run_has_the_home_the_settings_and_the_secrets(monkeypatch) -> None:
    """It reads, scores and loads in its one pod."""
    pod = pod_of(monkeypatch)
    [container] = pod["spec"]["containers"]
    refs = [next(iter(one.values()))["name"] for one in container["envFrom"]]
    assert {"bulk-pipeline-settings", "bulk-pipeline-database"} <= set(refs)
    variables = {one["name"] for one in container["env"]}
    assert {"DAGSTER_HOME", "DAGSTER_PG_PASSWORD"} <= variables
    assert pod["spec"]["restartPolicy"] == "Never"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}


def test_what_scores_knows_the_exchange_and_no_database(monkeypatch) -> None:
    """It runs on any machine, and reads nothing but numbers."""
    step = pod_of(monkeypatch, "score_chunk")
    worker = templates()["bulk-pipeline-score-worker"]
    assert set(STEP_PODS) == {score_chunk.name}
    for pod in (step, worker):
        assert pod["metadata"]["labels"]["bulk-pipeline/part"] == "score"
        known = set(secrets_in(pod))
        assert EXCHANGE_SECRET in known
        assert not {"bulk-pipeline-database", "bulk-pipeline-owner"} & known
    assert "bulk-pipeline-settings" not in str(step)


def test_the_executor_k8s_gives_steps_their_pods(monkeypatch) -> None:
    """Otherwise a pod that scores would wait for the one node with the home."""
    monkeypatch.setenv("BULK_PIPELINE_EXECUTOR", "k8s")
    job = build_definitions().resolve_job_def("batch_job")
    chosen = ResolvedRunConfig.build(job, {}).execution
    assert chosen.execution_engine_name == "k8s"
    config = chosen.execution_engine_config
    assert set(config["per_step_k8s_config"]) == set(STEP_PODS)
    assert config["max_concurrent"] == MOST_PODS


def test_the_commands_of_pods_exist() -> None:
    """A container that cannot start its program restarts for ever."""
    found = 0
    for pod in templates().values():
        for container in pod["spec"]["containers"]:
            probes = [container.get("livenessProbe", {}).get("exec", {})]
            for command in (c.get("command") for c in (container, *probes)):
                if command:
                    require_command(command)
                    found += 1
    assert found == 6
    assert CODE["dagsterApiGrpcArgs"] == ["--module-name", "bulk_pipeline.definitions"]


def test_every_step_has_a_worker_and_the_scaler_counts_what_waits() -> None:
    """A queue that nobody works off holds its run for ever."""
    queues = []
    for made in named("Deployment").values():
        command = made["spec"]["template"]["spec"]["containers"][0]["command"]
        if "--queues" in command:
            queues += command[command.index("--queues") + 1].split(",")
    assert sorted(queues) == sorted(QUEUES)
    [scaled] = named("ScaledObject").values()
    target = named("Deployment")[scaled["spec"]["scaleTargetRef"]["name"]]
    assert "replicas" not in target["spec"]
    [trigger] = scaled["spec"]["triggers"]
    assert trigger["authenticationRef"]["name"] in named("TriggerAuthentication")
    assert trigger["metadata"]["listName"] in QUEUES
    redis = {"BULK_PIPELINE_CELERY_BROKER": "redis://h/0"}
    options = celery_options(Settings.from_environment(redis))
    # With more priorities there would be as many lists.
    assert options["broker_transport_options"]["priority_steps"] == [0]


def test_policies_and_budgets_speak_of_pods_that_are_there(monkeypatch) -> None:
    """A policy that selects nobody protects nobody."""
    labels = [pod["metadata"]["labels"] for pod in every_pod(monkeypatch).values()]
    labels += [{"component": "user-deployments"}, {"component": "dagster-webserver"}]
    policies = named("NetworkPolicy").values()
    selectors = [made["spec"]["podSelector"] for made in policies]
    selectors += [m["spec"]["selector"] for m in named("PodDisruptionBudget").values()]
    assert {} in selectors
    for selector in selectors:
        wanted = selector.get("matchLabels", {}).items()
        assert any(wanted <= found.items() for found in labels), selector
    for name, made in named("Service").items():
        wanted = made["spec"]["selector"].items()
        assert any(wanted <= found.items() for found in labels), name


def test_one_image_is_used_everywhere() -> None:
    """A run whose steps are of two builds scores with two programs."""
    own = {
        container["image"]
        for kind in ("Deployment", "Job")
        for made in named(kind).values()
        for container in made["spec"]["template"]["spec"]["containers"]
    }
    image = CODE["image"]
    assert own == {f"{image['repository']}:{image['tag']}"}
    assert VALUES["dagsterWebserver"]["image"] == image
    assert VALUES["dagsterDaemon"]["image"] == image
    readme = (FOLDER / "README.md").read_text()
    assert "--build-arg LOCK=requirements-scale.lock" in readme
    assert "ARG LOCK" in (ROOT / "Dockerfile").read_text()


def test_the_readme_names_files_and_commands_that_exist() -> None:
    """Whoever follows it has no time for what is missing."""
    readme = (FOLDER / "README.md").read_text()
    for file in re.findall(r"-f (\S+\.yaml)", readme):
        assert (FOLDER / file).exists(), file
    assert {f.name for f in FOLDER.glob("*.yaml")} <= set(
        re.findall(r"`?(\w+\.yaml)`?", readme)
    )
    for command in re.findall(r"-- (bulk-pipeline [a-z][^\n`#|]*)", readme):
        require_command(command.split())
