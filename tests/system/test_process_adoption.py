"""A killed controller: its instances live on, are found again, and run once each."""

import asyncio
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnout.children import census, end_all, holders, mark_of, marked, session_of

pytestmark = pytest.mark.system

ROUNDS = int(os.environ.get("TURNOUT_ADOPTION_ROUNDS", "100"))

# A controller that wants three instances of a release, over and over, until it is killed.
CONTROLLER = """
import asyncio, sys
from pathlib import Path
from turnout.adapters.process import ProcessRuntime, ProcessSettings
from turnout.domain.route import Fence
from turnout.domain.version import InstanceSet, Ready, RunSpec, Version

SERVER = '''
import os, socket, sys
with open(sys.argv[2], "a") as starts:
    starts.write(os.environ["TURNOUT_INSTANCE"] + chr(10))
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    talk, _ = server.accept()
    talk.recv(4096)
    end = bytes((13, 10))
    talk.sendall(b"HTTP/1.1 200 OK" + end + b"content-length: 0" + end + end)
    talk.close()
'''

async def main(folder: Path, epoch: int, number: int) -> None:
    command = (sys.executable, "-S", "-c", SERVER, "$port", str(folder / "starts"))
    run = RunSpec(command=command, folder=str(folder), ready=Ready(http="/", every_s=0.05))
    version = Version(name="v1", digest="sha256:1", artifact_digest=None, run=run)
    of = InstanceSet(service="guard", number=number, version=version)
    runtime = ProcessRuntime(ProcessSettings(folder=folder, environment="test"))
    print("begun", flush=True)
    await runtime.claim("guard", epoch)
    for revision in range(1_000_000):
        await runtime.ensure("guard", {of: 3}, Fence(epoch, revision), {})
        seen = (await runtime.look("guard"))[of.name]
        print(seen.total, seen.ready, seen.crashes, flush=True)
        await asyncio.sleep(0.01)

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
"""


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    yield tmp_path
    await end_all(lambda: census(tmp_path), grace_s=0.0)


async def reign(folder: Path, epoch: int, lasts_s: float, number: int = 17) -> str:
    """Let a controller work for a while, then kill it; give the last that it said."""
    asked = (str(folder), str(epoch), str(number))
    controller = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CONTROLLER, *asked, stdout=asyncio.subprocess.PIPE
    )
    assert controller.stdout is not None
    said = await controller.stdout.readline()
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


def names(number: int = 17) -> list[str]:
    return [f"guard-r{number}", f"guard-r{number}-2", f"guard-r{number}-3"]


def most_servers_of(folder: Path, number: int = 17) -> int:
    return max(len(marked(mark_of(folder, name))) for name in names(number))


@pytest.mark.timeout(300)
async def test_controllers_killed_at_any_moment_start_each_instance_once(folder: Path) -> None:
    chance = random.Random()  # noqa: S311 - it draws moments, nothing is secret
    for epoch in range(1, ROUNDS + 1):  # each second one finds a new release to start
        await reign(folder, epoch, chance.uniform(0.0, 0.25), number=epoch // 2)
        assert most_servers_of(folder, epoch // 2) <= 1
    assert await reign(folder, ROUNDS + 1, 5.0, number=ROUNDS) == "3 3 0"
    started = Counter((folder / "starts").read_text().split())
    assert len(started) >= ROUNDS // 2
    assert [name for name, n in started.items() if n > 1] == []
    assert sorted(census(folder)) == sorted(holders_of(folder, names(ROUNDS)))


def holders_of(folder: Path, instances: list[str]) -> list[int]:
    return [pid for name in instances for pid in holders(folder / "instances" / name / "lock")]


@pytest.mark.timeout(180)
async def test_controllers_and_instances_killed_at_any_moment_leave_one_of_each(
    folder: Path,
) -> None:
    chance = random.Random()  # noqa: S311 - it draws moments, nothing is secret
    for epoch in range(1, ROUNDS // 4 + 1):
        await reign(folder, epoch, chance.uniform(0.0, 0.4))
        for pid in marked(mark_of(folder, chance.choice(names()))):
            os.kill(pid, signal.SIGKILL)
        assert most_servers_of(folder) <= 1
    assert (await reign(folder, ROUNDS + 1, 15.0)).startswith("3 3 ")
    assert len(census(folder)) == 3


@pytest.mark.timeout(60)
async def test_an_end_that_nobody_watched_is_counted_by_the_next_controller(folder: Path) -> None:
    assert await reign(folder, 1, 2.0) == "3 3 0"
    for pid in marked(mark_of(folder, "guard-r17-2")):
        os.kill(pid, signal.SIGKILL)
    assert await reign(folder, 2, 3.0) == "3 3 1"


@pytest.mark.timeout(60)
async def test_an_instance_holds_its_own_lock_in_a_session_of_its_own(folder: Path) -> None:
    await reign(folder, 1, 2.0)
    for name in names():
        (pid,) = marked(mark_of(folder, name))
        assert holders(folder / "instances" / name / "lock") == [pid]
        assert session_of(pid) == pid
        kept = json.loads((folder / "instances" / name / "run.json").read_text())
        assert (kept["root"]["pid"], kept["is_ready"]) == (pid, True)
