"""The controller's folder, lock, log and event loop; parts by name; the live picture."""

import asyncio
import json
import os
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest
import structlog

from turnout.bootstrap import Settings, build_router, build_runtime
from turnout.bootstrap_ending import end_everything, running
from turnout.bootstrap_folder import Folder, ServedAlreadyError, folder_beside, held
from turnout.bootstrap_loop import LoopBell, LoopTasks, SystemClock
from turnout.children import ChildSpec, is_locked, mark_of, start
from turnout.domain.moves import Ruling
from turnout.domain.release import Phase, enter
from turnout.domain.service import Service, begin
from turnout.entrypoints.api.parts import News
from turnout.entrypoints.cli.flags import Flags
from turnout.entrypoints.cli.live import picture
from turnout.entrypoints.logs import RotatedFile, configure
from turnout.entrypoints.serving import Teller
from turnout.entrypoints.telling import told
from turnout.errors import UnavailableError, UnknownPartError
from turnout.testing.waiting import eventually
from turnout.testing.world import START_S, a_request

SHOP = Service(name="shop", project="shop", environment="local")
RELEASE = begin(SHOP, a_request(), START_S)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / ".turnout")
    folder.make()
    return folder


# --- the folder


def test_the_folder_is_its_owners_and_ignored_by_git(folder: Folder) -> None:
    assert folder.root.stat().st_mode & 0o777 == 0o700
    assert (folder.root / ".gitignore").read_text(encoding="utf-8") == "*\n"
    folder.make()  # may be repeated


def test_the_folder_lies_beside_the_release_file(tmp_path: Path) -> None:
    assert folder_beside(tmp_path / "turnout.yaml").root == tmp_path / ".turnout"


def test_a_short_path_is_taken_as_it_is() -> None:
    assert Folder(Path("/srv/shop/.turnout")).socket == Path(
        "/srv/shop/.turnout/run/controller.sock"
    )


def test_two_long_paths_have_two_sockets(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90)
    one, two = Folder(deep / "one"), Folder(deep / "two")
    assert one.socket != two.socket
    assert len(os.fsencode(one.socket)) <= 107
    one.make()
    assert one.socket.parent.resolve() == one.run


def test_only_one_holds_a_folder(folder: Folder) -> None:
    with held(folder), pytest.raises(ServedAlreadyError, match="serve --stop"), held(folder):
        pytest.fail("two hold it")
    with held(folder):
        assert is_locked(folder.lock)


def test_no_child_inherits_the_lock_of_the_folder(folder: Folder) -> None:
    with held(folder):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert not is_locked(folder.lock)
    finally:
        child.communicate(b"\n", timeout=10)


# --- parts by name


@pytest.mark.parametrize("name", ["envoy", "memory"])
def test_a_router_is_found_by_its_name(folder: Folder, name: str) -> None:
    assert build_router(Settings(folder=folder, router=name)).abilities.in_flight


def test_an_unknown_router_is_refused_with_the_known_ones(folder: Folder) -> None:
    with pytest.raises(
        UnknownPartError, match="no router is named `haproxy`; known: envoy, memory"
    ):
        build_router(Settings(folder=folder, router="haproxy"))


def test_an_unknown_runtime_is_refused_with_the_known_ones(folder: Folder) -> None:
    with pytest.raises(UnknownPartError, match="no runtime is named `podman`; known: memory, proc"):
        build_runtime(Settings(folder=folder, runtime="podman"), lambda _: None)


# --- the event loop


async def test_a_bell_cuts_a_wait_short() -> None:
    bell = LoopBell()
    bell.ring()
    await asyncio.wait_for(bell.wait_s(60.0), 5)
    waiting = asyncio.create_task(bell.wait_s(60.0))
    await asyncio.sleep(0)
    bell.ring()
    await asyncio.wait_for(waiting, 5)


async def test_a_bell_that_nobody_rings_waits_its_time() -> None:
    clock, bell = SystemClock(), LoopBell()
    began_s = clock.mono_s()
    await bell.wait_s(0.05)
    assert clock.mono_s() - began_s >= 0.04


async def test_work_that_takes_too_long_is_unavailable() -> None:
    tasks = LoopTasks(lambda _: None)
    with pytest.raises(UnavailableError, match=r"within 0\.01 s"):
        await tasks.within_s(0.01, tasks.pause_s(60.0))
    assert await tasks.within_s(5.0, asyncio.sleep(0, "done")) == "done"


async def test_a_fault_ends_its_own_work_alone() -> None:
    broke: list[Exception] = []
    tasks = LoopTasks(broke.append)

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    tasks.start(fails())
    await tasks.close(5.0)
    assert [type(error) for error in broke] == [ZeroDivisionError]


async def test_what_does_not_end_in_time_is_cancelled() -> None:
    tasks, broke = LoopTasks(lambda _: None), asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            broke.set()

    tasks.start(waits())
    await tasks.close(0.01)
    assert broke.is_set()


async def test_news_wake_everybody_who_waits() -> None:
    news = News()
    waiting = [asyncio.create_task(news.wait_s(60.0)) for _ in range(3)]
    await asyncio.sleep(0)
    news.ring()
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    await news.wait_s(0.01)  # nothing new since
    news.end()
    assert news.is_over


# --- the log


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_log_is_one_json_object_a_line(folder: Folder) -> None:
    file = configure(folder.log)
    structlog.get_logger().info("version_named", version="v1\n\x1b[31m")
    file.close()
    [line] = lines_of(folder.log)
    assert (line["event"], line["version"], line["level"]) == (
        "version_named",
        "v1\n\x1b[31m",
        "info",
    )
    assert folder.log.stat().st_mode & 0o777 == 0o600


def test_a_long_field_is_cut(folder: Folder) -> None:
    file = configure(folder.log)
    structlog.get_logger().info("said", text="x" * 20_000)
    file.close()
    [line] = lines_of(folder.log)
    assert len(str(line["text"])) == 8193


def test_a_full_log_is_renamed_and_three_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "controller.jsonl"
    file = RotatedFile(path, limit_bytes=10)
    for number in range(6):
        file.write(f"line number {number}\n")
    file.close()
    kept = {one.name: one.read_text(encoding="utf-8") for one in tmp_path.iterdir()}
    assert kept[path.name] == "line number 5\n"
    assert kept[f"{path.name}.3"] == "line number 2\n"
    assert len(kept) == 4


def test_what_happened_is_logged_and_wakes_the_watchers(folder: Folder) -> None:
    file = configure(folder.log)
    teller = Teller(News())
    moved = enter(RELEASE, Phase.STARTING)
    teller.moved(Ruling(release=moved, code="prepared"))
    teller.moved(Ruling(release=moved))  # a silent change
    file.close()
    [line] = lines_of(folder.log)
    assert (line["event"], line["release"], line["code"]) == ("release_moved", "shop-1", "prepared")
    assert line["phase"] == "starting"


def test_the_same_fault_is_logged_once(folder: Folder) -> None:
    file = configure(folder.log)
    teller = Teller(News())
    for _ in range(3):
        teller.failed("shop-1", UnavailableError("away"))
    teller.failed("shop-1", UnavailableError("still away"))
    file.close()
    assert [line["event"] for line in lines_of(folder.log)] == ["turn_failed"] * 2


def test_a_fault_that_nobody_expected_is_told_with_its_place(folder: Folder) -> None:
    file = configure(folder.log)
    teller = Teller(News())
    with pytest.raises(ZeroDivisionError) as raised:
        _ = 1 / len(folder.jobs.name[:0])
    teller.broke(raised.value)
    file.close()
    [line] = lines_of(folder.log)
    assert (line["event"], line["level"]) == ("work_broke", "error")
    assert "test_cli_serving.py" in str(line["exception"])


# --- ending everything


def a_child(folder: Folder, name: str, lock: Path) -> ChildSpec:
    return ChildSpec(
        argv=(sys.executable, "-c", "import time; time.sleep(600)"),
        env=dict(os.environ),
        folder=folder.root,
        lock=lock,
        log=folder.logs / f"{name}.log",
        mark=mark_of(folder.root, name),
    )


async def test_instances_and_jobs_of_a_folder_are_ended(folder: Folder) -> None:
    places = (folder.instances / "shop-r1" / "lock", folder.jobs / "abc" / "lock")
    children = [start(a_child(folder, lock.parent.name, lock)) for lock in places]
    assert len(running(folder)) == 2
    assert await end_everything(folder, 0.0) == []
    assert running(folder) == []
    assert not any(child.is_alive for child in children if child)


async def test_another_folder_is_left_alone(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    other.make()
    child = start(a_child(other, "shop-r1", other.instances / "shop-r1" / "lock"))
    assert child is not None
    assert await end_everything(folder, 0.0) == []
    assert child.is_alive
    await end_everything(other, 0.0)

    async def ended() -> bool:
        return not child.is_alive

    await eventually(ended)


# --- the live picture

FLAGS = Flags(
    file=None,
    environment=None,
    as_json=False,
    quiet=False,
    verbose=False,
    color=False,
    language="en",
    yes=False,
    key=None,
)


def test_the_picture_shows_where_a_release_stands() -> None:
    text = picture(FLAGS, told(RELEASE), None, deque(["12:00:00  it began"]))
    assert text.startswith("shop-1  - -> v1   preparing   step 1 of ")
    assert "12:00:00  it began" in text
    assert "Ctrl-C leaves" in text


def test_the_picture_shows_figures_of_both_versions() -> None:
    figure = {
        "name": "latency.p90",
        "verdict": "undecided",
        "comparison": "ranks",
        "unit": "%",
        "stable_value": 182.0,
        "candidate_value": 176.0,
        "difference": -0.031,
        "low": -0.08,
        "high": 0.022,
        "limit": 0.1,
    }
    judged = {"judgement": {"figures": [figure], "requests_in_step": 4561}}
    text = picture(FLAGS, told(RELEASE), judged, deque())  # type: ignore[arg-type]  # as JSON gives it
    assert "182 ms" in text
    assert "-3.1 %  [-8 % … +2.2 %]" in text
    assert "not enough data" in text
    assert "4 561 requests" in text
