"""A child under its lock: started once, adopted, watched, ended with all its descendants."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnout.children import (
    Child,
    ChildSpec,
    adopt,
    census,
    end_all,
    holders,
    is_locked,
    is_zombie,
    mark_of,
    members,
    session_of,
    signal_all,
    start,
)
from turnout.testing.waiting import eventually

PAUSE = "import signal; signal.pause()"
FORK = "import os, signal\nos.fork()\nsignal.pause()"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\n"
STUBBORN += "while True: signal.pause()"


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    yield tmp_path
    await end_all(lambda: census(tmp_path), grace_s=0.0)


def spec_of(folder: Path, code: str = PAUSE, name: str = "one", **env: str) -> ChildSpec:
    return ChildSpec(
        argv=(sys.executable, "-S", "-c", code),
        env=env,
        folder=folder,
        lock=folder / "children" / name / "lock",
        log=folder / "logs" / f"{name}.log",
        mark=mark_of(folder, name),
    )


def started(spec: ChildSpec) -> Child:
    child = start(spec)
    assert child is not None
    return child


async def ended(child: Child) -> str:
    async with asyncio.timeout(10.0):
        await child.ended()
    child.close()
    return child.exit


def test_a_child_holds_its_lock_until_it_ends(folder: Path) -> None:
    spec = spec_of(folder)
    assert not is_locked(spec.lock)
    child = started(spec)
    assert is_locked(spec.lock)
    assert holders(spec.lock) == [child.pid]
    child.send(signal.SIGKILL)
    os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOWAIT)
    assert not is_locked(spec.lock)
    child.close()


def test_a_second_start_under_the_same_lock_starts_nothing(folder: Path) -> None:
    spec = spec_of(folder)
    child = started(spec)
    assert start(spec) is None
    assert census(folder) == [child.pid]
    child.close()


def test_a_lock_is_free_again_when_a_start_failed(folder: Path) -> None:
    spec = spec_of(folder)
    broken = ChildSpec(
        argv=("./not-there",),
        env={},
        folder=folder,
        lock=spec.lock,
        log=spec.log,
        mark=spec.mark,
    )
    with pytest.raises(FileNotFoundError):
        start(broken)
    assert not is_locked(spec.lock)
    started(spec).close()


def test_a_child_knows_its_environment_and_nothing_else(folder: Path) -> None:
    child = started(spec_of(folder, LEVEL="info"))
    said = set(Path(f"/proc/{child.pid}/environ").read_bytes().decode().strip("\0").split("\0"))
    assert said == {"LEVEL=info", f"TURNOUT_INSTANCE={mark_of(folder, 'one')}"}
    child.close()


def test_a_child_has_a_session_of_its_own_and_no_open_files_but_its_lock(folder: Path) -> None:
    spec = spec_of(folder)
    child = started(spec)
    opened = {link.resolve() for link in Path(f"/proc/{child.pid}/fd").iterdir()}
    assert session_of(child.pid) == child.pid
    assert opened == {Path("/dev/null"), spec.log.resolve(), spec.lock.resolve()}
    child.close()


async def test_what_a_child_writes_is_added_to_its_log(folder: Path) -> None:
    for word in ("one", "two"):
        await ended(started(spec_of(folder, f"print({word!r})")))
    assert (folder / "logs" / "one.log").read_text() == "one\ntwo\n"


async def test_files_of_a_child_are_not_for_everybody(folder: Path) -> None:
    await ended(started(spec_of(folder, "open('made', 'w')")))
    assert (folder / "made").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("", "exit 0"),
        ("raise SystemExit(3)", "exit 3"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
        ("import os; os.abort()", "signal 6"),
    ],
)
async def test_how_a_child_ended_is_told(folder: Path, code: str, how: str) -> None:
    child = started(spec_of(folder, code))
    assert await ended(child) == how
    assert not child.is_alive
    assert session_of(child.pid) is None  # reaped


async def test_waiting_for_an_end_can_be_given_up_and_begun_again(folder: Path) -> None:
    child = started(spec_of(folder))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await child.ended()
    assert child.is_alive
    assert child.exit == ""
    child.send(signal.SIGTERM)
    assert await ended(child) == "signal 15"


def test_a_closed_child_lives_on_and_is_adopted_with_its_number(folder: Path) -> None:
    spec = spec_of(folder)
    child = started(spec)
    child.close()
    child.close()
    adopted = adopt(spec.lock)
    assert adopted is not None
    assert (adopted.pid, adopted.is_ours, adopted.is_alive) == (child.pid, False, True)
    adopted.close()


async def test_of_a_child_of_somebody_else_only_the_end_is_seen(folder: Path) -> None:
    spec = spec_of(folder)
    code = (
        "import pathlib, sys\nfrom turnout.children import ChildSpec, start\n"
        f"start(ChildSpec(argv={spec.argv!r}, env={{}}, folder=pathlib.Path({str(folder)!r}), "
        f"lock=pathlib.Path({str(spec.lock)!r}), log=pathlib.Path({str(spec.log)!r}), "
        f"mark={spec.mark!r}))"
    )
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await starter.wait() == 0
    adopted = adopt(spec.lock)
    assert adopted is not None
    adopted.send(signal.SIGKILL)
    assert await ended(adopted) == "ended"


def test_nobody_is_adopted_where_nobody_holds_the_lock(folder: Path) -> None:
    lock = folder / "lock"
    assert adopt(lock) is None
    lock.touch()
    assert adopt(lock) is None
    assert not is_locked(lock)


async def test_of_several_holders_the_first_process_is_adopted(folder: Path) -> None:
    spec = spec_of(folder, FORK)
    child = started(spec)

    async def has_forked() -> bool:
        return len(holders(spec.lock)) == 2

    await eventually(has_forked)
    adopted = adopt(spec.lock)
    assert adopted is not None
    assert adopted.pid == child.pid
    adopted.close()
    child.close()


async def test_all_descendants_are_ended_with_their_parent(folder: Path) -> None:
    spec = spec_of(folder, FORK)
    child = started(spec)

    async def has_forked() -> bool:
        return len(census(folder)) == 2

    await eventually(has_forked)
    pids = census(folder)
    assert await end_all(lambda: members(spec.mark), grace_s=5.0) == []
    child.close()
    assert census(folder) == []
    assert all(is_zombie(pid) for pid in pids)


async def test_what_ignores_being_asked_is_killed_after_its_grace(folder: Path) -> None:
    spec = spec_of(folder, STUBBORN)
    child = started(spec)

    async def is_up() -> bool:
        return spec.log.read_text() == "up\n"

    await eventually(is_up)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    assert await end_all(lambda: members(spec.mark), grace_s=0.3) == []
    assert 0.3 <= loop.time() - began_s < 2.0
    assert await ended(child) == "signal 9"


async def test_ending_nothing_takes_no_time(folder: Path) -> None:
    async with asyncio.timeout(1.0):
        assert await end_all(lambda: members(mark_of(folder, "nobody")), grace_s=60.0) == []


async def test_a_signal_reaches_those_alone_that_are_still_meant(folder: Path) -> None:
    meant, other = (started(spec_of(folder, name=name)) for name in ("one", "two"))
    signal_all(lambda: [meant.pid], [meant.pid, other.pid], signal.SIGTERM)
    assert await ended(meant) == "signal 15"
    assert other.is_alive
    other.close()
