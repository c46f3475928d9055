"""`turnout pause`, `resume`, `promote` and `abort`: a person's word to a release under way."""

from typing import TYPE_CHECKING, cast
from urllib.parse import quote

import click

from turnout.entrypoints.cli.asking import Post, post, release_name
from turnout.entrypoints.cli.flags import Flags, with_flags
from turnout.entrypoints.cli.place import place_of
from turnout.entrypoints.cli.starting import controller
from turnout.entrypoints.cli.terminal import answer, percent

if TYPE_CHECKING:
    from turnout.entrypoints.views import ReleaseView

_NAME = click.argument("name", required=False, metavar="[RELEASE|SERVICE]")
_REASON = click.option("--reason", default="", help="Why; kept, and shown to everybody.")


@click.command("pause", short_help="Stop a release where it is; breakage still undoes it.")
@_NAME
@_REASON
@with_flags
def pause_command(flags: Flags, name: str | None, reason: str) -> None:
    """Stop a release at its weight until `turnout resume`; breakage still undoes it."""
    _give(flags, name, "pause", {"reason": reason})


@click.command("resume", short_help="Let a paused release go on.")
@_NAME
@_REASON
@with_flags
def resume_command(flags: Flags, name: str | None, reason: str) -> None:
    """Let a paused release go on; its patience begins anew."""
    _give(flags, name, "resume", {"reason": reason})


@click.command("promote", short_help="Make the candidate stable without waiting longer.")
@_NAME
@_REASON
@click.option("--force", is_flag=True, help="Overrule the judgement until the end; with a reason.")
@with_flags
def promote_command(flags: Flags, name: str | None, reason: str, force: bool) -> None:  # noqa: FBT001 - as click calls it
    """Make the candidate stable without waiting longer; it is judged on, unless forced."""
    if force and not reason:
        raise click.UsageError("a forced promotion needs its reason: --reason TEXT")
    _give(flags, name, "promote", {"reason": reason, "force": force})


@click.command("abort", short_help="Send all users back to the stable version.")
@_NAME
@_REASON
@with_flags
def abort_command(flags: Flags, name: str | None, reason: str) -> None:
    """End a release and send all users back to the stable version; never asks."""
    _give(flags, name, "abort", {"reason": reason})


def _give(flags: Flags, name: str | None, verb: str, body: dict[str, object]) -> None:
    known = controller(flags, place_of(flags))
    target = release_name(known, name)
    told = post(flags, known, Post(f"/releases/{quote(target)}/{verb}", body))
    release = cast("ReleaseView", told)
    where = f"{release['phase']}, {percent(release['weight'])}"
    text = f"{release['id']} ({release['version']}, {where}): {verb} is given"
    answer(flags, verb, {"release": release}, text)
