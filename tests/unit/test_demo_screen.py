"""The story on a terminal, in a file, and as JSON."""

import json
import re
from io import StringIO

import pytest
from rich.console import Console

from turnout.entrypoints.demo.crowd import Count
from turnout.entrypoints.demo.lines import line_of
from turnout.entrypoints.demo.screen import Screen

LONG = (
    "latency.p90 is worse: 64.2 ms -> 152 ms, +137 % [+13.9 %, +100 %], limit +20 %, after 298 "
    "requests. 298 users' requests met v1.3. v1.3 is quarantined until a person clears it."
)


def on_terminal(width: int, *, color: bool = False) -> tuple[Screen, StringIO]:
    written = StringIO()
    console = Console(
        file=written,
        force_terminal=True,
        width=width,
        color_system="standard" if color else None,
        highlight=False,
    )
    return Screen(as_json=False, console=console), written


def in_file() -> tuple[Screen, StringIO]:
    written = StringIO()
    return Screen(as_json=False, console=Console(file=written, highlight=False)), written


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_long_sentence_hangs_under_its_beginning(width: int) -> None:
    screen, written = on_terminal(width)
    screen.event("line", LONG)
    first, *others = written.getvalue().splitlines()
    assert re.match(r" {3}0 s {2}latency", first)
    assert others
    assert all(len(line) <= width for line in [first, *others])
    assert all(re.match(r" {8}\S", line) for line in others)


@pytest.mark.parametrize("width", range(50, 100, 7))
def test_a_number_is_never_parted_from_its_unit(width: int) -> None:
    screen, written = on_terminal(width)
    screen.event("line", LONG)
    assert not re.search(r"^ *(?:%|ms)", written.getvalue(), re.MULTILINE)
    assert " ".join(written.getvalue().split()[2:]) == LONG


def test_a_file_gets_each_sentence_on_one_plain_line() -> None:
    screen, written = in_file()
    with screen:
        screen.figures(Count(sent=1), "v1.1")
        screen.event("kill", LONG)
    assert written.getvalue() == f"   0 s  {LONG}\n"


def test_a_command_stands_apart_and_looks_as_it_is_typed() -> None:
    screen, written = in_file()
    screen.event("command", "turnout release guard v1.1 --wait")
    assert written.getvalue() == "\n   0 s  $ turnout release guard v1.1 --wait\n"


def test_what_is_told_again_keeps_the_time_of_day_that_it_had() -> None:
    screen, written = in_file()
    screen.passage(line_of("  01:02:03  v1.3 is refused before any user: nothing."))
    assert written.getvalue() == "        01:02:03  v1.3 is refused before any user: nothing.\n"


def test_people_are_not_shown_what_the_story_leaves_out() -> None:
    screen, written = in_file()
    for show in (screen.line, screen.passage):
        show(line_of("01:02:03  v1.1 is ready after 1.4 s."))
    assert not written.getvalue()


def test_a_machine_is_told_everything(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    for show in (screen.line, screen.passage):
        show(line_of("01:02:03  v1.1 is ready after 1.4 s."))
    screen.event("kill", "dead", streams=3)
    screen.result({"lost": 0}, [])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["kind"] for one in told] == ["demo.event"] * 3 + ["demo.result"]
    assert [one.get("code") for one in told[:2]] == ["ready", "ready"]
    assert (told[2]["event"], told[2]["streams"], told[3]["lost"]) == ("kill", 3, 0)
    assert all(one["turnout"] == 1 for one in told)


def test_the_live_figures_stay_on_one_line_of_the_terminal() -> None:
    screen, written = on_terminal(60)
    versions = {"v1.0": 3313, "v1.1": 1261, "v1.2": 10, "v1.3": 1000}
    with screen:
        screen.figures(Count(sent=5584, versions=versions), "v1.3")
    shown = [line for line in written.getvalue().splitlines() if "5 584 requests" in line]
    assert shown
    assert "0 lost, 0 cut" in shown[-1]


def test_the_end_is_a_table_that_a_narrow_terminal_holds() -> None:
    screen, written = on_terminal(80)
    screen.result({}, [("requests sent", "10"), ("", ""), ("a", LONG)])
    lines = written.getvalue().splitlines()
    assert lines[:3] == ["", "        requests sent  10", ""]
    assert lines[3].startswith("        a              latency")
    assert all(len(line) <= 80 for line in lines)


def test_nothing_is_said_by_a_colour_alone() -> None:
    plain, without = on_terminal(80)
    coloured, with_color = on_terminal(80, color=True)
    for screen in (plain, coloured):
        screen.event("outcome", "v1.3 is rolled back")
        screen.event("kill", "the controller is dead")
    assert "\x1b[" in with_color.getvalue()
    assert re.sub(r"\x1b\[[\d;]*m", "", with_color.getvalue()) == without.getvalue()
