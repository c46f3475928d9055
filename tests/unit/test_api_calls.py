"""The API over its socket: services, releases, commands, and errors in one form."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.unit.api_stage import Stage, a_stage
from turnout.entrypoints.cli.calls import Body, Socket
from turnout.entrypoints.cli.ending import ProblemError


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with a_stage(tmp_path) as stage:
        yield stage


def wish(stage: Stage, version: str = "v1", **more: object) -> Body:
    return {"service": "shop", "version": version, "file": str(stage.file), **more}


def until(stage: Stage, name: str, *phases: str) -> Body:
    for event in stage.socket.events(f"/api/v1/events?release={name}", None):
        if event.body.get("to_phase") in phases:
            return stage.socket.get(f"/releases/{name}")
    raise AssertionError(f"{name} never came to {phases}")


def test_a_controller_says_that_it_lives_and_its_version(stage: Stage) -> None:
    assert stage.socket.get("/healthz") == {"turnout": 1, "version": "0.1.0"}
    assert stage.socket.lives()


def test_there_is_no_service_before_the_first_release(stage: Stage) -> None:
    assert stage.socket.get("/services") == {"items": [], "next": None}


def test_a_release_that_is_asked_for_starts_and_is_promoted(stage: Stage) -> None:
    told = stage.socket.post("/releases", wish(stage), "k1")
    assert told["state"] == "started"
    done = until(stage, "shop-1", "promoted")
    assert (done["phase"], done["outcome"], done["version"]) == ("promoted", "promoted", "v1")


def test_a_service_shows_its_stable_version_and_its_digest(stage: Stage) -> None:
    stage.socket.post("/releases", wish(stage), "k1")
    until(stage, "shop-1", "promoted")
    service = stage.socket.get("/services/shop")
    stable = cast("Body", service["stable"])
    assert (service["service"], stable["version"]) == ("shop", "v1")
    assert str(stable["digest"]).startswith("sha256:")


def test_weights_are_shares_and_steps_count_from_one(stage: Stage) -> None:
    stage.socket.post("/releases", wish(stage), "k1")
    until(stage, "shop-1", "promoted")
    told = stage.socket.post("/releases", wish(stage, "v2"), "k2")
    release = cast("Body", told["release"])
    assert release["steps"] == [{"weight": 0.5, "hold_s": 0.1}, {"weight": 1.0, "hold_s": 0.1}]
    assert (release["step"], release["weight"]) == (1, 0.0)


def test_decisions_have_a_sentence_in_both_languages(stage: Stage) -> None:
    stage.socket.post("/releases", wish(stage), "k1")
    until(stage, "shop-1", "promoted")
    told = stage.socket.get("/releases/shop-1/decisions")
    items = cast("list[Body]", told["items"])
    assert [item["code"] for item in items][:2] == ["prepared", "ready"]
    assert all(item["en"] and item["zh"] and item["en"] != item["zh"] for item in items)


def test_the_newest_release_is_found_by_its_service(stage: Stage) -> None:
    stage.socket.post("/releases", wish(stage), "k1")
    assert stage.socket.get("/releases/shop")["id"] == "shop-1"


def test_a_list_of_releases_is_cut_to_its_limit(stage: Stage) -> None:
    stage.socket.post("/releases", wish(stage), "k1")
    until(stage, "shop-1", "promoted")
    stage.socket.post("/releases", wish(stage, "v2"), "k2")
    items = cast("list[Body]", stage.socket.get("/releases?service=shop&limit=1")["items"])
    assert [item["id"] for item in items] == ["shop-2"]


def test_a_paused_release_stays_and_a_resumed_one_goes_on(stage: Stage) -> None:
    stage.judges.gate = False
    stage.socket.post("/releases", wish(stage), "k0")
    until(stage, "shop-1", "promoted")
    stage.socket.post("/releases", wish(stage, "v2"), "k1")
    until(stage, "shop-2", "watching")
    stage.socket.post("/releases/shop-2/pause", {"reason": "lunch"}, "k2")
    assert wait_for(stage, "shop-2", "paused", "paused.person")
    stage.socket.post("/releases/shop-2/resume", {}, "k3")
    assert wait_for(stage, "shop-2", "paused", None)


def wait_for(stage: Stage, name: str, field: str, value: object) -> bool:
    for _ in stage.socket.events(f"/api/v1/events?release={name}", None):
        if stage.socket.get(f"/releases/{name}")[field] == value:
            return True
    return False


@pytest.mark.parametrize("verb", ["abort", "rollback"])
def test_an_undone_release_leads_back_to_the_stable_version(stage: Stage, verb: str) -> None:
    stage.socket.post("/releases", wish(stage), "k0")
    until(stage, "shop-1", "promoted")
    stage.judges.gate = False
    stage.socket.post("/releases", wish(stage, "v2"), "k1")
    until(stage, "shop-2", "watching")
    stage.socket.post(f"/releases/shop-2/{verb}", {"reason": "no"}, "k2")
    assert until(stage, "shop-2", "rolled_back")["outcome"] == "aborted"


def test_a_fast_return_after_promotion_needs_no_steps(stage: Stage) -> None:
    for number, version in enumerate(["v1", "v2"], 1):
        stage.socket.post("/releases", wish(stage, version), version)
        until(stage, f"shop-{number}", "baking", "promoted")
    stage.socket.post("/releases", wish(stage, "v3"), "k3")  # ends the bake
    until(stage, "shop-2", "promoted")
    until(stage, "shop-3", "baking")
    told = stage.socket.post("/services/shop/rollback", {"to": "v2"}, "k4")
    assert cast("Body", told["release"])["id"] == "shop-3"
    assert until(stage, "shop-3", "rolled_back")["outcome"] == "aborted"
    told = stage.socket.post("/services/shop/rollback", {"to": "v1"}, "k5")
    release = cast("Body", told["release"])
    assert (release["version"], release["fast_return"]) == ("v1", True)
    assert release["steps"] == [{"weight": 1.0, "hold_s": 0.1}]


def test_a_forced_promotion_without_a_reason_is_refused(stage: Stage) -> None:
    stage.socket.post("/releases", wish(stage), "k1")
    with pytest.raises(ProblemError, match="needs its reason") as raised:
        stage.socket.post("/releases/shop-1/promote", {"force": True})
    assert raised.value.status == 400


def test_a_version_goes_into_quarantine_and_out_of_it(stage: Stage) -> None:
    stage.socket.post("/releases", wish(stage), "k1")
    until(stage, "shop-1", "promoted")
    told = stage.socket.post("/services/shop/versions/v1/quarantine", {"reason": "leaks"})
    assert len(cast("list[str]", told["digests"])) == 1
    stage.socket.post("/releases", wish(stage, "v2"), "k2")
    until(stage, "shop-2", "baking")
    stage.socket.post("/services/shop/versions/v2/quarantine", {"reason": "leaks"})
    stage.socket.post("/services/shop/versions/v2/release-quarantine", {"reason": "mended"})


def test_down_is_told_who_asked_and_how_long_streams_get(stage: Stage) -> None:
    stage.socket.post("/down", {"drain_s": 7.0}, "k1")
    stage.socket.post("/stop", {})
    [(by, drain_s)] = stage.downs
    assert (by.partition(":")[0], drain_s, stage.stops) == ("local", 7.0, [True])


# --- keys


def test_a_repeated_request_with_its_key_is_done_once(stage: Stage) -> None:
    first = stage.socket.post("/releases", wish(stage), "same")
    again = stage.socket.post("/releases", wish(stage), "same")
    assert first == again
    assert len(cast("list[Body]", stage.socket.get("/releases")["items"])) == 1


def test_a_key_of_another_request_is_refused(stage: Stage) -> None:
    stage.socket.post("/releases", wish(stage), "same")
    with pytest.raises(ProblemError, match="another request") as raised:
        stage.socket.post("/releases", wish(stage, "v2"), "same")
    assert (raised.value.status, raised.value.code) == (422, "idempotency.mismatch")


def test_a_key_that_is_too_long_is_refused(stage: Stage) -> None:
    with pytest.raises(ProblemError, match="1 to 128"):
        stage.socket.post("/releases", wish(stage), "k" * 129)


def test_a_request_that_failed_may_be_repeated_with_its_key(stage: Stage) -> None:
    stage.file.write_text("turnout: 1\nservices:\n  shop: {runn: x}\n", encoding="utf-8")
    with pytest.raises(ProblemError):
        stage.socket.post("/releases", wish(stage), "same")
    stage.file.write_text("turnout: 1\nservices:\n  shop: {run: x}\n", encoding="utf-8")
    assert stage.socket.post("/releases", wish(stage), "same")["state"] == "started"


# --- errors


@pytest.mark.parametrize(
    ("target", "body", "status", "code"),
    [
        ("/releases", {"service": "shop"}, 400, "input"),
        ("/releases", {"service": "s", "version": "v", "file": "x.yaml"}, 400, "input"),
        ("/releases/shop-9/abort", {}, 404, "release.unknown"),
        ("/releases/shop-1/dance", {}, 400, "input"),
        ("/services/none/rollback", {}, 400, "input"),
        ("/nowhere", {}, 404, "http"),
        ("/stop", {"now": True}, 400, "input"),
        ("/services/shop/versions/v9/quarantine", {}, 400, "input"),
    ],
)
def test_a_wrong_request_is_a_problem_with_a_code(
    stage: Stage, target: str, body: Body, status: int, code: str
) -> None:
    with pytest.raises(ProblemError) as raised:
        stage.socket.post(target, body)
    assert (raised.value.status, raised.value.code) == (status, code)


def test_mistakes_of_a_file_come_with_their_places(stage: Stage) -> None:
    stage.file.write_text("turnout: 1\nservices:\n  shop: {runn: x}\n", encoding="utf-8")
    status, body = raw(stage.socket.path, "POST", "/api/v1/releases", wish(stage))
    [mistake] = cast("list[Body]", body["errors"])
    assert (status, body["code"], mistake["code"], mistake["line"]) == (
        422,
        "file.invalid",
        "T101",
        3,
    )
    assert body["type"] == "/problems/file.invalid"
    assert body["trace_id"]


def test_a_second_release_is_refused_with_the_way_out(stage: Stage) -> None:
    stage.judges.gate = False
    stage.socket.post("/releases", wish(stage), "k1")
    with pytest.raises(ProblemError, match="--after") as raised:
        stage.socket.post("/releases", wish(stage, "v2"), "k2")
    assert (raised.value.status, raised.value.code) == (409, "release.active")


def test_a_second_release_may_wait_behind_the_first(stage: Stage) -> None:
    stage.socket.post("/releases", wish(stage), "k1")
    told = stage.socket.post("/releases", wish(stage, "v2", queue=True), "k2")
    assert (told["state"], told["queued_behind"]) == ("queued", "shop-1")
    until(stage, "shop-1", "promoted")
    until(stage, "shop-2", "baking")


def raw(path: Path, method: str, target: str, body: Body) -> tuple[int, Body]:
    content = json.dumps(body).encode()
    head = f"{method} {target} HTTP/1.0\r\ncontent-type: application/json\r\n".encode()
    head += f"content-length: {len(content)}\r\n\r\n".encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(head + content)
        answer = connection.makefile("rb").read()
    head, _, text = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return int(head.split()[1]), json.loads(text)


def test_another_user_than_the_owner_is_refused(tmp_path: Path) -> None:
    def belongs_to_another(stage: Stage) -> None:
        stage.owner_uid = os.getuid() + 1

    with a_stage(tmp_path, belongs_to_another) as stage:
        with pytest.raises(ProblemError, match="owner") as raised:
            stage.socket.get("/services")
        assert (raised.value.status, raised.value.code) == (403, "peer.refused")


def test_the_socket_is_its_owners_alone(stage: Stage) -> None:
    assert stage.folder.socket.stat().st_mode & 0o777 == 0o600
    assert stage.folder.root.stat().st_mode & 0o777 == 0o700


def test_a_long_path_gets_a_short_one_for_its_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    with a_stage(deep) as stage:
        assert len(str(stage.folder.socket)) < 100
        assert Socket(stage.folder.socket).lives()
