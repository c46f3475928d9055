"""How a command ends: one sentence on stderr, and the exit code of the table."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from turnout.errors import (
    ArtifactError,
    BadInputError,
    RefusedError,
    SignatureRefusedError,
    TurnoutError,
    UnavailableError,
    UnknownReleaseError,
)

DONE, FAILED, BAD_INPUT, ROLLED_BACK, REFUSED, UNFINISHED, UNREACHABLE = 0, 1, 2, 3, 4, 5, 6
TO_DO, INTERRUPTED = 10, 130
_PIPE_CLOSED = 141  # what a shell shows for SIGPIPE

_OF_ERRORS: tuple[tuple[type[TurnoutError], int], ...] = (  # the first that fits
    (BadInputError, BAD_INPUT),
    (UnknownReleaseError, BAD_INPUT),
    (SignatureRefusedError, REFUSED),
    (ArtifactError, BAD_INPUT),
    (RefusedError, REFUSED),
    (UnavailableError, UNREACHABLE),
)
_OF_STATUS: Mapping[int, int] = {
    400: BAD_INPUT,
    403: REFUSED,
    404: BAD_INPUT,
    409: REFUSED,
    422: BAD_INPUT,
    503: UNREACHABLE,
}


class ProblemError(TurnoutError):
    """The controller answered with a problem; the text is its own."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code


class LeaveError(Exception):
    """A command is over, with a code and perhaps a last sentence."""

    def __init__(self, exit_code: int, sentence: str = "") -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def exit_code_of(error: BaseException) -> int:
    """Print what has to be said of an end, and give its code."""
    match error:
        case TurnoutError():
            text = str(error)
            _say(text if text.startswith("error[") else f"error: {text}")
            return _code_of(error)
        case LeaveError():
            _say(str(error))
            return error.exit_code
        case click.exceptions.Exit() | click.Abort() | click.ClickException():
            return _code_of_click(error)
        case KeyboardInterrupt():
            return INTERRUPTED
        case BrokenPipeError():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _PIPE_CLOSED
        case _:
            return _crashed(error)


def code_of_outcome(outcome: str | None) -> int:
    """Give the exit code of a release's outcome."""
    if outcome in {None, "promoted"}:
        return DONE
    return REFUSED if outcome == "refused" else ROLLED_BACK


def _code_of(error: TurnoutError) -> int:
    if isinstance(error, ProblemError):
        return _OF_STATUS.get(error.status, FAILED)
    return next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), FAILED)


def _code_of_click(error: BaseException) -> int:
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        error.show()
        return BAD_INPUT
    return INTERRUPTED


def _say(text: str) -> None:
    if text:
        click.echo(text, err=True)


def _crashed(error: BaseException) -> int:
    import secrets
    import tempfile
    import traceback

    crash = secrets.token_hex(4)
    text = "".join(traceback.format_exception(error))
    place = Path(tempfile.gettempdir()) / f"turnout-crash-{os.getuid()}-{crash}.txt"
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        told = str(place)
    except OSError:
        click.echo(text, err=True)
        told = "above"
    _say(f"error: Turnout failed ({type(error).__name__}: {error}); crash {crash}, told in {told}")
    return FAILED
