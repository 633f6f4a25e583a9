"""The command that serves the upload API."""

import os
from contextlib import closing

import click

from bulk_pipeline.adapters.installation import Installation
from bulk_pipeline.cli.options import database_option
from bulk_pipeline.core.errors import ConfigurationError


@click.command("serve-api")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of it.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port of it; 0 for any free one.",
)
@database_option
def serve_api(host: str, port: int) -> None:
    """Serve the upload page and the HTTP API until Ctrl-C.

    It puts files into the inbox and starts jobs; `bulk-pipeline up` does the work. An
    address that other machines reach needs a token: `bulk-pipeline tokens add USER`.
    """
    try:
        # only this command needs them, and they are an extra
        from bulk_pipeline.api.serving import door_at, listening, serve  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "starlette", "uvicorn", "python_multipart"):
            raise
        raise ConfigurationError(
            f"The upload API needs {error.name}. Install the extra: "
            "pip install 'bulk-pipeline[api]'"
        ) from error
    with (
        closing(Installation.from_environment()) as installation,
        closing(listening(host, port)) as server,
    ):
        os.environ["BULK_PIPELINE_HOME"] = str(installation.home.root)
        door = door_at(installation, server)
        address, chosen = server.getsockname()[:2]
        named = f"[{address}]" if ":" in address else address
        click.echo(f"The upload API is up at http://{named}:{chosen}")
        serve(door, server)
    click.echo("Stopped.")
