"""`turnout watch`: a release live, in place on a terminal, line by line elsewhere."""

import click

from turnout.entrypoints.cli.asking import release_name
from turnout.entrypoints.cli.ending import DONE, LeaveError
from turnout.entrypoints.cli.flags import Flags, with_flags
from turnout.entrypoints.cli.following import Until, follow
from turnout.entrypoints.cli.lines import Lines
from turnout.entrypoints.cli.place import place_of
from turnout.entrypoints.cli.starting import controller


@click.command("watch", short_help="Show a release live; leave with its end.")
@click.argument("name", required=False, metavar="[RELEASE|SERVICE]")
@with_flags
def watch_command(flags: Flags, name: str | None) -> None:
    """Show a release until baking begins or it has ended; Ctrl-C leaves it running."""
    known = controller(flags, place_of(flags))
    release = known.get(f"/releases/{release_name(known, name)}")
    release_id = str(release["id"])
    if flags.color and not flags.as_json:
        from turnout.entrypoints.cli.live import Live

        with Live(flags) as live:
            code = follow(flags, known, release_id, Until(), live.show)
    else:
        code = follow(flags, known, release_id, Until(), Lines(flags, as_stream=True).show)
    if code != DONE:
        raise LeaveError(code)
