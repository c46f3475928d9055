"""The whole command line over real parts: processes, Envoy, controllers that are killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from turnout.bootstrap_ending import running
from turnout.bootstrap_folder import Folder
from turnout.children import holders, is_locked

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

SERVER = """\
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        body = sys.argv[2].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
FILE = """\
turnout: 1
services:
  shop:
    run: {{command: {python} serve.py $port $version, ready: {{http: /, every: 200ms, passes: 1}}}}
    route: {port}
    shift: {{steps: [{{weight: 50%, hold: 1s}}, {{weight: 100%, hold: 1s}}]}}
    retire: {{drain: 1s}}
"""
MORE_S = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a service, and the port of its users."""

    root: Path
    port: int

    @property
    def folder(self) -> Folder:
        return Folder(self.root / ".turnout")

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command and see that it ends as it should."""
        command = [sys.executable, "-m", "turnout.entrypoints.cli", *words]
        done = subprocess.run(
            command, cwd=self.root, capture_output=True, text=True, check=False, timeout=MORE_S
        )
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """Begin a command and leave it running."""
        command = [sys.executable, "-m", "turnout.entrypoints.cli", *words]
        return subprocess.Popen(
            command, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def ask(self) -> str:
        """Be a user."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
            return str(answer.read().decode())

    def controllers(self) -> list[int]:
        """List the processes that hold the folder."""
        return holders(self.folder.lock)

    def kill_controller(self) -> None:
        """Kill the controller as a power cut would."""
        for pid in self.controllers():
            os.kill(pid, signal.SIGKILL)
        until(lambda: not is_locked(self.folder.lock))


def until(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    last_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < last_s, "it never came to that"
        threading.Event().wait(0.05)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    (tmp_path / "serve.py").write_text(SERVER, encoding="utf-8")
    text = FILE.format(python=sys.executable, port=port)
    (tmp_path / "turnout.yaml").write_text(text, encoding="utf-8")
    place = Place(tmp_path, port)
    yield place
    place.run("down", "--yes", "--drain", "1s")
    assert running(place.folder) == []


@contextmanager
def users(place: Place) -> Iterator[list[str]]:
    """Ask all the time; give what failed."""
    over, failed = threading.Event(), list[str]()

    def ask() -> None:
        while not over.wait(0.005):
            try:
                place.ask()
            except (OSError, urllib.error.URLError) as error:
                failed.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield failed
    finally:
        over.set()
        for thread in threads:
            thread.join(10)


def status(place: Place) -> dict[str, object]:
    found = json.loads(place.run("status", "--json").stdout)["services"][0]
    assert isinstance(found, dict)
    return found


def test_a_first_release_serves_users_and_everything_ends(place: Place) -> None:
    done = place.run("release", "shop", "v1", "--wait")
    assert done.stdout == "shop-1: promoted; users are on v1\n"
    assert place.ask() == "v1"
    place.run("down", "--yes", "--drain", "1s")
    assert running(place.folder) == []
    assert not is_locked(place.folder.lock)
    assert status(place)["is_down"] is True
    with pytest.raises(OSError, match="refused"):
        place.ask()


def test_a_stopped_service_runs_again_with_its_own_version(place: Place) -> None:
    place.run("release", "shop", "v1", "--wait")
    place.run("down", "--yes", "--drain", "1s")
    assert "runs again" in place.run("release", "shop", "v1", "--wait").stdout
    until(lambda: answers(place) == "v1")


def answers(place: Place) -> str:
    try:
        return place.ask()
    except OSError:
        return ""


def test_two_commands_at_once_start_one_controller(place: Place) -> None:
    first = place.begin("release", "shop", "v1", "--key", "same")
    second = place.begin("release", "shop", "v1", "--key", "same")
    told = [one.communicate(timeout=MORE_S)[0] for one in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], told
    assert told[0] == told[1] == "shop-1 is under way: turnout watch shop-1\n"
    assert len(place.controllers()) == 1


def test_a_second_controller_is_refused_and_the_first_ended_by_name(place: Place) -> None:
    place.run("release", "shop", "v1", "--wait")
    assert "serve --stop" in place.run("serve", code=4).stderr
    assert "services run on" in place.run("serve", "--stop").stdout
    assert not is_locked(place.folder.lock)
    assert place.ask() == "v1"
    assert "no controller is running" in place.run("status").stderr


def test_a_killed_controller_loses_no_request_and_goes_on(place: Place) -> None:
    place.run("release", "shop", "v1", "--wait")
    with users(place) as failed:
        watcher = place.begin("release", "shop", "v2", "--wait")
        until(lambda: active_phase(place) == "watching")
        place.kill_controller()
        assert place.ask() in {"v1", "v2"}
        place.run("pause", "shop")  # starts a controller
        place.run("resume", "shop")
        place.run("promote", "shop", "--reason", "seen enough")
        out, err = watcher.communicate(timeout=MORE_S)
    assert watcher.returncode == 0, out + err
    assert out == "shop-2: promoted; users are on v2\n"
    assert failed == []


def test_down_works_after_everything_that_leads_was_killed(place: Place) -> None:
    place.run("release", "shop", "v1", "--wait")
    place.kill_controller()
    for pid in holders(place.folder.gateway / "lock"):
        os.kill(pid, signal.SIGKILL)
    assert place.ask() == "v1"
    place.run("down", "--yes", "--drain", "0s")
    assert running(place.folder) == []
    assert answers(place) == ""


def test_a_release_goes_back_when_a_person_says_so(place: Place) -> None:
    place.run("release", "shop", "v1", "--wait")
    place.run("release", "shop", "v2")
    until(lambda: active_phase(place) == "watching")
    done = place.run("rollback", "shop", "--wait")
    assert done.stdout == "shop-2: aborted; users are on v1\n"
    assert place.ask() == "v1"


def active_phase(place: Place) -> str:
    release = status(place)["release"]
    return str(release["phase"]) if isinstance(release, dict) else ""


def test_a_wait_may_be_left_and_the_release_goes_on(place: Place) -> None:
    place.run("release", "shop", "v1", "--wait")
    watcher = place.begin("release", "shop", "v2", "--wait")
    until(lambda: active_phase(place) == "watching")
    watcher.send_signal(signal.SIGINT)
    _, err = watcher.communicate(timeout=MORE_S)
    assert watcher.returncode == 130
    assert "shop-2 goes on without this window: turnout watch shop-2" in err
    assert active_phase(place) == "watching"


def test_a_controller_ends_by_itself_with_nothing_to_do(place: Place) -> None:
    place.folder.make()
    controller = place.begin("serve", "--idle", "1")
    controller.communicate(timeout=30)
    assert controller.returncode == 0
    assert running(place.folder) == []


def test_a_killed_gateway_comes_back_and_users_notice_nothing(place: Place) -> None:
    place.run("release", "shop", "v1", "--wait")
    [killed] = holders(place.folder.gateway / "lock")
    with users(place) as failed:
        os.kill(killed, signal.SIGKILL)
        until(lambda: bool(set(holders(place.folder.gateway / "lock")) - {killed}))
    assert failed == []


def test_a_controller_starts_quickly_and_stays_small(place: Place) -> None:
    began_s = time.monotonic()
    place.run("release", "shop", "v1")
    assert time.monotonic() - began_s < 5.0
    [pid] = place.controllers()
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    resident = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    assert int(resident.split()[1]) < 100 * 1024
