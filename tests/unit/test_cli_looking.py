"""Looking at releases through a controller in memory, also while it goes away."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from click.testing import Result

from tests.unit.api_stage import Stage, a_stage, run_program
from turnout.entrypoints.cli.calls import Body, Socket
from turnout.errors import ControllerUnreachableError


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "C.UTF-8")
    with a_stage(tmp_path) as stage:
        yield stage


def released(version: str = "v1") -> None:
    done = run_program("release", "shop", version, "--wait")
    assert done.exit_code == 0, done.output


def at_a_step(stage: Stage) -> None:
    """Bring shop to a release of v2 that stays at its first step."""
    released("v1")
    stage.judges.gate = False
    assert run_program("release", "shop", "v2").exit_code == 0
    for event in stage.socket.events("/api/v1/events?release=shop-2", None):
        if event.body.get("to_phase") == "watching":
            return


def body_of(done: Result) -> Body:
    return cast("Body", json.loads(done.stdout))


def test_status_shows_a_line_for_each_service(stage: Stage) -> None:
    at_a_step(stage)
    head, line = run_program("status").stdout.splitlines()
    assert head.split() == [
        "SERVICE",
        "ENV",
        "STABLE",
        "RELEASE",
        "PHASE",
        "WEIGHT",
        "SINCE",
        "NEXT",
    ]
    assert line.split()[:7] == ["shop", "local", "v1", "shop-2", "watching", "50", "%"]


def test_status_of_one_release_shows_it_in_full(stage: Stage) -> None:
    at_a_step(stage)
    text = run_program("status", "shop-2").stdout
    assert "v1 -> v2" in text
    assert "50 %, step 1" in text
    assert "sha256:" in text


def test_status_for_machines_has_the_fields_of_the_api(stage: Stage) -> None:
    released()
    told = body_of(run_program("status", "--json"))
    assert told["services"] == stage.socket.get("/services")["items"]


def test_status_of_an_unknown_name_is_bad_input(stage: Stage) -> None:
    assert stage.socket.lives()
    assert run_program("status", "shap").exit_code == 2


def test_every_decision_is_explained_with_its_sentence(stage: Stage) -> None:
    assert stage.socket.lives()
    released()
    text = run_program("explain", "shop-1").stdout
    assert text.startswith("shop-1  - -> v1  local  PROMOTED after")
    assert "v1 is ready" in text


def test_explained_decisions_are_told_to_machines(stage: Stage) -> None:
    assert stage.socket.lives()
    released()
    told = body_of(run_program("explain", "shop", "--json"))
    decisions = cast("list[Body]", told["decisions"])
    assert {"code", "en", "zh", "figures", "weight_to"} <= decisions[0].keys()


def test_watching_prints_a_line_for_each_event(stage: Stage) -> None:
    assert stage.socket.lives()
    released()
    lines = run_program("watch", "shop-1").stdout.splitlines()
    assert "started" in lines[0]
    assert "is stable" in lines[-1]


def test_watching_for_machines_prints_json_lines(stage: Stage) -> None:
    assert stage.socket.lives()
    released()
    lines = [
        json.loads(line) for line in run_program("watch", "shop-1", "--json").stdout.splitlines()
    ]
    assert {line["kind"] for line in lines} == {"event"}
    assert lines[-1]["code"] == "promoted"


# --- quarantine


def test_a_version_is_barred_and_freed_by_a_person(stage: Stage) -> None:
    assert stage.socket.lives()
    released("v1")
    released("v2")
    assert run_program("versions", "quarantine", "shop", "v1").exit_code == 0
    assert run_program("versions", "release-quarantine", "shop", "v1").exit_code == 2
    done = run_program("versions", "release-quarantine", "shop", "v1", "--reason", "mended")
    assert done.stdout == "v1 of shop is free again\n"


def test_the_stable_version_is_barred_only_with_a_yes(stage: Stage) -> None:
    assert stage.socket.lives()
    released("v1")
    assert run_program("versions", "quarantine", "shop", "v1").exit_code == 2
    assert run_program("versions", "quarantine", "shop", "v1", "--yes").exit_code == 0


@pytest.mark.parametrize("words", [("quarantine", "shop"), ("dance", "shop", "v1")])
def test_words_that_are_no_command_are_refused(stage: Stage, words: tuple[str, ...]) -> None:
    assert stage.socket.lives()
    assert run_program("versions", *words).exit_code == 2


# --- a controller that goes away


def test_a_controller_that_is_not_there_is_told_with_its_socket(tmp_path: Path) -> None:
    with pytest.raises(ControllerUnreachableError, match=r"none\.sock.*turnout serve"):
        Socket(tmp_path / "none.sock").get("/services")


def test_a_follower_connects_again_and_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done: list[Result] = []
    with a_stage(tmp_path) as first:
        at_a_step(first)
        watcher = threading.Thread(target=lambda: done.append(run_program("watch", "shop-2")))
        watcher.start()
        assert is_listened_to(first)
        kept = first.store

    def goes_on(stage: Stage) -> None:
        stage.store, stage.runtime, stage.router = kept, first.runtime, first.router

    with a_stage(tmp_path, goes_on):
        watcher.join(15)
    assert done[0].exit_code == 0
    assert done[0].stderr.count("does not answer") <= 1
    assert done[0].stdout.count("shop-2 started") == done[0].stdout.count("v2 is stable") == 1


def is_listened_to(stage: Stage) -> bool:
    last_s = time.monotonic() + 10
    while not stage.news.listening and time.monotonic() < last_s:
        threading.Event().wait(0.01)
    return stage.news.listening > 0
