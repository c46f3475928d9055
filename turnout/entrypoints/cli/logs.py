"""`turnout logs`: what instances wrote, each line with the set that wrote it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import click

from turnout.bootstrap_folder import Folder
from turnout.entrypoints.cli.ending import INTERRUPTED, LeaveError
from turnout.entrypoints.cli.flags import Flags, with_flags, without_short_file
from turnout.entrypoints.cli.offline import reading
from turnout.entrypoints.cli.place import place_of
from turnout.entrypoints.cli.terminal import clean, json_line
from turnout.errors import BadInputError

_SET = re.compile(r"(?P<service>.+)-r(?P<number>\d+)(?:-t)?(?:-\d+)?\.log")
_RELEASE = re.compile(r"(?P<service>.+)-(?P<number>\d+)")
_LOOK_EVERY_S = 0.2
_LONGEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Log:
    """One file of lines, and the name that stands before each of them."""

    name: str
    path: Path


@click.command("logs", short_help="What instances and the controller wrote.")
@click.argument("name", required=False, metavar="[SERVICE|RELEASE]")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("--version", "version", help="Only the instances of this version.")
@click.option("--controller", is_flag=True, help="The controller's own log.")
@click.option("--lines", default=50, show_default=True, help="How many of each to begin with.")
@without_short_file
@with_flags
def logs_command(
    flags: Flags,
    name: str | None,
    version: str | None,
    follow: bool,  # noqa: FBT001 - as click calls it
    controller: bool,  # noqa: FBT001 - likewise, as click calls it
    lines: int,
) -> None:
    """Print the last lines of instances; both versions together, each with its mark."""
    folder = place_of(flags).folder
    found = [Log("controller", folder.log)] if controller else _logs(folder, name, version)
    if not found:
        raise BadInputError(f"no instance of {name or 'any service'} has written anything yet")
    opened = [(log, log.path.open("rb")) for log in found if log.path.exists()]
    try:
        for log, file in opened:
            for line in _last(file, lines):
                _print(flags, log.name, line)
        while follow:
            _go_on(flags, opened)
    except KeyboardInterrupt:
        raise LeaveError(INTERRUPTED) from None
    finally:
        for _, file in opened:
            file.close()


def _logs(folder: Folder, name: str | None, version: str | None) -> list[Log]:
    numbers = _numbers(folder, version) if version else None
    release = _RELEASE.fullmatch(name or "")
    found = []
    for path in sorted(folder.logs.glob("*.log"), key=lambda path: path.stem):
        match = _SET.fullmatch(path.name)
        if match is None:
            continue
        own = (match["service"], int(match["number"]))
        named = name in {None, match["service"]} or (
            release is not None and own == (release["service"], int(release["number"]))
        )
        if named and (numbers is None or own in numbers):
            found.append(Log(path.stem, path))
    return found


def _numbers(folder: Folder, version: str) -> set[tuple[str, int]]:
    with reading(folder) as store:
        return {
            (str(row["service"]), int(str(row["number"])))
            for row in store.history()
            if row["version"] == version
        }


def _last(file: BufferedReader, lines: int) -> list[bytes]:
    end = file.seek(0, 2)
    file.seek(max(0, end - _LONGEST_BYTES))
    return file.read().splitlines()[-lines:] if lines else []


def _go_on(flags: Flags, opened: list[tuple[Log, BufferedReader]]) -> None:
    import select

    for log, file in opened:
        for line in _new(log, file):
            _print(flags, log.name, line)
    select.select([], [], [], _LOOK_EVERY_S)


def _new(log: Log, file: BufferedReader) -> Iterator[bytes]:
    if log.path.exists() and log.path.stat().st_size < file.tell():
        file.seek(0)  # it was copied away and cut
    while line := file.readline():
        if not line.endswith(b"\n"):
            file.seek(-len(line), 1)
            return
        yield line


def _print(flags: Flags, name: str, line: bytes) -> None:
    text = line.decode(errors="replace").rstrip("\r\n")
    if flags.as_json:
        json_line("log", {"instance": name, "line": text})
    else:
        click.echo(f"{name} | {clean(text)}")
