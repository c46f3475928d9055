"""The census finds what runs for a folder, by every trace that it leaves."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from turnout.children import MARK, mark_of
from turnout.testing.census import census_of, left_of

WAITS = "import signal, sys; print(flush=True); signal.pause()"
LISTENS = f"import socket; s = socket.create_server(('127.0.0.1', 0)); {WAITS}"


@contextmanager
def running(
    code: str,
    *arguments: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", code, *arguments]
    env = {"PATH": os.environ["PATH"], **(environment or {})}
    child = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE)
    try:
        assert child.stdout
        child.stdout.readline()
        yield child
    finally:
        child.kill()
        child.communicate()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "root"
    place.mkdir()
    return place


def test_a_folder_without_life_has_an_empty_census(root: Path) -> None:
    seen = census_of(root)
    assert (seen.commands, seen.ports, seen.locks) == ({}, frozenset(), frozenset())
    assert left_of(seen) == []


def test_a_process_is_found_by_the_mark_of_the_folder(root: Path) -> None:
    mark = mark_of(root / ".turnout", "shop-r1-1")
    with running(WAITS, environment={MARK: mark}) as child:
        assert list(census_of(root).commands) == [child.pid]


def test_a_process_is_found_by_its_command_folder_or_environment(root: Path) -> None:
    with (
        running(WAITS, str(root / "file")) as one,
        running(WAITS, folder=root) as two,
        running(WAITS, environment={"PLACE": str(root)}) as three,
        running(WAITS),
    ):
        assert set(census_of(root).commands) == {one.pid, two.pid, three.pid}


def test_what_a_found_process_listens_on_is_in_the_census(root: Path) -> None:
    with running(LISTENS, folder=root):
        seen = census_of(root)
        [port] = seen.ports
        assert f"port {port}" in left_of(seen)
    assert left_of(seen) == []


def test_a_lock_is_found_with_its_holder(root: Path) -> None:
    with (root / "controller.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        seen = census_of(root)
        assert seen.locks == {root / "controller.lock"}
        assert left_of(seen) == [f"lock {root / 'controller.lock'}"]
    assert left_of(seen) == []


def test_a_process_that_lives_on_without_a_trace_is_still_left(root: Path, tmp_path: Path) -> None:
    with running(WAITS, folder=root) as child:
        seen = census_of(root)
        root.rename(tmp_path / "elsewhere")
        assert [told for told in left_of(seen) if told.startswith(f"process {child.pid}:")]


def test_a_process_that_ended_is_not_left(root: Path) -> None:
    with running(WAITS, folder=root):
        seen = census_of(root)
    assert seen.commands
    assert left_of(seen) == []
