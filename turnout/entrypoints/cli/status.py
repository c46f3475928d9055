"""`turnout status`: what runs, at a glance."""

import time
from typing import cast

import click

from turnout.entrypoints.cli.calls import Socket
from turnout.entrypoints.cli.flags import Flags, with_flags
from turnout.entrypoints.cli.offline import NOBODY, reading, release_of, service_of
from turnout.entrypoints.cli.place import Place, place_of
from turnout.entrypoints.cli.terminal import answer, percent, say, short_time, spoken, table
from turnout.entrypoints.views import ReleaseView, ServiceView, seconds_since
from turnout.errors import BadInputError, ControllerUnreachableError

_HEAD = ("SERVICE", "ENV", "STABLE", "RELEASE", "PHASE", "WEIGHT", "SINCE", "NEXT")


@click.command("status", short_help="One line for each service, or one release in full.")
@click.argument("name", required=False, metavar="[SERVICE|RELEASE]")
@with_flags
def status_command(flags: Flags, name: str | None) -> None:
    """Show every service with its release under way; or one service or release in full."""
    place = place_of(flags)
    try:
        services, release = _asked(place, name)
    except ControllerUnreachableError:
        say(flags, NOBODY)
        services, release = _looked(place, name)
    if release is not None:
        answer(flags, "release", {"release": release}, _in_full(flags, release))
        return
    text = table(_HEAD, [_row(flags, one) for one in services]) if services else "no service yet"
    answer(flags, "status", {"services": services}, text)


def _asked(place: Place, name: str | None) -> tuple[list[ServiceView], ReleaseView | None]:
    controller = Socket(place.folder.socket)
    services = cast("list[ServiceView]", controller.get("/services")["items"])
    if name is None:
        return services, None
    found = [one for one in services if one["service"] == name]
    if found:
        return found, None
    return [], cast("ReleaseView", controller.get(f"/releases/{name}"))


def _looked(place: Place, name: str | None) -> tuple[list[ServiceView], ReleaseView | None]:
    with reading(place.folder) as store:
        services = [service_of(row) for row in store.status()]
        found = [one for one in services if name in {None, one["service"]}]
        if found or name is None:
            return found, None
        row = store.explain(name)
    if row is None:
        known = ", ".join(one["service"] for one in services)
        raise BadInputError(f"no service and no release is named `{name}`; services: {known}")
    return [], release_of(row)


def _row(flags: Flags, service: ServiceView) -> tuple[str, ...]:
    stable, release = service["stable"], service["release"]
    head = (service["service"], service["environment"], stable["version"] if stable else "-")
    if release is None:
        return (*head, "-", "down" if service["is_down"] else "-", "-", "-", "-")
    phase = f"{release['phase']} (paused)" if release["paused"] else release["phase"]
    since = short_time(seconds_since(release["since"], time.time()))
    weight = percent(release["weight"])
    return (*head, release["id"], phase, weight, since, _next(flags, release))


def _next(flags: Flags, release: ReleaseView) -> str:
    why = release.get("why")
    return spoken(flags, why) if why else "-"


def _in_full(flags: Flags, release: ReleaseView) -> str:
    weights = ", ".join(percent(step["weight"]) for step in release.get("steps", []))
    rows = [
        ("release", f"{release['id']}  {release['stable'] or '-'} -> {release['version']}"),
        ("environment", release["environment"]),
        ("phase", release["phase"] + (f", {release['outcome']}" if release["outcome"] else "")),
        ("paused", release["paused"] or ""),
        ("weight", f"{percent(release['weight'])}, step {release['step']}"),
        ("steps", weights),
        ("digest", release["digest"]),
        ("asked by", release["asked_by"] + (f": {release['reason']}" if release["reason"] else "")),
        ("began", release["began"]),
        ("now", _next(flags, release)),
    ]
    return "\n".join(f"{name:<12}{text}" for name, text in rows if text and text != "-")
