"""`turnout release` and `turnout rollback`."""

import time
from dataclasses import replace
from typing import TypedDict, Unpack, cast
from urllib.parse import quote

import click

from turnout.entrypoints.cli.asking import Post, post, service_name
from turnout.entrypoints.cli.calls import Body, Socket
from turnout.entrypoints.cli.durations import DURATION
from turnout.entrypoints.cli.ending import BAD_INPUT, DONE, LeaveError
from turnout.entrypoints.cli.flags import Flags, with_flags
from turnout.entrypoints.cli.following import Until, began_of_queued, follow
from turnout.entrypoints.cli.lines import Lines
from turnout.entrypoints.cli.place import Place, place_of
from turnout.entrypoints.cli.starting import controller
from turnout.entrypoints.cli.terminal import answer, say
from turnout.entrypoints.views import ReleaseView, ServiceView


class _Release(TypedDict):
    wait: str | None
    timeout_s: float | None
    after: bool
    replace: bool
    reason: str


_NOTHING_MORE = {
    "nothing_to_do": "{} serves {} already; nothing to do",
    "runs_again": "{} was down; it runs again with {}",
}
_WAIT = click.option(
    "--wait",
    is_flag=False,
    flag_value="baking",
    type=click.Choice(["baking", "end"]),
    help="Wait until the version is stable (baking), or until the one before has retired (end).",
)
_TIMEOUT = click.option(
    "--timeout", "timeout_s", type=DURATION, help="The longest wait; then exit code 5."
)
_REASON = click.option("--reason", default="", help="Why; kept, and shown to everybody.")


@click.command("release", short_help="Release a version of a service.")
@click.argument("service")
@click.argument("version")
@_WAIT
@_TIMEOUT
@click.option("--after", is_flag=True, help="Wait behind a release under way; the newest wins.")
@click.option("--replace", is_flag=True, help="Undo a release under way first.")
@_REASON
@with_flags
def release_command(flags: Flags, service: str, version: str, **asked: Unpack[_Release]) -> None:
    """Release VERSION of SERVICE: beside the stable one, step by step, judged on live evidence."""
    place = place_of(flags)
    until = _until(asked["wait"], asked["timeout_s"])
    known = controller(flags, place)
    body: Body = {
        "service": service,
        "version": version,
        "file": str(place.file),
        "environment": flags.environment,
        "reason": asked["reason"],
        "queue": asked["after"],
        "replace": asked["replace"],
    }
    told = post(flags, known, Post("/releases", body))
    _end(flags, known, told, (service, version), until)


@click.command("rollback", short_help="Return to the version before.")
@click.argument("service", required=False)
@click.option("--to", help="The version to return to; else the one before.")
@_WAIT
@_TIMEOUT
@_REASON
@with_flags
def rollback_command(
    flags: Flags,
    service: str | None,
    to: str | None,
    wait: str | None,
    timeout_s: float | None,
    reason: str,
) -> None:
    """Undo the release under way; without one, return to the version before at once."""
    place = place_of(flags)
    until = _until(wait, timeout_s)
    known = controller(flags, place)
    name = service_name(known, service)
    found = cast("ServiceView", known.get(f"/services/{quote(name)}"))
    active = found["release"]
    if active is not None and active["phase"] not in {"retiring", "rolling_back"} and to is None:
        say(flags, f"{active['id']}: all users go back to {active['stable'] or 'no version'}")
        told = post(flags, known, Post(f"/releases/{active['id']}/rollback", {"reason": reason}))
        release = cast("ReleaseView", told)
        edition = release["edition"]
        undone = replace(until, undoes=True, from_edition=edition) if until else None
        _end_of(flags, known, release, undone)
        return
    target = to or found["previous"] or "the version before"
    _confirm(flags, place, f"{name}: all users go from {_stable(found)} to {target}")
    body: Body = {"to": to, "reason": reason}
    told = post(flags, known, Post(f"/services/{quote(name)}/rollback", body))
    _end(flags, known, told, (name, target), until)


def _until(wait: str | None, timeout_s: float | None) -> Until | None:
    if wait is None:
        return None
    last_s = None if timeout_s is None else time.monotonic() + timeout_s
    return Until(end=wait == "end", last_s=last_s)


def _end(
    flags: Flags,
    known: Socket,
    told: dict[str, object],
    wanted: tuple[str, str],
    until: Until | None,
) -> None:
    service, version = wanted
    if told["state"] in _NOTHING_MORE:
        answer(flags, "release", told, _NOTHING_MORE[str(told["state"])].format(service, version))
        return
    release = cast("ReleaseView | None", told["release"])
    if release is None and until is not None:
        release = began_of_queued(flags, known, service, version, until)
    if release is None:
        text = f"{version} waits behind {told['queued_behind']}; the newest request wins"
        answer(flags, "release", told, text)
        return
    _end_of(flags, known, release, until)


def _end_of(flags: Flags, known: Socket, release: ReleaseView, until: Until | None) -> None:
    if until is None:
        text = f"{release['id']} is under way: turnout watch {release['id']}"
        answer(flags, "release", {"state": "started", "release": release}, text)
        return
    lines = Lines(flags)
    code = follow(flags, known, release["id"], until, lines.show)
    lines.end(known, release["id"])
    if code != DONE:
        raise LeaveError(code)


def _stable(service: ServiceView) -> str:
    stable = service["stable"]
    return stable["version"] if stable else "no version"


def _confirm(flags: Flags, place: Place, text: str) -> None:
    del place
    if flags.yes:
        say(flags, text)
        return
    if not flags.asks:
        raise LeaveError(BAD_INPUT, f"error: {text}. Nothing was changed; `--yes` does it")
    if not click.confirm(f"{text}. Go on?", err=True):
        raise LeaveError(BAD_INPUT, "nothing was changed")
