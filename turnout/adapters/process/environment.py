"""The environment of an instance, built from nothing: nothing of the controller's leaks in."""

import os
from collections.abc import Mapping
from pathlib import Path

from turnout.adapters.process.placeholders import Facts, replaced
from turnout.domain.version import RunSpec
from turnout.errors import RuntimeFaultError

_KEPT = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV")
_SHORTEST_SECRET = 4


def captured() -> Mapping[str, str]:
    """Take the few variables that every instance gets from where the controller runs."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name in _KEPT or name.startswith("LC_")
    }


def environment_of(run: RunSpec, facts: Facts, kept: Mapping[str, str]) -> Mapping[str, str]:
    """Build the whole environment of an instance but for its mark.

    Raises:
        RuntimeFaultError: A secret is not to be had.
    """
    words = facts.words()
    return {
        **kept,
        **{name: replaced(value, words) for name, value in run.env},
        **secrets_of(run),
        **{f"TURNOUT_{word.upper()}": value for word, value in words.items()},
        "PORT": str(facts.port),
    }


def secrets_of(run: RunSpec) -> Mapping[str, str]:
    """Resolve the secrets of a run section, in the moment of use.

    Raises:
        RuntimeFaultError: One of them is not to be had.
    """
    return {name: _resolved(name, reference) for name, reference in run.secrets}


def redacted(lines: tuple[str, ...], run: RunSpec) -> tuple[str, ...]:
    """Put `***` in place of secrets that an instance wrote to its log."""
    for name, reference in run.secrets:
        try:
            value = _resolved(name, reference)
        except RuntimeFaultError:
            continue
        if len(value) >= _SHORTEST_SECRET:
            lines = tuple(line.replace(value, "***") for line in lines)
    return lines


def _resolved(name: str, reference: str) -> str:
    kind, _, place = reference.partition(":")
    match kind:
        case "env":
            value = os.environ.get(place)
            if value is None:
                raise RuntimeFaultError(
                    f"the secret {name} is {reference}, and the controller has no variable "
                    f"{place}; set it and start the controller again"
                )
            return value
        case "file":
            try:
                return Path(place).read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise RuntimeFaultError(
                    f"the secret {name} is {reference}, and it cannot be read: {error}"
                ) from error
        case _:
            raise RuntimeFaultError(
                f"the secret {name} is {reference}; processes take env:NAME and file:/path"
            )
