"""Fences, logs, remains and ports: what the process runtime keeps in files and sees of the host."""

import asyncio
import fcntl
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.adapters.process.fences import Fences
from turnout.adapters.process.free_port import free_port, is_free
from turnout.adapters.process.log_files import forget_old, last_lines, rotate
from turnout.adapters.process.probe import KnownPaths
from turnout.adapters.process.record import record_of, save
from turnout.adapters.process.remains import find_remains
from turnout.children import MARK, mark_of
from turnout.domain.route import Fence
from turnout.domain.version import InstanceSet, RunSpec, Version
from turnout.errors import FencedError, RuntimeFaultError

RUN = RunSpec(command=("serve",), folder="/srv")
VERSION = Version(name="v1", digest="sha256:ab", artifact_digest=None, run=RUN)

# --- fences


async def test_a_service_that_nobody_acted_for_obeys_anybody(tmp_path: Path) -> None:
    fences = Fences(tmp_path / "instances")
    assert await fences.kept("guard") == Fence(0, 0)
    await fences.advance("guard", Fence(0, 0))
    await fences.advance("guard", Fence(1, 1))
    assert await fences.kept("guard") == Fence(1, 1)


async def test_a_fence_is_kept_for_whoever_comes_next(tmp_path: Path) -> None:
    await Fences(tmp_path).advance("guard", Fence(3, 40))
    later = Fences(tmp_path)
    with pytest.raises(FencedError, match=r"guard obey fence 3\.40, not 3\.39"):
        await later.advance("guard", Fence(3, 39))
    assert await later.kept("guard") == Fence(3, 40)


async def test_a_claim_raises_the_epoch_and_begins_its_revisions_anew(tmp_path: Path) -> None:
    fences = Fences(tmp_path)
    await fences.advance("guard", Fence(3, 40))
    await fences.claim("guard", 3)
    assert await fences.kept("guard") == Fence(3, 40)
    await fences.claim("guard", 4)
    assert await fences.kept("guard") == Fence(4, 0)
    with pytest.raises(FencedError, match="the store went back in time"):
        await fences.claim("guard", 3)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**12)), min_size=1))
async def test_whatever_comes_the_greatest_fence_is_kept(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[int, int]]
) -> None:
    fences = Fences(tmp_path_factory.mktemp("fences"))
    for epoch, revision in asked:
        if Fence(epoch, revision) < await fences.kept("guard"):
            with pytest.raises(FencedError):
                await fences.advance("guard", Fence(epoch, revision))
        else:
            await fences.advance("guard", Fence(epoch, revision))
    assert await fences.kept("guard") == max(Fence(*one) for one in asked)


async def test_a_fence_file_that_is_no_fence_is_refused_and_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "guard.fence").write_text("something else")
    with pytest.raises(RuntimeFaultError, match=r"remove guard\.fence"):
        await Fences(tmp_path).advance("guard", Fence(9, 9))


async def test_a_fence_that_somebody_holds_for_ever_is_not_waited_for_for_ever(
    tmp_path: Path,
) -> None:
    with (tmp_path / "guard.fence").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RuntimeFaultError, match="held by another controller"):
            await Fences(tmp_path).advance("guard", Fence(1, 1))


async def test_many_at_once_leave_the_greatest_fence(tmp_path: Path) -> None:
    async def advance(revision: int) -> None:
        await Fences(tmp_path).advance("guard", Fence(1, revision))

    results = await asyncio.gather(*map(advance, range(20)), return_exceptions=True)
    assert all(result is None or isinstance(result, FencedError) for result in results)
    assert await Fences(tmp_path).kept("guard") == Fence(1, 19)


async def test_nobody_newer_begins_while_a_right_to_act_is_held(tmp_path: Path) -> None:
    earlier, later = Fences(tmp_path), Fences(tmp_path)
    await earlier.advance("guard", Fence(1, 1))
    async with earlier.held("guard") as kept:
        claimed = asyncio.create_task(later.claim("guard", 2))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.shield(claimed)
        assert kept == Fence(1, 1)
    await claimed
    assert await earlier.kept("guard") == Fence(2, 0)


# --- logs


def test_the_last_lines_are_those_after_a_start(tmp_path: Path) -> None:
    log = tmp_path / "guard-r17.log"
    log.write_text("of the start before\n")
    since = log.stat().st_size
    log.write_text(log.read_text() + "one\ntwo\n")
    assert last_lines(log, since) == ("one", "two")
    assert last_lines(log) == ("of the start before", "one", "two")


def test_lines_are_told_of_a_log_that_was_cut_meanwhile(tmp_path: Path) -> None:
    log = tmp_path / "guard-r17.log"
    log.write_text("after the cut\n")
    assert last_lines(log, 10_000) == ("after the cut",)
    assert last_lines(tmp_path / "none.log") == ()


def test_lines_are_few_short_and_always_text(tmp_path: Path) -> None:
    log = tmp_path / "guard-r17.log"
    log.write_bytes(b"x" * 1_000_000 + b"\n" + b"\xff\xfe" + b"\nlast\n" * 100)
    lines = last_lines(log)
    assert len(lines) == 50
    assert max(map(len, lines)) <= 300


def test_a_long_log_is_copied_away_and_three_old_ones_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "guard-r17.log"
    for word in "abcde":
        log.write_text(word * 100)
        assert rotate(log, limit_bytes=100, kept=3)
        assert log.stat().st_size == 0
    kept = [(tmp_path / f"guard-r17.log.{n}").read_text()[0] for n in (1, 2, 3)]
    assert kept == ["e", "d", "c"]
    assert not (tmp_path / "guard-r17.log.4").exists()


def test_a_short_log_and_none_at_all_are_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "guard-r17.log"
    assert not rotate(log, limit_bytes=100, kept=3)
    log.write_text("x" * 99)
    assert not rotate(log, limit_bytes=100, kept=3)
    assert [file.name for file in tmp_path.iterdir()] == ["guard-r17.log"]


def test_a_writer_goes_on_in_the_cut_log_without_a_hole(tmp_path: Path) -> None:
    log = tmp_path / "guard-r17.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 200)
        rotate(log, limit_bytes=100, kept=1)
        writer.write(b"next\n")
    assert log.read_bytes() == b"next\n"


def test_old_logs_go_with_their_copies_and_those_of_others_stay(tmp_path: Path) -> None:
    names = (
        "guard-r1",
        "guard-r2",
        "guard-r2-2",
        "guard-r3-t",
        "guard-r4",
        "guard-r2-r9",
        "desk-r1",
    )
    for age, name in enumerate(names, start=1):
        for end in ("log", "log.1"):
            (tmp_path / f"{name}.{end}").touch()
            os.utime(tmp_path / f"{name}.{end}", (age, age))
    forget_old(tmp_path, "guard", running=frozenset({"guard-r1"}), kept=2)
    left = {file.name.partition(".")[0] for file in tmp_path.iterdir()}
    assert left == {"guard-r1", "guard-r3-t", "guard-r4", "guard-r2-r9", "desk-r1"}
    forget_old(tmp_path / "not-there", "guard", running=frozenset(), kept=2)


# --- health paths


def test_a_path_that_was_found_is_known_after_a_restart(tmp_path: Path) -> None:
    assert KnownPaths(tmp_path).of("guard") is None
    KnownPaths(tmp_path).keep("guard", "/healthz")
    assert KnownPaths(tmp_path).of("guard") == "/healthz"
    assert KnownPaths(tmp_path).of("desk") is None


# --- ports


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_connections_that_are_about_to_be_forgotten_take_no_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()  # who closes first keeps the connection in TIME_WAIT
    assert is_free(port)


def test_ports_are_chosen_below_those_of_outgoing_connections() -> None:
    ports = {free_port(()) for _ in range(20)}
    assert all(20_000 <= port < 32_768 for port in ports)
    assert len(ports) > 1


def test_a_promised_port_is_not_chosen_again() -> None:
    free = {port for port in range(20_000, 32_768) if port != 23_456}
    assert free_port(free) not in free


# --- what an earlier controller left


def left_by(folder: Path, *names: tuple[str, int]) -> None:
    for service, replica in names:
        of = InstanceSet(service=service, number=17, version=VERSION)
        record = record_of(of, replica, {})
        save(folder / "instances" / record.instance, record)


def test_remains_are_found_by_service(tmp_path: Path) -> None:
    assert find_remains(tmp_path) == {}
    left_by(tmp_path, ("guard", 1), ("guard", 2), ("desk", 1))
    (tmp_path / "instances" / "guard.fence").touch()
    (tmp_path / "instances" / "guard-r18").mkdir()  # begun, and nothing written yet
    found = find_remains(tmp_path)
    names = {service: [r.instance for r in remains.records] for service, remains in found.items()}
    assert names == {"guard": ["guard-r17", "guard-r17-2"], "desk": ["desk-r17"]}
    assert not any(remains.strays or remains.unreadable for remains in found.values())


def test_an_unreadable_record_matters_only_while_its_instance_runs(tmp_path: Path) -> None:
    left_by(tmp_path, ("guard", 1), ("desk", 1))
    folder = tmp_path / "instances" / "guard-r17"
    (folder / "run.json").write_text("torn")
    assert list(find_remains(tmp_path)) == ["desk"]
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = find_remains(tmp_path)
    assert found["guard"].unreadable is not None
    assert found["desk"].unreadable is None


def test_processes_without_a_folder_are_strays_of_their_service(tmp_path: Path) -> None:
    marks = [mark_of(tmp_path, name) for name in ("guard-r17-2", "gateway", "guard-r18")]
    (tmp_path / "instances" / "guard-r18").mkdir(parents=True)
    command = [sys.executable, "-S", "-c", "import signal; signal.pause()"]
    begun = [subprocess.Popen(command, env={MARK: mark}) for mark in marks]
    try:
        found = find_remains(tmp_path)
        assert {service: remains.strays for service, remains in found.items()} == {
            "guard": [marks[0]]
        }
    finally:
        for process in begun:
            process.send_signal(signal.SIGKILL)
            process.wait()
