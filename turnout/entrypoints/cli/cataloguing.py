"""`turnout versions`: the catalogue, and a person's word on single versions."""

from urllib.parse import quote

import click

from turnout.entrypoints.cli.asking import Post, post
from turnout.entrypoints.cli.ending import BAD_INPUT, LeaveError
from turnout.entrypoints.cli.flags import Flags, with_flags
from turnout.entrypoints.cli.offline import reading
from turnout.entrypoints.cli.place import Place, place_of
from turnout.entrypoints.cli.starting import controller
from turnout.entrypoints.cli.terminal import answer, table
from turnout.errors import BadInputError

_HEAD = ("SERVICE", "VERSION", "STATUS", "DIGEST", "RELEASE", "QUARANTINED BECAUSE")
_VERBS = ("quarantine", "release-quarantine")
_SHORT = 19


@click.command("versions", short_help="The catalogue of versions, and what is quarantined.")
@click.argument(
    "words", nargs=-1, metavar="[SERVICE] | quarantine|release-quarantine SERVICE VERSION"
)
@click.option("--reason", default="", help="Why; kept, and shown to everybody.")
@with_flags
def versions_command(flags: Flags, words: tuple[str, ...], reason: str) -> None:
    """List all versions; put one into quarantine, or take it out again."""
    place = place_of(flags)
    if words and words[0] in _VERBS:
        if len(words) != 3:  # noqa: PLR2004 - verb, service, version
            raise click.UsageError(f"name it: turnout versions {words[0]} SERVICE VERSION")
        _give(flags, place, (words[0], words[1], words[2]), reason)
        return
    if len(words) > 1:
        raise BadInputError(f"`{words[0]}` is neither {' nor '.join(_VERBS)}")
    _list(flags, place, words[0] if words else None)


def _list(flags: Flags, place: Place, service: str | None) -> None:
    with reading(place.folder) as store:
        rows = store.versions(service)
    shown = [
        (
            str(row["service"]),
            str(row["version"]),
            "quarantined" if row["quarantined"] is not None else str(row["status"]),
            str(row["digest"])[:_SHORT],
            str(row["release"]) or "-",
            str(row["quarantined"] or ""),
        )
        for row in rows
    ]
    answer(flags, "versions", {"versions": rows}, table(_HEAD, shown) if shown else "no version")


def _give(flags: Flags, place: Place, words: tuple[str, str, str], reason: str) -> None:
    verb, service, version = words
    if verb == "release-quarantine" and not reason:
        raise click.UsageError("taking a version out of quarantine needs a reason: --reason TEXT")
    known = controller(flags, place)
    stable = known.get(f"/services/{quote(service)}")["stable"]
    is_stable = isinstance(stable, dict) and stable.get("version") == version
    if verb == "quarantine" and is_stable and not _agreed(flags, service, version):
        raise LeaveError(BAD_INPUT, "nothing was changed")
    target = f"/services/{quote(service)}/versions/{quote(version)}/{verb}"
    told = post(flags, known, Post(target, {"reason": reason}))
    done = "is in quarantine" if verb == "quarantine" else "is free again"
    answer(flags, verb, told, f"{version} of {service} {done}")


def _agreed(flags: Flags, service: str, version: str) -> bool:
    text = f"{version} serves all users of {service}; it runs on, and cannot be released again"
    if flags.yes:
        return True
    if not flags.asks:
        raise LeaveError(BAD_INPUT, f"error: {text}. Nothing was changed; `--yes` does it")
    return click.confirm(f"{text}. Go on?", err=True)
