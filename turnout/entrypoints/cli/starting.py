"""Finds the controller of a folder, and starts one where none runs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import turnout
from turnout.bootstrap_folder import Folder
from turnout.entrypoints.cli.calls import Socket
from turnout.entrypoints.cli.flags import Flags
from turnout.entrypoints.cli.place import Place
from turnout.entrypoints.cli.terminal import say
from turnout.errors import ControllerUnreachableError

_COMES_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.02
_IDLE_S = 60
_LAST_LINES = 5


def controller(flags: Flags, place: Place) -> Socket:
    """Give the folder's controller; start it when none runs.

    Raises:
        ControllerUnreachableError: it did not come; the log's last lines are in the text.
    """
    folder = place.folder
    found = Socket(folder.socket)
    if found.lives():
        return found
    folder.make()
    started = start_controller(folder, flags.environment)
    if flags.verbose:
        say(flags, f"started a controller (pid {started.pid}); `turnout down` ends everything")
    last_s = time.monotonic() + _COMES_WITHIN_S
    while time.monotonic() < last_s:
        if found.lives():
            return found
        # Of two that start at once one ends: then the other one's socket comes.
        _pause()
    raise ControllerUnreachableError(_did_not_come(folder))


def start_controller(folder: Folder, environment: str | None) -> "subprocess.Popen[bytes]":
    """Start a controller that outlives this command and ends when there is nothing to do."""
    command = [sys.executable, "-m", "turnout.entrypoints.cli", "serve"]
    command += ["--folder", str(folder.root.absolute()), "--idle", str(_IDLE_S)]
    command += ["--env", environment] if environment else []
    with (folder.logs / "controller.out").open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - this program itself, an argument list
            command,
            cwd=Path(turnout.__file__).parents[1],
            env=os.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    child.returncode = 0  # it outlives this program, and nobody waits for it
    return child


def _pause() -> None:
    # A socket file that does not exist yet tells nobody when it comes.
    import select

    select.select([], [], [], _LOOK_EVERY_S)


def _did_not_come(folder: Folder) -> str:
    lines: list[str] = []
    for name in ("controller.out", "controller.jsonl"):
        place = folder.logs / name
        if place.exists():
            lines += place.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
    told = "\n  ".join(lines) or "it wrote nothing"
    return f"the controller did not come within {_COMES_WITHIN_S:g} s; its last lines:\n  {told}"
