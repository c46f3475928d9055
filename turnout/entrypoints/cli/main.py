"""The program: finds a command by its name, and turns every end into an exit code."""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

import click

from turnout.entrypoints.cli.ending import exit_code_of


class Entry(NamedTuple):
    """A command: the module that holds it, and its line in the help."""

    module: str
    line: str


GROUPS: Mapping[str, Mapping[str, Entry]] = {
    "Start": {
        "demo": Entry("beginning", "A good, a bad and a slow version, told in real parts."),
        "init": Entry("beginning", "Write a first turnout.yaml by looking at the folder."),
        "check": Entry("beginning", "Say all mistakes of a release file at once."),
    },
    "Release": {
        "plan": Entry("planning", "Show what a release would do; change nothing."),
        "release": Entry("releasing", "Release a version of a service."),
        "rollback": Entry("releasing", "Return to the version before."),
        "promote": Entry("commanding", "Make the candidate stable without waiting longer."),
        "pause": Entry("commanding", "Stop a release where it is; breakage still undoes it."),
        "resume": Entry("commanding", "Let a paused release go on."),
        "abort": Entry("commanding", "Send all users back to the stable version."),
    },
    "Look": {
        "status": Entry("status", "One line for each service, or one release in full."),
        "watch": Entry("watching", "Show a release live; leave with its end."),
        "explain": Entry("explaining", "Every decision of a release, or a mistake by its code."),
        "history": Entry("explaining", "Releases, how they ended, how long they took."),
        "versions": Entry("cataloguing", "The catalogue of versions, and what is quarantined."),
        "logs": Entry("logs", "What instances and the controller wrote."),
    },
    "Run": {
        "serve": Entry("running", "Run the controller of a folder."),
        "gateway": Entry("running", "Run the gateway daemon of a folder."),
        "down": Entry("running", "Drain and end everything that runs for a folder."),
    },
}
_ALL = {name: entry for group in GROUPS.values() for name, entry in group.items()}


class Verbs(click.Group):
    """Commands that are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List all names, in the order of the help."""
        del ctx
        return list(_ALL)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        entry = _ALL.get(cmd_name)
        if entry is None:
            return None
        module = import_module(f"turnout.entrypoints.cli.{entry.module}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by what they are for."""
        del ctx
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.line) for name, entry in group.items()])


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - the form that click calls
    if wanted:
        from importlib.metadata import version

        click.echo(f"turnout {version('turnout')}")
        ctx.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and leave.",
)
def program() -> None:
    """Release model and LLM services step by step, judged on live evidence."""


def run() -> None:
    """Run the program and leave with its exit code."""
    try:
        program.main(standalone_mode=False)
    except BaseException as error:  # noqa: BLE001 - a border: every end becomes a code and a sentence
        sys.exit(exit_code_of(error))
