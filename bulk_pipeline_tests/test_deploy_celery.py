"""Laws of deploy/celery: no engine runs here, so its look-ups are done by tests."""

import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config
from dagster._core.instance.ref import InstanceRef
from dagster_postgres.storage import DagsterPostgresStorage

import bulk_pipeline.data
from bulk_pipeline.adapters.settings import EXECUTOR_VARIABLE, Settings
from bulk_pipeline.adapters.step_broker import QUEUES, shown_broker
from bulk_pipeline_tests.test_deployment import VARIABLE, require_command

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "deploy/celery"
TEXT = (HERE / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: found for name, found in SERVICES.items() if "build" in found}
WORKERS = {name: found for name, found in OURS.items() if "command" in found}
DAGSTER = yaml.safe_load((HERE / "dagster.yaml").read_text())
POSTGRES = {"HOST", "PORT", "USER", "PASSWORD", "DB"}


def queues_of(service: dict[str, Any]) -> list[str]:
    """The queues that a worker's command names."""
    command = service["command"]
    return str(command[command.index("--queues") + 1]).split(",")


def test_every_queue_is_taken_by_some_worker() -> None:
    """A step of another one waits for ever, and its run looks as if it were in work."""
    taken = [queue for worker in WORKERS.values() for queue in queues_of(worker)]
    assert sorted(taken) == sorted(QUEUES)


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_service_is_given_variables_that_something_reads(name: str) -> None:
    """A misspelt variable is passed over in silence, and a default decides."""
    environment = OURS[name]["environment"]
    dagster = {f"DAGSTER_POSTGRES_{part}" for part in POSTGRES}
    assert set(environment) <= {*Settings.variables(), EXECUTOR_VARIABLE, *dagster}
    assert dagster <= set(environment)
    assert environment[EXECUTOR_VARIABLE] == "celery"
    settings = Settings.from_environment(
        {key: re.sub(VARIABLE, "4", value) for key, value in environment.items()}
    )
    assert shown_broker(settings) == "redis://redis:6379/0"
    assert environment["DAGSTER_POSTGRES_HOST"] in SERVICES


def test_a_worker_that_scores_is_told_of_no_database_and_has_no_home() -> None:
    """It may stand anywhere, and is not to be trusted with the rows of others."""
    scoring = [found for found in WORKERS.values() if queues_of(found) == ["score"]]
    [service] = scoring
    assert not {name for name in service["environment"] if "DATABASE" in name}
    sources = [volume.split(":")[0] for volume in service["volumes"]]
    assert sources == ["exchange", "./dagster.yaml"]
    for other in OURS.values():
        assert "exchange:/exchange" in other["volumes"]


def test_no_secret_has_a_default_and_none_is_written_down() -> None:
    """A default password is in every copy of the project, and in use for years."""
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name and not value.startswith("${BULK_PIPELINE_"):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name
    written = re.sub(VARIABLE, "", TEXT)
    assert not re.search(r"://[^/\s]*:[^/@\s]+@", written)
    assert "{env: DAGSTER_POSTGRES_PASSWORD}" in (HERE / "dagster.yaml").read_text()


def test_the_example_of_env_names_every_variable_and_holds_no_secret() -> None:
    """Whoever starts the containers fills in one file."""
    named = dict(
        line.lstrip("#").split("=", 1)
        for line in (HERE / ".env.example").read_text().splitlines()
        if re.match(r"#?[A-Z_]+=", line)
    )
    wanted = dict(VARIABLE.findall(TEXT))
    assert set(named) == set(wanted)
    assert all(not text for name, text in named.items() if "PASSWORD" in name)
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/deploy/celery/.env" in ignored


def test_services_and_volumes_that_are_named_are_there() -> None:
    """The engine makes a folder, owned by root, of a path that is not there."""
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        for volume in service["volumes"]:
            source = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", volume).split(":")[0]
            if source.startswith("."):
                assert (HERE / source).exists(), source
            else:
                assert source in COMPOSE["volumes"]
    for service in OURS.values():
        context = (HERE / service["build"]["context"]).resolve()
        lock = service["build"]["args"]["LOCK"]
        assert (context / lock).exists()
        assert f"!{lock}" in (context / ".dockerignore").read_text().splitlines()
        assert "ARG LOCK=requirements.lock" in (context / "Dockerfile").read_text()


@pytest.mark.parametrize("name", sorted(WORKERS))
def test_the_commands_of_workers_exist(name: str) -> None:
    """A container that cannot start its program restarts for ever."""
    service = WORKERS[name]
    require_command(service["command"])
    require_command(service["healthcheck"]["test"][1:])


def test_every_command_in_the_readme_exists() -> None:
    """The first command that fails is the last one a visitor tries."""
    text = (HERE / "README.md").read_text()
    for line in re.findall(r"^\$ (bulk-pipeline .+)$", text, re.MULTILINE):
        require_command(shlex.split(line))


def test_dagster_has_the_settings_of_one_machine_but_for_its_storage() -> None:
    """Users of either must get the same run queue, and the same clean-up."""
    shipped = files(bulk_pipeline.data).joinpath("dagster.yaml").read_text()
    other = {name: found for name, found in DAGSTER.items() if name != "storage"}
    assert other == yaml.safe_load(shipped)


def test_dagster_takes_its_settings_and_keeps_the_names_of_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message of a step refers to the instance: a password would be in the broker."""
    (tmp_path / "dagster.yaml").write_text((HERE / "dagster.yaml").read_text())
    ref = InstanceRef.from_dir(str(tmp_path))
    storage = ref.storage_data
    assert storage is not None
    assert storage.class_name == DagsterPostgresStorage.__name__
    config = yaml.safe_load(storage.config_yaml)
    assert config["postgres_db"]["password"] == {"env": "DAGSTER_POSTGRES_PASSWORD"}
    for part in POSTGRES:
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{part}", "5432")
    checked = process_config(DagsterPostgresStorage.config_type(), config)
    assert checked.success, checked.errors
