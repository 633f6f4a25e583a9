"""Commands about who may use the upload API."""

import click

from bulk_pipeline.adapters.api_tokens import Tokens
from bulk_pipeline.adapters.home import Home
from bulk_pipeline.adapters.settings import Settings


@click.group()
def tokens() -> None:
    """Make, list and remove the tokens of the upload API.

    A running server notices every change at once. Whoever has a token may hand in
    files, start jobs and read the outcomes and rows of all uploads of this home.
    """


@tokens.command()
@click.argument("user")
def add(user: str) -> None:
    """Make a token for USER and print it, once; a user may have several.

    The files of a user lie in the subfolder of the inbox that has the same name.
    """
    token = _tokens().add(user)
    click.echo(token)
    click.echo("Keep it now: it is stored as a hash and not shown again.", err=True)


@tokens.command(name="list")
def list_tokens() -> None:
    """List users and their tokens; the tokens themselves are not known any more."""
    found = _tokens().all()
    for token in found:
        click.echo(f"{token.id}  {token.user}  made {token.made_at[:19]}Z")
    if not found:
        click.echo("No tokens: the API answers this machine only, and asks for none.")


@tokens.command()
@click.argument("user")
@click.option("--id", "token_id", help="Only this one, as `list` shows it.")
def remove(user: str, token_id: str | None) -> None:
    """Remove all tokens of USER, or one of them; they are void at once."""
    removed = _tokens().remove(user, token_id)
    click.echo(f"Removed {removed} of the tokens of {user}.")


def _tokens() -> Tokens:
    return Tokens(Home(Settings.from_environment().home))
