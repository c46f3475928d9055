"""A demonstration that cannot begin says so in one sentence, and leaves nothing."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import turnout
from turnout.entrypoints.demo.preflight import port_for_users
from turnout.errors import BadInputError

SOURCE = Path(turnout.__file__).parents[1]


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def demo(place: Path, *flags: str, path: Path = SOURCE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "turnout.entrypoints.cli", "demo", *flags],
        cwd=SOURCE,
        env={**os.environ, "TMPDIR": str(place), "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )


def test_a_free_port_is_found_where_none_is_asked_for() -> None:
    assert port_for_users(None) > 1024
    assert port_for_users(port := port_for_users(None)) == port


def test_a_port_that_is_taken_is_named_with_its_holder(taken: int) -> None:
    with pytest.raises(BadInputError, match=f"port {taken} is taken by process {os.getpid()};"):
        port_for_users(taken)


def test_a_number_that_is_no_port_is_refused() -> None:
    with pytest.raises(BadInputError, match="there is no port 70000"):
        port_for_users(70_000)


def test_a_demonstration_on_a_taken_port_leaves_with_a_sentence(tmp_path: Path, taken: int) -> None:
    done = demo(tmp_path, "--port", str(taken))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: port {taken} is taken by process")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_demonstration_without_numpy_names_what_to_install(tmp_path: Path) -> None:
    hides = tmp_path / "hides"
    hides.mkdir()
    (hides / "sitecustomize.py").write_text("import sys; sys.modules['numpy'] = None\n", "utf-8")
    done = demo(tmp_path, path=hides)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install "turnout[demo]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [place.name for place in tmp_path.iterdir()] == ["hides"]
