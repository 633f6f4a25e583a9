"""The command that starts everything and stops it again."""

import json
import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from bulk_pipeline.adapters.home import Home, make_home
from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.adapters.locks import FileLock
from bulk_pipeline.adapters.up_address import LOCK_FILE, signature
from bulk_pipeline.cli.dagster_home import use_dagster_home
from bulk_pipeline.cli.options import database_option
from bulk_pipeline.cli.supervising import Family
from bulk_pipeline.cli.well import require_database_well, require_machine_well
from bulk_pipeline.core.errors import ConfigurationError

PORT_SECONDS = 3
"""A killed `up` is gone a moment before the processes that die with it."""
MODULE, LOCATION = "bulk_pipeline.definitions", "bulk_pipeline"
PLAIN_PATH = re.compile(r"[\w./-]{1,100}", re.ASCII)
"""A path that can be the address of a socket: the system allows some 107 bytes, and
gRPC reads the path as a URI."""


@click.command()
@click.option("--port", default=3000, show_default=True, help="Port of the UI.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of it.")
@database_option
def up(port: int, host: str) -> None:
    """Start the Dagster UI and the daemon that watches the inbox; Ctrl-C stops both."""
    with closing(Installation.from_environment()) as installation:
        home, database = installation.home, installation.database
        require_machine_well(installation)
        with _alone(home, signature(host, port)):
            _require_free_port(host, port)
            home.inbox.mkdir(parents=True, exist_ok=True)
            database.create_tables()
            require_database_well(installation)
            installation.close()
            os.environ["BULK_PIPELINE_HOME"] = str(home.root)
            with Family() as family, _code_address(use_dagster_home(home)) as address:
                _start(family, address, host, port)
                if not family.stopping:
                    click.echo(f"Dagster is up at http://{host}:{port}")
                    click.echo(f"Drop files into {home.inbox}")
                    click.echo(f"Database: {database.name}")
                family.wait()
    click.echo("Stopped.")


def _start(family: Family, address: Path, host: str, port: int) -> None:
    """Start the code server, then the two that ask it; ready when the UI answers.

    By itself the daemon would start a new code server every minute, and the webserver
    would have another one: more memory and a processor busy with nothing but imports.
    """
    address.unlink(missing_ok=True)
    code = ("api", "grpc", "-m", MODULE, "--location-name", LOCATION)
    quiet = ("--log-level", "warning", "--use-python-environment-entry-point")
    socket_at = ("--lazy-load-user-code", "--socket", str(address))
    family.start("code server", "dagster", *code, *quiet, *socket_at)
    # It opens the Dagster instance first, and must be alone then: of two processes that
    # make its databases at the same time, each writes down the version of their tables,
    # and Dagster refuses tables of two versions ever after.
    family.wait_until(address.exists, "The code server")
    workspace = Path(os.environ["DAGSTER_HOME"]) / "workspace.yaml"
    server = {"socket": str(address), "location_name": LOCATION}
    # JSON is YAML, too.
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}), "utf-8")
    serve = ("-w", str(workspace))
    family.start("webserver", "dagster-webserver", *serve, "-h", host, "-p", str(port))
    if failed := family.run(sys.executable, "-m", "bulk_pipeline.cli.preparing"):
        sys.exit(failed)
    if family.stopping:
        return
    family.start("daemon", "dagster-daemon", "run", *serve)
    family.wait_until(lambda: _answers(host, port), f"The webserver on port {port}")


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


@contextmanager
def _alone(home: Home, signed: str) -> Iterator[None]:
    """Be the only `up` of a home; its lock says who we are and where.

    Raises:
        ConfigurationError: another one runs; names it.
    """
    make_home(home.root)
    with closing(FileLock(home.root / LOCK_FILE)) as lock:
        if not lock.take():
            raise ConfigurationError(
                f"The home {home.root} is in use: `bulk-pipeline up` runs already "
                f"({lock.owner()}). Stop that one first, or set BULK_PIPELINE_HOME to "
                "another folder."
            )
        lock.sign(signed)
        yield


@contextmanager
def _code_address(folder: Path) -> Iterator[Path]:
    """Path of the code server's socket, which only this user can open."""
    wanted = folder / "code.sock"
    if PLAIN_PATH.fullmatch(str(wanted)):
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="bulk-pipeline-") as temporary:
        yield Path(temporary) / "code.sock"


def _require_free_port(host: str, port: int) -> None:
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                raise ConfigurationError(
                    f"Port {port} of {host} cannot be used ({error.strerror}). Choose "
                    "another one with --port."
                ) from error
            return
