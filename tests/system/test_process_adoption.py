"""A killed controller: its instances live on, are found again, and run once each."""

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout.children import census, holders, mark_of, marked, session_of

pytestmark = pytest.mark.system

ROUNDS = int(os.environ.get("TURNOUT_ADOPTION_ROUNDS", "100"))

# A controller that does nothing but want three instances, over and over, until it is killed.
CONTROLLER = """
import asyncio, sys
from pathlib import Path
from turnout.adapters.process import ProcessRuntime, ProcessSettings
from turnout.domain.route import Fence
from turnout.domain.version import InstanceSet, Ready, RunSpec, Version

SERVER = '''
import socket, sys, pathlib, os
with open(sys.argv[2], "a") as starts:
    starts.write(sys.argv[3] + chr(10))
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    talk, _ = server.accept()
    talk.recv(4096)
    talk.sendall(b"HTTP/1.1 200 OK" + bytes((13, 10)) + b"content-length: 0" + bytes((13, 10, 13, 10)))
    talk.close()
'''

async def main(folder: Path, epoch: int) -> None:
    command = (sys.executable, "-S", "-c", SERVER, "$port", str(folder / "starts"), "$port")
    run = RunSpec(command=command, folder=str(folder), ready=Ready(http="/", every_s=0.05))
    version = Version(name="v1", digest="sha256:1", artifact_digest=None, run=run)
    of = InstanceSet(service="guard", number=17, version=version)
    runtime = ProcessRuntime(ProcessSettings(folder=folder, environment="test"))
    await runtime.claim("guard", epoch)
    for revision in range(1_000_000):
        await runtime.ensure("guard", {of: 3}, Fence(epoch, revision), {})
        seen = (await runtime.look("guard"))[of.name]
        print(seen.total, seen.ready, seen.crashes, flush=True)
        await asyncio.sleep(0.01)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""
NAMES = ("guard-r17", "guard-r17-2", "guard-r17-3")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for pid in census(tmp_path):
        os.kill(pid, signal.SIGKILL)


async def reign(folder: Path, epoch: int, lasts_s: float) -> str:
    """Let a controller work for a while, then kill it; give the last that it said."""
    controller = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CONTROLLER, str(folder), str(epoch), stdout=asyncio.subprocess.PIPE
    )
    assert controller.stdout is not None
    said = b""
    try:
        async with asyncio.timeout(lasts_s):
            async for line in controller.stdout:
                said = line
    except TimeoutError:
        pass
    finally:
        controller.kill()
        await controller.communicate()
    return said.decode().strip()


def servers_of(folder: Path) -> list[int]:
    return [len(marked(mark_of(folder, name))) for name in NAMES]


@pytest.mark.timeout(180)
async def test_controllers_killed_at_any_moment_start_each_instance_once(folder: Path) -> None:
    for epoch in range(1, ROUNDS + 1):
        await reign(folder, epoch, random.uniform(0.2, 0.6))
        assert max(servers_of(folder)) <= 1
    assert (await reign(folder, ROUNDS + 1, 3.0)) == "3 3 0"
    assert len((folder / "starts").read_text().split()) == 3
    assert servers_of(folder) == [1, 1, 1]


@pytest.mark.timeout(180)
async def test_controllers_and_instances_killed_at_any_moment_leave_one_of_each(
    folder: Path,
) -> None:
    for epoch in range(1, ROUNDS // 4 + 1):
        await reign(folder, epoch, random.uniform(0.25, 0.7))
        victims = marked(mark_of(folder, random.choice(NAMES)))
        for pid in random.sample(victims, min(1, len(victims))):
            os.kill(pid, signal.SIGKILL)
        assert max(servers_of(folder)) <= 1
    last = await reign(folder, ROUNDS + 1, 6.0)
    assert last.startswith("3 3 ")
    assert servers_of(folder) == [1, 1, 1]


@pytest.mark.timeout(60)
async def test_an_end_that_nobody_watched_is_counted_by_the_next_controller(folder: Path) -> None:
    assert await reign(folder, 1, 2.0) == "3 3 0"
    for pid in marked(mark_of(folder, "guard-r17-2")):
        os.kill(pid, signal.SIGKILL)
    assert await reign(folder, 2, 3.0) == "3 3 1"


@pytest.mark.timeout(60)
async def test_an_instance_holds_its_own_lock_in_a_session_of_its_own(folder: Path) -> None:
    await reign(folder, 1, 2.0)
    for name in NAMES:
        (pid,) = marked(mark_of(folder, name))
        assert holders(folder / "instances" / name / "lock") == [pid]
        assert session_of(pid) == pid
        kept = json.loads((folder / "instances" / name / "run.json").read_text())
        assert (kept["root"]["pid"], kept["is_ready"]) == (pid, True)
