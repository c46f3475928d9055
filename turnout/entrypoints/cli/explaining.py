"""`turnout explain` and `turnout history`: what happened, and why."""

import csv
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

import click

from turnout.entrypoints.cli.calls import Body, Socket
from turnout.entrypoints.cli.flags import Flags, with_flags
from turnout.entrypoints.cli.offline import NOBODY, reading, release_of
from turnout.entrypoints.cli.place import Place, place_of
from turnout.entrypoints.cli.terminal import answer, say, short_time, spoken, table
from turnout.entrypoints.views import ReleaseView, Sentences
from turnout.errors import ControllerUnreachableError

if TYPE_CHECKING:
    from turnout.entrypoints.telling import DecisionView

_CODE = re.compile(r"[TW]\d{3}", re.IGNORECASE)
_HISTORY = ("RELEASE", "VERSION", "ENDED AS", "LENGTH", "BEGAN", "ASKED BY")
_MOST = 1000


@click.command("explain", short_help="Every decision of a release, or a mistake by its code.")
@click.argument("name", metavar="RELEASE|SERVICE|CODE")
@with_flags
def explain_command(flags: Flags, name: str) -> None:
    """Tell every decision of a release with its figures; or a mistake, by its code."""
    if _CODE.fullmatch(name):
        from turnout.entrypoints.release_file.codes import explained

        text = explained(name)
        answer(flags, "mistake", {"code": name.upper(), "text": text}, text.rstrip())
        return
    place = place_of(flags)
    try:
        controller = Socket(place.folder.socket)
        release = cast("ReleaseView", controller.get(f"/releases/{quote(name)}"))
        told = controller.get(f"/releases/{release['id']}/decisions")
    except ControllerUnreachableError:
        say(flags, NOBODY)
        release, told = _looked(place, name)
    body = {"release": release, "began": told["began"], "decisions": told["items"]}
    answer(flags, "explain", body, _explained(flags, release, told))


@click.command("history", short_help="Releases, how they ended, how long they took.")
@click.argument("service", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv"]),
    default="text",
    help="How the list is printed.",
)
@with_flags
def history_command(flags: Flags, service: str | None, form: str) -> None:
    """List releases, the newest first."""
    place = place_of(flags)
    with reading(place.folder) as store:
        releases = [release_of(row) for row in store.history(service)]
    rows = [_history_row(one) for one in releases]
    write = _csv if form == "csv" else _table
    answer(flags, "history", {"releases": releases}, write(rows))


def _looked(place: Place, name: str) -> tuple[ReleaseView, Body]:
    import asyncio

    from turnout.bootstrap import recorded
    from turnout.entrypoints.telling import began, decision_told, told

    release, decisions = asyncio.run(recorded(place.folder, name))
    items = [decision_told(one, release) for one in decisions]
    view = told(release, decisions[-1] if decisions else None)
    return view, {"items": items, "began": began(release)}


def _explained(flags: Flags, release: ReleaseView, told: Body) -> str:
    from turnout.entrypoints.cli.lines import local_time

    began, decisions = cast("Sentences", told["began"]), cast("list[DecisionView]", told["items"])
    lines = [_head(release), "", f"  {local_time(release['began'])}  {spoken(flags, began)}"]
    lines += [f"  {local_time(one['at'])}  {spoken(flags, one)}" for one in decisions]
    why = release.get("why")
    if why is not None and why["code"].startswith("held."):
        lines.append(f"  now       {spoken(flags, why)}")
    return "\n".join(lines)


def _head(release: ReleaseView) -> str:
    ended = (release["outcome"] or release["phase"]).replace("_", " ").upper()
    length = short_time(release["length_s"])
    way = f"{release['stable'] or '-'} -> {release['version']}"
    return f"{release['id']}  {way}  {release['environment']}  {ended} after {length}"


def _history_row(release: ReleaseView) -> tuple[str, ...]:
    return (
        release["id"],
        release["version"],
        (release["outcome"] or release["phase"]).replace("_", " "),
        short_time(release["length_s"]),
        release["began"][:19].replace("T", " "),
        release["asked_by"],
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    return table(_HISTORY, rows) if rows else "no release yet"


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HISTORY)
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")
