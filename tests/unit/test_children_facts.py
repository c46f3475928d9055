"""What /proc tells of processes: marks, locks, sessions, ports, zombies."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from turnout.children import (
    MARK,
    census,
    holders,
    in_session,
    is_zombie,
    listener_of,
    mark_of,
    marked,
    marks,
    members,
    session_of,
    started_ticks_of,
)

GONE = 4_194_303  # the largest number a process may have, and hardly one has it

Begin = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begin a process that has printed a line: then it is what it is going to be."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(code: str = "", *, mark: str = "", **settings: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-S", "-c", f"{code}\nprint(flush=True)\ninput()"]
        process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            env={**os.environ, MARK: mark},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **settings,  # type: ignore[call-overload]  # settings of Popen
        )
        begun.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def test_a_process_is_found_by_its_mark_and_by_no_other(begin: Begin, tmp_path: Path) -> None:
    mark = mark_of(tmp_path, "guard-r17")
    process = begin(mark=mark)
    assert marked(mark) == [process.pid]
    assert marked(mark_of(tmp_path, "guard-r1")) == []
    assert marked(mark[:-1]) == []


def test_the_census_of_a_folder_counts_its_processes_alone(begin: Begin, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    first = begin(mark=mark_of(here, "guard-r17"))
    second = begin(mark=mark_of(here, "desk-r2"))
    begin(mark=mark_of(there, "guard-r17"))
    assert census(here) == sorted([first.pid, second.pid])
    assert set(marks(mark_of(here, "")).values()) == {
        mark_of(here, "guard-r17"),
        mark_of(here, "desk-r2"),
    }


def test_one_folder_has_one_mark_by_whatever_way_it_is_reached(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert mark_of(tmp_path / "real", "x") == mark_of(tmp_path / "link", "x")
    assert mark_of(tmp_path / "real", "x") == mark_of(tmp_path / "real" / ".." / "real", "x")
    assert mark_of(tmp_path, "x") != mark_of(tmp_path / "real", "x")


def test_whoever_holds_a_file_open_is_found_by_the_file_itself(
    begin: Begin, tmp_path: Path
) -> None:
    lock = tmp_path / "lock"
    process = begin(f"kept = open({str(lock)!r}, 'w')")
    assert holders(lock) == [process.pid]
    lock.rename(tmp_path / "renamed")
    assert holders(tmp_path / "renamed") == [process.pid]
    assert holders(lock) == []


def test_this_process_is_not_among_those_that_hold_a_file(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w"):
        assert holders(tmp_path / "lock") == []


def test_a_session_has_the_number_of_its_first_process(begin: Begin) -> None:
    process = begin(start_new_session=True)
    assert session_of(process.pid) == process.pid
    assert in_session(process.pid) == [process.pid]
    assert process.pid not in in_session(os.getsid(0))


def test_members_carry_the_mark_or_live_in_the_session(begin: Begin, tmp_path: Path) -> None:
    by_mark = begin(mark=mark_of(tmp_path, "one"))
    by_session = begin(mark="another", start_new_session=True)
    assert members(mark_of(tmp_path, "one")) == [by_mark.pid]
    found = members(mark_of(tmp_path, "one"), by_session.pid)
    assert sorted(found) == sorted([by_mark.pid, by_session.pid])


def test_this_process_is_no_member_even_of_its_own_session() -> None:
    assert os.getpid() not in members("", os.getsid(0))


def test_a_process_that_has_ended_is_a_zombie_and_no_member(begin: Begin, tmp_path: Path) -> None:
    process = begin(mark=mark_of(tmp_path, "one"), start_new_session=True)
    assert not is_zombie(process.pid)
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, and not reaped
    assert is_zombie(process.pid)
    assert members(mark_of(tmp_path, "one"), process.pid) == []
    assert in_session(process.pid) == []


def test_of_a_process_that_is_gone_nothing_is_told() -> None:
    assert session_of(GONE) is None
    assert started_ticks_of(GONE) is None
    assert is_zombie(GONE)
    assert in_session(GONE) == []


def test_a_later_process_began_later(begin: Begin) -> None:
    earlier = started_ticks_of(os.getpid())
    later = started_ticks_of(begin().pid)
    assert earlier is not None
    assert later is not None
    assert later > earlier


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", ""], ids=["one", "other", "all"])
def test_whoever_listens_on_a_port_is_found_at_any_address(host: str) -> None:
    with socket.create_server((host, 0)) as server:
        assert listener_of(server.getsockname()[1]) == [os.getpid()]


def test_who_is_only_connected_to_a_port_does_not_listen_on_it(begin: Begin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        begin(f"import socket; kept = socket.create_connection(('127.0.0.1', {port}))")
        assert listener_of(port) == [os.getpid()]
    assert listener_of(port) == []


@pytest.fixture
def busy() -> Iterator[None]:
    """Keep every core busy twice over, so that what is begun is not at once under way."""
    command = [sys.executable, "-S", "-c", "while True: pass"]
    begun = [subprocess.Popen(command) for _ in range(2 * (os.cpu_count() or 1))]
    yield
    for process in begun:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("busy")
def test_a_process_is_found_in_the_very_moment_of_its_beginning(tmp_path: Path) -> None:
    mark = mark_of(tmp_path, "guard-r17")
    command = [sys.executable, "-S", "-c", "import signal; signal.pause()"]
    for _ in range(60):
        with subprocess.Popen(command, env={MARK: mark}) as process:
            found = marked(mark)
            process.kill()
        assert found == [process.pid]
