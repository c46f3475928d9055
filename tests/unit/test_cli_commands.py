"""Commands against a controller in memory: what they print, and how they end."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from click.testing import Result

from tests.unit.api_stage import Stage, a_stage, run_program
from turnout.entrypoints.cli.calls import Body
from turnout.entrypoints.cli.ending import UNFINISHED


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "C.UTF-8")
    with a_stage(tmp_path) as stage:
        yield stage


def released(version: str = "v1", *more: str) -> Result:
    done = run_program("release", "shop", version, "--wait", *more)
    assert done.exit_code == 0, done.output
    return done


def at_a_step(stage: Stage) -> None:
    """Bring shop to a release of v2 that stays at its first step."""
    released("v1")
    stage.judges.gate = False
    assert run_program("release", "shop", "v2").exit_code == 0
    watched("shop-2", stage)


def watched(name: str, stage: Stage, phase: str = "watching") -> None:
    for event in stage.socket.events(f"/api/v1/events?release={name}", None):
        if event.body.get("to_phase") == phase:
            return


def body_of(done: Result) -> Body:
    return cast("Body", json.loads(done.stdout))


def test_a_release_is_followed_until_it_is_stable(stage: Stage) -> None:
    done = released()
    assert done.stdout == "shop-1: promoted; users are on v1\n"
    assert "v1 is stable" in done.stderr
    assert stage.faults == []


def test_a_release_without_waiting_says_how_to_watch_it(stage: Stage) -> None:
    done = run_program("release", "shop", "v1")
    assert (done.exit_code, done.stdout) == (
        0,
        "shop-1 is under way: turnout watch shop-1\n",
    )
    assert stage.socket.lives()


def test_sentences_come_in_chinese_when_asked_for(stage: Stage) -> None:
    assert stage.socket.lives()
    done = released("v1", "--lang", "zh")
    assert "v1 已成为稳定版本" in done.stderr


def test_the_language_of_the_system_is_taken(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stage.socket.lives()
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "稳定版本" in released().stderr


def test_json_prints_one_object_and_nothing_else(stage: Stage) -> None:
    assert stage.socket.lives()
    done = released("v1", "--json")
    told = body_of(done)
    assert (told["turnout"], told["kind"]) == (1, "release")
    assert cast("Body", told["release"])["outcome"] == "promoted"


def test_quiet_prints_the_result_alone(stage: Stage) -> None:
    assert stage.socket.lives()
    done = released("v1", "--quiet")
    assert done.stderr == ""


def test_a_stable_version_has_nothing_to_do(stage: Stage) -> None:
    assert stage.socket.lives()
    released()
    done = run_program("release", "shop", "v1", "--wait")
    assert (done.exit_code, done.stdout) == (0, "shop serves v1 already; nothing to do\n")


def test_a_worse_version_ends_with_three(stage: Stage) -> None:
    released()
    stage.judges.worse = True
    done = run_program("release", "shop", "v2", "--wait")
    assert done.exit_code == 3
    assert "Rolled back to v1" in done.stderr
    assert done.stdout == "shop-2: worse; users are on v1\n"


def test_a_version_that_was_rolled_back_is_refused_with_four(stage: Stage) -> None:
    released()
    stage.judges.worse = True
    run_program("release", "shop", "v2", "--wait")
    done = run_program("release", "shop", "v2", "--wait")
    assert done.exit_code == 4
    assert "release-quarantine" in str(done.exception)


def test_a_reason_lifts_the_quarantine(stage: Stage) -> None:
    released()
    stage.judges.worse = True
    run_program("release", "shop", "v2", "--wait")
    stage.judges.worse = False
    assert released("v2", "--reason", "it was the network").exit_code == 0


def test_a_wait_that_is_over_ends_with_five(stage: Stage) -> None:
    released()
    stage.judges.gate = False
    done = run_program("release", "shop", "v2", "--wait", "--timeout", "1s")
    assert done.exit_code == UNFINISHED
    assert "turnout watch shop-2" in str(done.exception)


def test_waiting_for_the_end_lasts_until_the_old_version_has_retired(stage: Stage) -> None:
    released()
    watcher = threading.Thread(target=run_program, args=("release", "shop", "v2", "--wait=end"))
    watcher.start()
    begun(stage, "shop-2")
    watched("shop-2", stage, "baking")
    assert watcher.is_alive()
    stage.socket.post("/releases", wish(stage, "v3"), "k3")  # ends the bake
    watcher.join(15)
    assert not watcher.is_alive()


def test_a_person_ends_a_bake_with_the_next_release(stage: Stage) -> None:
    assert stage.socket.lives()
    released("v1")
    released("v2")
    done = released("v3")
    assert "waits for the release in its way" in done.stderr
    assert done.stdout == "shop-3: promoted; users are on v3\n"


def test_a_second_release_is_refused_with_who_and_the_way_out(stage: Stage) -> None:
    at_a_step(stage)
    done = run_program("release", "shop", "v3")
    assert done.exit_code == 4
    assert all(word in str(done.exception) for word in ("shop-2", "--after", "--replace", "abort"))


def test_a_release_waits_behind_another_with_after(stage: Stage) -> None:
    at_a_step(stage)
    done = run_program("release", "shop", "v3", "--after")
    assert done.stdout == "v3 waits behind shop-2; the newest request wins\n"


def test_a_release_takes_the_place_of_another_with_replace(stage: Stage) -> None:
    at_a_step(stage)
    stage.judges.gate = True
    assert "shop-3: promoted" in released("v3", "--replace").stdout


def test_mistakes_of_the_file_are_printed_in_full(stage: Stage) -> None:
    stage.file.write_text("turnout: 1\nservices:\n  shop: {runn: x}\n", encoding="utf-8")
    done = run_program("release", "shop", "v1")
    assert done.exit_code == 2
    assert "error[T101]" in str(done.exception)


def test_an_unknown_service_names_the_near_one(stage: Stage) -> None:
    assert stage.socket.lives()
    done = run_program("release", "shopp", "v1")
    assert done.exit_code == 2
    assert "did you mean `shop`" in str(done.exception)


# --- a person's word


@pytest.mark.parametrize("verb", ["pause", "abort"])
def test_the_only_release_under_way_needs_no_name(stage: Stage, verb: str) -> None:
    at_a_step(stage)
    done = run_program(verb)
    assert done.exit_code == 0
    assert done.stdout.startswith("shop-2 (v2, watching, 50 %)")


def test_without_a_release_under_way_a_name_is_asked_for(stage: Stage) -> None:
    assert stage.socket.lives()
    released()
    watched("shop-1", stage, "promoted")
    done = run_program("pause")
    assert done.exit_code == 2
    assert "none is under way" in str(done.exception)


def test_a_paused_release_is_shown_so_and_resumed(stage: Stage) -> None:
    at_a_step(stage)
    run_program("pause", "shop", "--reason", "lunch")
    watched_code(stage, "paused.person")
    assert "watching (paused)" in run_program("status").stdout
    assert run_program("resume", "shop").exit_code == 0
    watched_code(stage, "resumed")


def watched_code(stage: Stage, code: str) -> None:
    for event in stage.socket.events("/api/v1/events?release=shop-2", None):
        if event.body.get("code") == code:
            return


def test_what_is_not_paused_is_not_resumed(stage: Stage) -> None:
    at_a_step(stage)
    assert run_program("resume", "shop").exit_code == 4


def test_a_person_promotes_a_held_release(stage: Stage) -> None:
    at_a_step(stage)
    assert run_program("promote", "shop", "--reason", "seen enough").exit_code == 0
    assert run_program("watch", "shop").exit_code == 0


def test_a_forced_promotion_needs_a_reason(stage: Stage) -> None:
    assert stage.socket.lives()
    assert run_program("promote", "shop", "--force").exit_code == 2


def test_an_aborted_release_ends_its_watcher_with_three(stage: Stage) -> None:
    at_a_step(stage)
    run_program("abort", "shop-2", "--reason", "no")
    done = run_program("watch", "shop-2")
    assert done.exit_code == 3
    assert "aborted at 50 %" in done.stdout


def test_undoing_a_release_as_asked_is_done(stage: Stage) -> None:
    at_a_step(stage)
    done = run_program("rollback", "shop", "--wait")
    assert (done.exit_code, done.stdout) == (0, "shop-2: aborted; users are on v1\n")
    assert "watching" not in done.stderr


def test_going_back_from_a_healthy_version_needs_a_yes(stage: Stage) -> None:
    released("v1")
    watched("shop-1", stage, "promoted")
    done = run_program("rollback")
    assert done.exit_code == 2
    assert "--yes" in str(done.exception)


def test_there_is_nothing_before_the_first_version(stage: Stage) -> None:
    released("v1")
    watched("shop-1", stage, "promoted")
    assert run_program("rollback", "--yes").exit_code == 4


def test_after_promotion_a_rollback_is_a_release_of_its_own(stage: Stage) -> None:
    assert stage.socket.lives()
    for version in ("v1", "v2", "v3"):
        released(version)
    assert run_program("rollback", "shop", "--to", "v1", "--yes").exit_code == 4  # v3 bakes
    assert run_program("rollback", "shop", "--wait").exit_code == 0
    done = run_program("rollback", "shop", "--to", "v1", "--yes", "--wait")
    assert (done.exit_code, done.stdout) == (0, "shop-4: promoted; users are on v1\n")


def wish(stage: Stage, version: str) -> Body:
    return {"service": "shop", "version": version, "file": str(stage.file)}


def begun(stage: Stage, name: str) -> None:
    for event in stage.socket.events("/api/v1/events?service=shop&after=0", None):
        if event.kind == "release" and event.body["release"] == name:
            return
