"""Asking a controller for a change: repeated under one key until its answer is there."""

import time
from typing import TYPE_CHECKING, NamedTuple, cast

from turnout.entrypoints.cli.calls import Body, Socket
from turnout.entrypoints.cli.ending import ProblemError
from turnout.entrypoints.cli.flags import Flags
from turnout.errors import BadInputError, ControllerUnreachableError

if TYPE_CHECKING:
    from turnout.entrypoints.views import ServiceView

_REPEATED_FOR_S = 10.0
_REPEATED_EVERY_S = 0.3
RUNNING = "idempotency.running"  # the first request with this key has no answer yet


class Post(NamedTuple):
    """A change that is asked for."""

    target: str
    body: Body


def post(flags: Flags, controller: Socket, wanted: Post) -> Body:
    """Ask for a change; a lost answer is asked for again with the same key.

    Raises:
        ControllerUnreachableError: there was no answer; the text names the key.
    """
    import secrets
    import select

    key = flags.key or secrets.token_hex(16)
    last_s = time.monotonic() + _REPEATED_FOR_S
    while True:
        try:
            return controller.post(wanted.target, wanted.body, key)
        except ProblemError as error:
            if error.code != RUNNING or time.monotonic() >= last_s:
                raise
        except ControllerUnreachableError as error:
            if time.monotonic() >= last_s:
                text = f"{error}. Whether it was done is not known; ask again: `--key {key}`"
                raise ControllerUnreachableError(text) from error
        select.select([], [], [], _REPEATED_EVERY_S)


def service_name(controller: Socket, name: str | None) -> str:
    """Give the named service, else the only one."""
    if name is not None:
        return name
    services = cast("list[ServiceView]", controller.get("/services")["items"])
    names = [one["service"] for one in services]
    if len(names) == 1:
        return names[0]
    known = ", ".join(names) or "none yet"
    raise BadInputError(f"name the service; there are: {known}")


def release_name(controller: Socket, name: str | None) -> str:
    """Give the named release or service, else the only release under way."""
    if name is not None:
        return name
    services = cast("list[ServiceView]", controller.get("/services")["items"])
    active = [one["release"]["id"] for one in services if one["release"]]
    if len(active) == 1:
        return active[0]
    told = f"there are {', '.join(active)}" if active else "none is under way"
    raise BadInputError(f"name the release; {told}")
