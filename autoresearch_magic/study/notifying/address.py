"""Addresses of ``--notify``: webhooks of known forms, and commands; what of them is secret, and how messages call them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from ...errors import UserError
from ...keys.redact import remember
from ...source.key_references import put_away, reference

Form = Literal["slack", "discord", "ntfy", "json", "command"]

_URL = re.compile(r"(?:(?P<form>slack|discord|ntfy|json):)?(?P<url>https?://\S+)", re.IGNORECASE)
_HOSTS: tuple[tuple[Form, re.Pattern[str]], ...] = (
    ("slack", re.compile(r"hooks\.slack(?:-gov)?\.com")),
    ("discord", re.compile(r"(?:(?:ptb|canary)\.)?discord(?:app)?\.com")),
    ("ntfy", re.compile(r"(?:.+\.)?ntfy\.sh")),
)
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
SECRET = 16
"""Characters of a path's part from which it is also taken out of every other text; a shorter one may be a common word."""


@dataclass(frozen=True)
class Address:
    """Where a message goes.

    Attributes
    ----------
    form : {"slack", "discord", "ntfy", "json", "command"}
    text : str
        The URL, or the command line.
    label : str
        How messages call it: the form and the host, or the program's name.
    secrets : list of str
        What of the URL no other text may show.
    variables : tuple of str
        Environment variables that the command line names, which it may see whatever they hold.
    """

    form: Form
    text: str = field(repr=False)
    label: str
    secrets: list[str] = field(default_factory=list, repr=False)
    variables: tuple[str, ...] = ()


def parse_address(text: str) -> Address:
    """Read an address: ``https://...``, ``slack:https://...``, or a command line.

    Raises
    ------
    UserError
        For an address without a host or a path; it does not quote the address.
    """
    text = text.strip()
    if (found := _URL.fullmatch(text)) is None:
        if re.match(r"(?:(?:slack|discord|ntfy|json):)?https?:", text, re.IGNORECASE):
            raise UserError(
                "--notify: the address of a webhook is https://HOST/PATH without blanks (or a command line)."
            )
        if re.match(r"(?:slack|discord|ntfy|json):", text, re.IGNORECASE):
            raise UserError(f"--notify {text.partition(':')[0]}: takes the whole address of the webhook, {text.partition(':')[0]}:https://HOST/PATH")  # fmt: skip
        program = text.split()[0].rpartition("/")[2]
        return Address("command", text, f"the command {program}", [], tuple(dict.fromkeys(_VARIABLE.findall(text))))
    url = found["url"]
    try:
        place = urlsplit(url)
        host, port = place.hostname or "", place.port
    except ValueError:
        host, port = "", None
    if not host:
        raise UserError("--notify: the address of the webhook has no host.")
    form: Form = next((form for form, pattern in _HOSTS if pattern.fullmatch(host.lower())), "json")
    if found["form"]:
        form = found["form"].lower()  # type: ignore[assignment]
    if form == "ntfy" and not place.path.strip("/"):
        raise UserError("--notify: the address of ntfy has no topic: https://ntfy.sh/TOPIC")
    shown = f"{host}:{port}" if port else host
    name = {"slack": "Slack", "discord": "Discord", "ntfy": "ntfy", "json": "the webhook"}[form]
    return Address(form, url, f"{name} at {shown}", _secrets(url))


def _secrets(url: str) -> list[str]:
    place = urlsplit(url)
    parts = [
        place.path.strip("/"),
        *place.path.split("/"),
        *(value for _, value in parse_qsl(place.query)),
        place.password or "",
    ]
    return [*dict.fromkeys(part for part in parts if len(part) >= SECRET or (part and part == place.password))]


def without_secrets(text: str) -> str:
    """Return an address as settings keep it: with a reference in place of all that stands behind the host, and in place of a user with a password.

    An address that is the value of an environment variable is kept as that variable's name, so that every process with the variable finds it.
    """
    if (found := _URL.fullmatch(text.strip())) is None:
        return text
    form = f"{found['form'].lower()}:" if found["form"] else ""
    remember(*_secrets(found["url"]))
    if name := next((name for name, value in os.environ.items() if value.strip() in (text, found["url"])), ""):
        return f"{form if os.environ[name].strip() != text else ''}{reference(name)}"
    hidden = _hidden_part(text)
    return put_away(text.strip(), [hidden], known=False) if hidden else text


def _hidden_part(text: str) -> str:
    if (found := _URL.fullmatch(text.strip())) is None:
        return ""
    url = found["url"]
    try:
        place = urlsplit(url)
    except ValueError:
        return ""
    begin = url.find("/", url.find("://") + 3)
    userinfo = place.netloc.rpartition("@")[0]
    return (
        ""
        if begin < 0 and not userinfo
        else (url[begin + 1 :] if begin >= 0 and not userinfo else url.partition("://")[2])
    )
