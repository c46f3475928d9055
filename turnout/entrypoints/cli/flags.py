"""Flags that commands have in common, as one value."""

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What a person said besides the command itself."""

    file: Path | None
    environment: str | None
    as_json: bool
    quiet: bool
    verbose: bool
    color: bool
    language: str
    yes: bool
    key: str | None

    @property
    def asks(self) -> bool:
        """Tell whether a person can be asked."""
        return sys.stdin.isatty()


def without_short_file(command: Callable[P, R]) -> Callable[P, R]:
    """Leave `-f` to the command itself; apply it above `with_flags`."""
    for parameter in getattr(command, "__click_params__", []):
        if parameter.name == "file":
            parameter.opts = ["--file"]
    return command


def with_flags(command: Callable[Concatenate[Flags, P], R]) -> Callable[P, R]:
    """Add the common flags to a command; it gets them as its first argument."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        taken = {name: kwargs.pop(name) for name in COMMON}
        no_color = bool(taken.pop("no_color")) or "NO_COLOR" in os.environ
        language = taken.pop("language") or _language_of_system()
        flags = Flags(color=not no_color and sys.stdout.isatty(), language=language, **taken)  # type: ignore[arg-type]  # as click made them
        return command(flags, *args, **kwargs)

    for option in reversed(_OPTIONS):
        option(wrapped)
    return wrapped


def _language_of_system() -> str:
    text = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "")
    return "zh" if text.startswith("zh") else "en"


COMMON = (
    *("file", "environment", "as_json", "quiet", "verbose", "no_color", "language", "yes", "key"),
)
_OPTIONS = (
    click.option(
        "-f",
        "--file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The release file; else turnout.yaml here or in a folder above.",
    ),
    click.option("-e", "--env", "environment", help="The environment; needed when there are more."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON for machines."),
    click.option("-q", "--quiet", is_flag=True, help="Print the result alone."),
    click.option("-v", "--verbose", is_flag=True, help="Print more of what is done."),
    click.option("--no-color", is_flag=True, help="Print without colours; so does NO_COLOR."),
    click.option(
        "--lang",
        "language",
        type=click.Choice(["en", "zh"]),
        help="Language of sentences; else that of LANG.",
    ),
    click.option("--yes", is_flag=True, help="Answer every question with yes."),
    click.option("--key", help="Repeat a request under its key; it is done once."),
)
