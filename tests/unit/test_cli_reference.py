"""The page of the commands, and the words that people read, follow the commands."""

from pathlib import Path

import click
import pytest

from turnout.entrypoints.cli.main import GROUPS, program
from turnout.entrypoints.cli.reference import commands_page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
NAMES = [name for group in GROUPS.values() for name in group]


def test_the_page_of_the_commands_is_what_they_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == commands_page()


@pytest.mark.parametrize("name", NAMES)
def test_every_flag_says_what_it_is_for(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    assert command is not None
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_every_exit_code_is_told_once() -> None:
    page = commands_page()
    for code in (0, 1, 2, 3, 4, 5, 6, 10, 130):
        assert page.count(f"\n| {code} | ") == 1
