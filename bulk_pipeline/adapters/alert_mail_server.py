"""The mail server and addresses of the settings, checked before anybody is asked."""

import urllib.parse
from dataclasses import dataclass, field
from email.utils import getaddresses

from bulk_pipeline.core.errors import ConfigurationError

VARIABLE = "BULK_PIPELINE_ALERT_SMTP_URL"
PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server and the login there. ``repr`` shows neither user nor password.

    Attributes:
        host: its name, which its certificate must bear.
        port: where it listens.
        tls: from the first byte (smtps), after STARTTLS, or not at all.
        user: of the login; "" for none.
        password: of the login.
    """

    host: str
    port: int
    tls: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def server_of(url: str) -> Server:
    """The mail server that a URL names.

    Raises:
        ConfigurationError: the URL cannot be; it is not shown.
    """
    try:
        parts = urllib.parse.urlsplit(url.strip())
        query = urllib.parse.parse_qs(parts.query, strict_parsing=bool(parts.query))
        scheme, host = parts.scheme, parts.hostname
        port = parts.port or PORTS.get(scheme, 0)
    except ValueError:
        scheme, host, port, query = "", None, 0, {}
    plain = query == {"starttls": ["no"]} and scheme == "smtp"
    if not host or not port or not (plain or query in ({}, {"starttls": ["yes"]})):
        raise ConfigurationError(
            f"{VARIABLE} is no URL of a mail server. Set it to "
            "smtp://user:password@host:587 or smtps://user:password@host:465, with "
            "%40 for an @ in the user or the password; ?starttls=no after smtp:// "
            "sends without encryption."
        )
    return Server(
        host,
        port,
        "plain" if plain else "smtps" if scheme == "smtps" else "starttls",
        urllib.parse.unquote(parts.username or ""),
        urllib.parse.unquote(parts.password or ""),
    )


def require_addresses(variable: str, text: str, most: int) -> None:
    """Refuse what is no list of addresses.

    Args:
        variable: the setting.
        text: what it is set to.
        most: how many addresses it may hold.

    Raises:
        ConfigurationError: names the setting.
    """
    found = getaddresses([text])
    sound = all(name.count("@") == 1 and " " not in name for _, name in found)
    if not text.isprintable() or not sound or not 1 <= len(found) <= most:
        raise ConfigurationError(
            f"{variable} must be {'an address' if most == 1 else 'addresses'} such as "
            "someone@example.com"
            + ("." if most == 1 else ", with commas between them.")
        )
