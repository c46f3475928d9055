"""Writes the reference page of the commands from the commands themselves."""

from collections.abc import Iterator

import click

from turnout.entrypoints.cli.ending import (
    BAD_INPUT,
    DONE,
    FAILED,
    INTERRUPTED,
    REFUSED,
    ROLLED_BACK,
    TO_DO,
    UNFINISHED,
    UNREACHABLE,
)
from turnout.entrypoints.cli.flags import COMMON
from turnout.entrypoints.cli.main import GROUPS, program

_INTRO = """\
# Commands

`turnout VERB [SERVICE] [VERSION] [flags]`. The release file is found upwards from the present
folder; `.turnout/` beside it holds everything that a controller keeps. A command that needs a
controller starts one where none runs; it ends by itself when nothing is left to do. Results go to
stdout, progress to stderr. This page is generated from the commands.
"""
_CODES = (
    (DONE, "done as asked (with `--wait`: the version is stable; `--wait=end`: the old one left)"),
    (FAILED, "Turnout itself failed; the text names where it is told"),
    (BAD_INPUT, "bad input: file, flag, argument, missing confirmation"),
    (ROLLED_BACK, "the release was rolled back, aborted, superseded, or failed"),
    (REFUSED, "refused: a check, a signature, a quarantine, rights, another release under way"),
    (UNFINISHED, "not finished within `--timeout`; it goes on"),
    (UNREACHABLE, "the controller cannot be reached"),
    (TO_DO, "`plan --exit-code`: there is something to do"),
    (INTERRUPTED, "interrupted; the release goes on"),
)


def commands_page() -> str:
    """Write the page."""
    return "\n".join([_INTRO, *_codes(), *_common(), *_groups()])


def _codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield "| code | meaning |\n|---|---|"
    yield from (f"| {code} | {meaning} |" for code, meaning in _CODES)
    yield ""


def _common() -> Iterator[str]:
    yield "## Flags of every command\n"
    yield "| flag | meaning |\n|---|---|"
    command = program.get_command(click.Context(program), "status")
    for option in command.params if command else ():
        if isinstance(option, click.Option) and option.name in COMMON:
            yield _flag(option)
    yield ""


def _groups() -> Iterator[str]:
    for title, group in GROUPS.items():
        yield f"## {title}\n"
        for name in group:
            command = program.get_command(click.Context(program), name)
            if command is not None:
                yield from _command(command)


def _command(command: click.Command) -> Iterator[str]:
    words = [_word(param) for param in command.params if isinstance(param, click.Argument)]
    yield f"### `{' '.join(['turnout', str(command.name), *words])}`\n"
    text = (command.help or "").replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n")
    yield f"{text}\n"
    own = [
        option
        for option in command.params
        if isinstance(option, click.Option) and option.name not in COMMON
    ]
    if own:
        yield "| flag | meaning |\n|---|---|"
        yield from map(_flag, own)
        yield ""


def _word(argument: click.Argument) -> str:
    return argument.make_metavar(click.Context(program))


def _flag(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    kind = "" if option.is_flag else f" {_kind(option)}"
    default = ""
    if option.show_default and option.default is not None:
        default = f" Default: `{option.default}`."
    return f"| {names}{kind} | {option.help or ''}{default} |"


def _kind(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " or ".join(f"`{choice}`" for choice in option.type.choices)
    return option.type.name.upper()
