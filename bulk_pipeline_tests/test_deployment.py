"""Laws of what starts the project elsewhere: containers, CI, scripts.

No engine runs here, so each name that one would look up is looked up by a test.
"""

import itertools
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
import yaml

from bulk_pipeline.adapters.databases.target import target_url
from bulk_pipeline.adapters.settings import Settings
from bulk_pipeline.cli import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if "build" in service}
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
BASH = shutil.which("bash") or "/bin/bash"
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[-?])?[^}]*\}")


def require_command(words: list[str]) -> None:
    """A command of ours with options that it has."""
    program, name, *options = words
    assert program == "bulk-pipeline"
    assert name in COMMANDS
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    command.make_context(name, options)


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_service_of_ours_is_given_settings_that_exist(name: str) -> None:
    """A misspelt variable is passed over in silence, and a default decides."""
    environment = SERVICES[name]["environment"]
    assert set(environment) <= set(Settings.variables())
    url = target_url(Settings.from_environment(environment))
    assert url.drivername == "mssql+mssqlpython"
    assert url.host in SERVICES
    assert url.query["Encrypt"] == "yes"
    assert url.password is None


def test_services_and_scripts_speak_of_the_same_logins() -> None:
    """A login that nobody made is refused, after minutes of waiting."""
    logins = (ROOT / "docs/sql/logins.sql").read_text()
    users = (ROOT / "docs/sql/users.sql").read_text()
    grants = (ROOT / "docs/sql/grants.sql").read_text()
    for name in OURS:
        environment = SERVICES[name]["environment"]
        url = sa.make_url(environment["DATABASE_URL"])
        assert f"CREATE LOGIN {url.username} " in logins
        assert f"ADD MEMBER {url.username};" in users
        assert f"CREATE DATABASE {url.database};" in logins
        secret = environment["BULK_PIPELINE_DATABASE_PASSWORD"]
        [(variable, _)] = VARIABLE.findall(secret)
        assert f"LOGIN {url.username} WITH PASSWORD = N'$({variable})'" in logins
    schema = SERVICES["pipeline"]["environment"]["BULK_PIPELINE_STAGING_SCHEMA"]
    assert f"CREATE SCHEMA {schema} AUTHORIZATION bulk_pipeline_loader" in grants


def test_no_secret_has_a_default() -> None:
    """A default password is in every copy of the project, and in use for years."""
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name


def test_the_example_of_env_names_every_variable_and_holds_no_secret() -> None:
    """Whoever starts the containers fills in one file."""
    named = dict(
        line.lstrip("#").split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if re.match(r"#?[A-Z_]+=", line)
    )
    wanted = dict(VARIABLE.findall((ROOT / "compose.yaml").read_text()))
    assert set(named) == set(wanted)
    for name, kind in wanted.items():
        assert bool(named[name]) == (kind == ":-")


def test_services_wait_for_services_that_are_there() -> None:
    """Tables need a database, rights need tables, loads need rights."""
    order = ["sqlserver", "logins", "tables", "grants", "pipeline"]
    assert list(SERVICES) == order
    for earlier, later in itertools.pairwise(order):
        assert list(SERVICES[later]["depends_on"]) == [earlier]


def test_volumes_are_named_or_in_the_checkout() -> None:
    """The engine makes a folder, owned by root, of a path that is not there."""
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", volume).split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_dir()
            else:
                assert source in COMPOSE["volumes"]


def test_the_commands_of_containers_exist() -> None:
    """A container that cannot start its program restarts for ever."""
    require_command(SERVICES["tables"]["command"])
    [command] = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    require_command(yaml.safe_load(command))


def test_the_health_check_asks_what_answers() -> None:
    """A check that always fails restarts a container that works."""
    check = SERVICES["pipeline"]["healthcheck"]["test"][1]
    daemon, ui = check.split(" && ")
    program, *arguments = shlex.split(daemon)
    beside = ROOT / ".venv/bin" / program
    found = beside if beside.exists() else shutil.which(program)
    if found:
        subprocess.run([found, *arguments, "--help"], check=True, capture_output=True)
    compile(shlex.split(ui)[2], "healthcheck", "exec")
    assert "127.0.0.1:3000/server_info" in ui
    assert "EXPOSE 3000" in DOCKERFILE


def test_the_image_copies_what_is_there_and_gets_nothing_else() -> None:
    """A home, a .env or a checkout's history in an image is read by everybody."""
    copied = {
        name.removeprefix("./")
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for name in line.split()
    }
    assert all((ROOT / name).exists() for name in copied)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_the_image_does_not_run_as_root_and_pins_what_it_installs() -> None:
    """Files of users are parsed in there."""
    assert DOCKERFILE.rindex("USER bulk_pipeline") < DOCKERFILE.rindex("CMD")
    assert "--require-hashes -r requirements.lock" in DOCKERFILE
    environment = dict(re.findall(r"(\w+)=(/\S+)", DOCKERFILE.split("USER ")[1]))
    assert environment["BULK_PIPELINE_HOME"] == "/data"
    assert environment["DAGSTER_HOME"] == "/data/dagster"
    mounted = [v.split(":")[-1] for v in SERVICES["pipeline"]["volumes"]]
    assert mounted == ["/data", "/data/inbox"]


def test_ci_tests_every_python_and_every_server_that_we_name() -> None:
    """What no machine tries is a wish."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: "
    pythons = [c.removeprefix(prefix) for c in project["classifiers"] if prefix in c]
    jobs = WORKFLOW["jobs"]
    assert jobs["tests"]["strategy"]["matrix"]["python"] == pythons
    versions = jobs["sqlserver"]["strategy"]["matrix"]["version"]
    assert versions == ["2019", "2022", "2025"]
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_ci_runs_commands_that_exist() -> None:
    """A workflow is run by others, later, and read by nobody before."""
    makefile = (ROOT / "Makefile").read_text()
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    runs = "\n".join(step.get("run", "") for step in steps)
    for target in re.findall(r"^make (\S+)$", runs, re.MULTILINE):
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target
    for module in re.findall(r"python -m (bulk_pipeline_tests\S*)", runs):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists()
    for step in steps:
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))
        if "run" in step:
            subprocess.run([BASH, "-nc", step["run"]], check=True)


@pytest.mark.parametrize(
    "script", sorted((ROOT / ".ci").iterdir()), ids=lambda s: s.name
)
def test_a_script_of_ci_can_be_started(script: Path) -> None:
    """CI starts it by its name."""
    assert script.stat().st_mode & 0o111
    subprocess.run([BASH, "-n", script], check=True)
