"""The demonstration as a person starts it: its order, its outcomes, its counts, its end."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from turnout.entrypoints.demo.stage import Stage
from turnout.testing.census import Census, census_of, left_of
from turnout.testing.demo_stage import (
    DemoStage,
    Event,
    exposed_of,
    number,
    outcomes_of,
    typed,
)
from turnout.testing.gateway_stage import free_port

# The first test waits for all of the story.
pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]
BIN = Path(sys.executable).parent
WHOLE = "whole.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    root: Path
    port: int
    events: list[Event]
    result: Event
    exit_code: int | None
    plans: Mapping[str, Event]
    seen: Census
    left: list[str]

    def event(self, name: str, text: str = "") -> Event:
        found = (e for e in self.events if e.get("event") == name)
        return next(e for e in found if str(e["text"]).startswith(text))

    def lines(self, release: str) -> list[str]:
        names = [f"{e.get('event')} {e['text']}" for e in self.events if "event" in e]
        first = next(at for at, text in enumerate(names) if text.endswith(release))
        last = next(at for at in range(first, len(names)) if names[at].startswith("outcome"))
        return [str(e["text"]) for e in self.events[first:last]]


async def run(folder: Path, *words: str) -> str:
    child = await asyncio.create_subprocess_exec(
        str(BIN / "turnout"), *words, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        said, _ = await child.communicate()
    assert child.returncode == 0, words
    return said.decode()


async def plans_of(demo: DemoStage, port: int) -> Mapping[str, Event]:
    """Ask the demonstration's own folder, under its users, what each step needs."""
    other = demo.place / "other"
    Stage(root=other, port=port).lay(fast=False)
    (demo.root / WHOLE).write_bytes((other / "turnout.yaml").read_bytes())
    plans = {}
    for file in ("turnout.yaml", WHOLE):
        said = await run(demo.root, "plan", "guard", "v1.1", "--json", "--file", file)
        plans[file] = json.loads(said)
    return plans


async def story(place: Path) -> Told:
    port = free_port()
    async with typed(place, "--fast", "--keep", "--port", str(port)) as demo:
        await demo.until("line", "50 % of the requests go to v1.1")
        plans = await plans_of(demo, port)
        await demo.until("restart")
        seen = census_of(demo.root)
        result = await demo.result()
        return Told(
            root=demo.root,
            port=port,
            events=demo.events,
            result=result,
            exit_code=demo.child.returncode,
            plans=plans,
            seen=seen,
            left=left_of(seen),
        )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return asyncio.run(story(tmp_path_factory.mktemp("d")))


def test_the_demonstration_ends_as_it_should(told: Told) -> None:
    assert told.exit_code == 0
    assert told.result["kind"] == "demo.result"
    assert all(event["turnout"] == 1 for event in told.events)


def test_the_fast_demonstration_is_over_within_two_minutes(told: Told) -> None:
    last = told.events[-2]["after_s"]
    assert isinstance(last, float)
    assert 30 < last < 120


def test_the_first_decision_is_on_the_screen_within_half_a_minute(told: Told) -> None:
    first = next(e for e in told.events if e.get("code") in {"prepared", "ready", "promoted"})
    assert isinstance(first["after_s"], float)
    assert first["after_s"] < 30


def test_the_events_come_in_the_order_of_the_story(told: Told) -> None:
    told_of = [
        " ".join([str(e["event"]), str(e.get("version", ""))]).strip()
        if e["event"] != "command"
        else " ".join(str(e["text"]).split()[1:4])
        for e in told.events
        if e.get("event") not in {None, "line"}
    ]
    assert told_of == [
        *("begun", "trained", "release guard v1.0", "users"),
        *("release guard v1.1", "kill", "restart", "outcome v1.1"),
        *("release guard v1.2", "outcome v1.2", "release guard v1.3", "outcome v1.3"),
        *("explain guard-4", "kept"),
    ]


def test_the_three_versions_end_exactly_as_told(told: Told) -> None:
    expected = {"v1.1": "promoted", "v1.2": "refused", "v1.3": "rolled_back"}
    assert outcomes_of(told.result) == expected
    assert list(outcomes_of(told.result)) == list(expected)


def test_no_request_is_lost_and_no_stream_cut_by_the_users_own_count(told: Told) -> None:
    assert (told.result["lost"], told.result["cut"], told.result["reasons"]) == (0, 0, {})


def test_every_request_of_the_users_is_in_the_count(told: Told) -> None:
    requests, versions = number(told.result, "requests"), told.result["versions"]
    assert isinstance(versions, dict)
    assert requests > 200 * 30
    assert sum(versions.values()) == requests
    assert 0.45 < number(told.result, "streams") / requests < 0.55


def test_the_controller_is_killed_once_while_users_stream_from_the_candidate(told: Told) -> None:
    kill, restart = told.event("kill"), told.event("restart")
    assert told.result["controller_kills"] == 1
    assert (kill["phase"], kill["release"], kill["weight"]) == ("watching", "guard-2", 0.5)
    assert number(restart, "streams") > 0


def test_every_stream_under_way_at_the_kill_comes_to_its_end(told: Told) -> None:
    restart = told.event("restart")
    assert restart["whole"] == restart["streams"]


def test_the_next_controller_has_a_newer_epoch_and_the_same_step(told: Told) -> None:
    kill, restart = told.event("kill"), told.event("restart")
    assert number(restart, "epoch") == number(kill, "epoch") + 1
    same = ("release", "phase", "step", "weight")
    assert [restart[name] for name in same] == [kill[name] for name in same]


def test_no_decision_is_lost_or_taken_again_by_the_kill(told: Told) -> None:
    kill, restart = told.event("kill"), told.event("restart")
    assert 0 <= number(restart, "edition") - number(kill, "edition") <= 1
    lines = told.lines("release guard v1.1 --wait")
    assert sum(line.startswith("Step 1 of 2 at 50 % is passed.") for line in lines) == 1
    assert sum(line.startswith("v1.1 is ready") for line in lines) == 1


def test_only_what_was_found_bad_by_its_users_has_met_users(told: Told) -> None:
    exposed = exposed_of(told.result)
    assert exposed["v1.2"] == 0
    assert 0 < exposed["v1.3"] < exposed["v1.1"]
    assert exposed["v1.1"] > 200 * 0.5 * 20


def test_the_mislabelled_version_is_refused_for_its_jailbreak_rows(told: Told) -> None:
    text = " ".join(told.lines("release guard v1.2 --wait"))
    assert "v1.2 is refused before any user" in text
    assert "slice.jailbreak.recall.unsafe is 0 %" in text


def test_the_slow_version_passes_every_check_and_is_worse_for_users(told: Told) -> None:
    text = " ".join(told.lines("release guard v1.3 --wait"))
    assert text.index("Verified: levels") < text.index("Rolled back to v1.1 from 50 %.")
    assert " is worse: " in text


def test_the_rollback_is_explained_at_the_end(told: Told) -> None:
    at = told.events.index(told.event("command", "turnout explain guard-4"))
    explained = [str(e["text"]) for e in told.events[at:-2]]
    assert explained[1].startswith("guard-4  v1.1 -> v1.3")
    assert any(line.startswith("Rolled back to v1.1 from 50 %.") for line in explained)


@pytest.mark.parametrize("file", ["turnout.yaml", WHOLE], ids=["fast", "whole"])
def test_every_step_can_be_decided_in_its_time(told: Told, file: str) -> None:
    steps = told.plans[file]["steps"]
    assert isinstance(steps, list)
    compared = [step for step in steps if step["weight"] < 1]
    for step in compared:
        rate_rps = 200 * step["weight"]
        needed = [need["requests"] for need in step["needs"]]
        assert len(needed) == 4
        assert max(needed) < rate_rps * step["hold_s"]
        assert step["seconds_s"] == step["hold_s"]
    assert [step["weight"] for step in compared] == ([0.5] if file != WHOLE else [0.1, 0.5])


def test_a_whole_stack_of_real_parts_was_running(told: Told) -> None:
    commands = " ".join(told.seen.commands.values())
    for part in ("serve --folder", "turnout.gateway", "envoy", "serve.py", "turnout.testing.users"):
        assert part in commands
    assert told.port in told.seen.ports
    assert len(told.seen.ports) >= 3


def test_nothing_is_left_running_afterwards(told: Told) -> None:
    assert told.left == []


def test_a_kept_folder_answers_the_commands_that_are_named(told: Told) -> None:
    commands = told.event("kept")["commands"]
    assert isinstance(commands, list)
    assert commands[0] == f"cd {told.root}"
    said = [
        subprocess.run(
            [BIN / command.split()[0], *command.split()[1:]],
            cwd=told.root,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        ).stdout
        for command in commands[1:]
    ]
    assert "guard-4" in said[0]
    assert "Rolled back" in said[1]


def test_a_kept_folder_holds_the_release_file_to_edit(told: Told) -> None:
    assert f"route: {told.port}" in (told.root / "turnout.yaml").read_text(encoding="utf-8")
