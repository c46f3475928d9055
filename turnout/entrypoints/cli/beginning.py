"""`turnout demo`, `init` and `check`: the first minutes."""

from pathlib import Path
from typing import TypedDict, Unpack

import click

from turnout.entrypoints.cli.ending import BAD_INPUT, LeaveError
from turnout.entrypoints.cli.flags import Flags, with_flags
from turnout.entrypoints.cli.place import FILE, place_of
from turnout.entrypoints.cli.terminal import answer, say
from turnout.errors import BadInputError


class _Demo(TypedDict):
    fast: bool
    keep: bool
    port: int | None


@click.command("demo", short_help="A good, a bad and a slow version, told in real parts.")
@click.option("--fast", is_flag=True, help="At most 90 seconds of story.")
@click.option("--keep", is_flag=True, help="Leave the folder where it is, to look around.")
@click.option("--port", type=int, help="Where users come in; else a free port.")
@with_flags
def demo_command(flags: Flags, **asked: Unpack[_Demo]) -> None:
    """Play a good, a bad and a slow version of a model on this machine, in real parts."""
    from turnout.entrypoints.demo import Options, play

    options = Options(
        fast=asked["fast"], keep=asked["keep"], port=asked["port"], as_json=flags.as_json
    )
    code = play(options)
    if code:
        raise LeaveError(code)


@click.command("init", short_help="Write a first turnout.yaml by looking at the folder.")
@click.option("--example", type=click.Choice(["tiny", "guard"]), help="Write an example instead.")
@with_flags
def init_command(flags: Flags, example: str | None) -> None:
    """Write a first turnout.yaml here, and say what was guessed from what."""
    from turnout.entrypoints.cli.guessing import example_text, guess

    target = (flags.file or Path(FILE)).absolute()
    if target.exists():
        raise BadInputError(f"`{target.name}` is there already; it is not touched")
    if example is not None:
        text, because = example_text(example), [f"the example {example}"]
    else:
        text, because = guess(target.parent)
    target.write_text(text, encoding="utf-8")
    for line in because:
        say(flags, f"from {line}")
    body = {"file": str(target), "from": because}
    answer(flags, "init", body, f"{target.name} is written. Next: turnout check")


@click.command("check", short_help="Say all mistakes of a release file at once.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    help="How mistakes are printed.",
)
@with_flags
def check_command(flags: Flags, files: tuple[Path, ...], form: str) -> None:
    """Say all mistakes of release files, with their places and the way out."""
    from turnout.entrypoints.release_file import Form, load

    shown = Form.JSON if flags.as_json else Form(form)
    is_wrong = False
    for file in files or (place_of(flags).file,):
        if not file.exists():
            raise BadInputError(f"there is no file `{file}`")
        loaded = load(file, flags.environment)
        is_wrong = is_wrong or bool(loaded.mistakes)
        click.echo(loaded.printed(shown))
    if is_wrong:
        raise LeaveError(BAD_INPUT)
