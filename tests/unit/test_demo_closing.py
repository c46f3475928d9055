"""How a demonstration ended: right only when all went as told and nothing was lost."""

from pathlib import Path

import pytest

from turnout.entrypoints.demo.closing import STORY, Result, Told, commands_for, next_steps
from turnout.entrypoints.demo.crowd import Count

COUNT = Count(sent=11_903, streams=5924, versions={"v1.0": 11_903})


def told(version: str, outcome: str, because: str = "") -> Told:
    number = 1 + ["v1.0", *STORY].index(version)
    return Told(
        release=f"guard-{number}",
        version=version,
        outcome=outcome,
        because=because or outcome,
        exposed=309,
    )


def result(count: Count = COUNT, kills: int = 1, **changed: str) -> Result:
    releases = [told(v, changed.get(v.replace(".", "_"), outcome)) for v, outcome in STORY.items()]
    return Result(count=count, kills=kills, releases=releases)


def test_a_story_that_went_as_told_is_right() -> None:
    assert result().is_as_told


@pytest.mark.parametrize(
    "wrong",
    [
        result(v1_1="rolled_back"),
        result(v1_2="promoted"),
        result(v1_3="promoted"),
        result(Count(sent=10, lost=1)),
        result(Count(sent=10, cut=1)),
    ],
    ids=["good undone", "bad promoted", "slow promoted", "lost", "cut"],
)
def test_any_other_end_is_not_right(wrong: Result) -> None:
    assert not wrong.is_as_told


def test_the_last_object_holds_counts_and_every_release() -> None:
    line = result().line
    assert (line["requests"], line["streams"], line["lost"], line["cut"]) == (11_903, 5924, 0, 0)
    assert line["controller_kills"] == 1
    assert isinstance(line["releases"], list)
    assert line["releases"][2] == {
        "version": "v1.3",
        "outcome": "rolled_back",
        "because": "rolled_back",
        "exposed": 309,
        "release": "guard-4",
    }


def test_the_closing_table_names_counts_and_outcomes() -> None:
    assert [text for _, text in result().rows] == [
        "11 903, 5 924 of them streams",
        "0",
        "0",
        "once",
        "promoted; 309 requests met it",
        "refused; 309 requests met it",
        "rolled back; 309 requests met it",
    ]


def test_the_closing_table_says_why_requests_were_lost() -> None:
    count = Count(sent=10, lost=3, reasons={"connection refused": 3})
    assert ("requests lost", "3 (connection refused: 3)") in result(count).rows


def test_the_closing_table_says_why_a_version_went_back() -> None:
    one = Result(count=COUNT, kills=0, releases=[told("v1.3", "rolled_back", "worse")])
    assert ("v1.3", "rolled back (worse); 309 requests met it") in one.rows
    assert ("controller killed", "0 times") in one.rows


def test_a_kept_folder_comes_with_three_commands(tmp_path: Path) -> None:
    commands = commands_for(tmp_path, result().releases)
    assert commands == [f"cd {tmp_path}", "turnout history guard", "turnout explain guard-4"]
    assert commands_for(tmp_path, [])[-1] == "turnout explain guard-1"


def test_a_demonstration_names_what_to_try_next() -> None:
    assert sum(name.startswith("turnout ") for name, _ in next_steps()) == 3
