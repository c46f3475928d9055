"""When an instance counts as ready, and on which port."""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnout.adapters.process import ProcessRuntime, ProcessSettings
from turnout.children import census, listener_of
from turnout.domain.route import Fence
from turnout.domain.version import InstanceSet, Ready, RunSpec, Version
from turnout.errors import ShrinkRefusedError
from turnout.testing.contracts_runtime import until
from turnout.testing.model_server import Behaviour, ModelServer
from turnout.testing.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(40)]

SERVER = ("-m", "turnout.testing.model_server", "--version", "$version", "--port", "$port")
CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]})
STREAM = json.dumps({**json.loads(CHAT), "stream": True})

# It answers the paths of its second argument with 200 or what the file of its third one says.
PATHS = """
import http.server, pathlib, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = pathlib.Path(sys.argv[3])
        found = self.path in sys.argv[2].split(",")
        self.send_response(404 if not found else int(said.read_text()) if said.exists() else 200)
        self.end_headers()
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
# It takes connections and says nothing that is HTTP.
SILENT = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()[0].close()
"""
# It never listens, and lives on.
MUTE = "import signal; signal.pause()"


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[ProcessRuntime]:
    settings = ProcessSettings(folder=tmp_path, environment="test", grace_s=1.0)
    runtime = ProcessRuntime(settings)
    yield runtime
    await runtime.ensure("guard", {}, Fence(9, 9), {})

    async def nothing_is_left() -> bool:
        return not await runtime.look("guard")

    await eventually(nothing_is_left)
    await runtime.close()
    assert census(tmp_path) == []


def a_set(folder: Path, *command: str, number: int = 17, **ready: object) -> InstanceSet:
    run = RunSpec(
        command=(sys.executable, *command),
        folder=str(folder),
        ready=Ready(**{"every_s": 0.05, **ready}),  # type: ignore[arg-type]  # fields of Ready
    )
    version = Version(name=f"v{number}", digest=f"sha256:{number}", artifact_digest=None, run=run)
    return InstanceSet(service="guard", number=number, version=version)


async def ensure(runtime: ProcessRuntime, *sets: InstanceSet) -> None:
    await runtime.ensure("guard", dict.fromkeys(sets, 1), Fence(1, 1), {})


@contextlib.asynccontextmanager
async def stranger(port: int, *, answers: bool) -> AsyncIterator[None]:
    """Listen on a port of somebody else's, in this process."""
    if answers:
        async with ModelServer(Behaviour(version="v9"), port=port):
            yield
    else:
        with socket.create_server(("127.0.0.1", port)):
            yield


async def listens_elsewhere(folder: Path, port: int) -> bool:
    return port_of(folder) not in (0, port)


def port_of(folder: Path) -> int:
    kept = json.loads((folder / "instances" / "guard-r17" / "run.json").read_text())
    return int(kept["port"])


@pytest.mark.parametrize(
    ("paths", "found"),
    [("/health,/", "/health"), ("/healthz,/", "/healthz"), ("/", "/"), ("/ping", None)],
)
async def test_the_first_path_that_answers_well_tells_health_from_then_on(
    runtime: ProcessRuntime, tmp_path: Path, paths: str, found: str | None
) -> None:
    of = a_set(tmp_path, "-c", PATHS, "$port", paths, "status")
    await ensure(runtime, of)
    seen = await until(runtime, of, lambda seen: seen.ready == 1)
    assert seen.health_path == found
    other = a_set(tmp_path, "-c", PATHS, "$port", "/health,/healthz,/", "status", number=18)
    await ensure(runtime, of, other)
    assert (await until(runtime, other, lambda seen: seen.ready == 1)).health_path == found


async def test_what_takes_connections_and_speaks_no_http_is_ready(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    of = a_set(tmp_path, "-S", "-c", SILENT, "$port")
    await ensure(runtime, of)
    assert (await until(runtime, of, lambda seen: seen.ready == 1)).health_path is None


async def test_a_path_that_says_not_yet_is_waited_for(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    (tmp_path / "status").write_text("503")
    of = a_set(tmp_path, "-c", PATHS, "$port", "/healthz", "status")
    await ensure(runtime, of)
    await until(runtime, of, lambda seen: "/healthz was answered with 503" in seen.why_not_ready)
    (tmp_path / "status").unlink()
    assert (await until(runtime, of, lambda seen: seen.ready == 1)).health_path == "/healthz"


async def test_probes_that_fail_are_counted_and_cost_readiness_at_the_third(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    of = a_set(tmp_path, "-c", PATHS, "$port", "/health", "status", http="/health", every_s=0.2)
    await ensure(runtime, of)
    await until(runtime, of, lambda seen: seen.ready == 1)
    (tmp_path / "status").write_text("500")
    assert (await until(runtime, of, lambda seen: seen.failed_probes == 2)).ready == 1
    lost = await until(runtime, of, lambda seen: seen.failed_probes == 3)
    assert (lost.ready, lost.endpoints, lost.crashes) == (0, (), 0)
    assert lost.why_not_ready == "GET /health was answered with 500"
    (tmp_path / "status").unlink()
    assert (await until(runtime, of, lambda seen: seen.ready == 1)).failed_probes == 0


@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
async def test_a_completion_with_text_is_asked_for_until_it_comes(
    runtime: ProcessRuntime, tmp_path: Path, body: str
) -> None:
    of = a_set(tmp_path, *SERVER, "--token-ms", "1", completion=body)
    await ensure(runtime, of)
    assert (await until(runtime, of, lambda seen: seen.ready == 1)).health_path == "/health"


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (("--answer", ""), "was answered without text"),
        (("--error-ratio", "1"), "was answered with 500"),
        (("--cut-after", "0"), "got no answer"),
    ],
    ids=["empty", "error", "cut"],
)
async def test_a_server_that_is_healthy_and_cannot_complete_is_not_ready(
    runtime: ProcessRuntime, tmp_path: Path, fault: tuple[str, str], why: str
) -> None:
    body = STREAM if fault[0] == "--cut-after" else CHAT
    of = a_set(tmp_path, *SERVER, *fault, http="/health", completion=body)
    await ensure(runtime, of)
    seen = await until(runtime, of, lambda seen: why in seen.why_not_ready)
    assert (seen.total, seen.ready, seen.restarts_before_ready) == (1, 0, 0)


@pytest.mark.parametrize("answers", [True, False], ids=["well", "not at all"])
async def test_another_program_on_the_port_is_never_taken_for_the_instance(
    runtime: ProcessRuntime,
    tmp_path: Path,
    answers: bool,  # noqa: FBT001 - a case of the table
) -> None:
    of = a_set(tmp_path, "-S", "-c", MUTE, timeout_s=0.1)
    await ensure(runtime, of)
    await until(runtime, of, lambda seen: "nothing listens" in seen.why_not_ready)
    port = port_of(tmp_path)
    async with stranger(port, answers=answers):
        await eventually(lambda: listens_elsewhere(tmp_path, port))
        seen = (await runtime.look("guard"))[of.name]
    assert (seen.ready, seen.restarts_before_ready) == (0, 0)


async def test_a_port_that_was_taken_during_a_restart_is_given_up_for_another(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    of = a_set(tmp_path, *SERVER, http="/health")
    await ensure(runtime, of)
    port = (await until(runtime, of, lambda seen: seen.ready == 1)).endpoints[0].port
    (pid,) = listener_of(port)
    signalled = await asyncio.create_subprocess_exec("kill", "-9", str(pid))
    await signalled.wait()
    await until(runtime, of, lambda seen: seen.crashes == 1)
    with socket.create_server(("127.0.0.1", port)):
        seen = await until(runtime, of, lambda seen: seen.ready == 1)
    assert seen.endpoints[0].port != port
    assert (seen.crashes, seen.restarts_before_ready) == (1, 0)


async def test_nothing_is_ended_for_an_instance_that_stopped_answering_just_now(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    paths = ("-c", PATHS, "$port", "/health", "status")
    old, new = (a_set(tmp_path, *paths, number=n, every_s=10.0, passes=1) for n in (17, 18))
    await ensure(runtime, old, new)
    for of in (old, new):
        await until(runtime, of, lambda seen: seen.ready == 1)
    (tmp_path / "status").write_text("500")  # the next probe in its turn is 10 s away
    with pytest.raises(ShrinkRefusedError, match="0 of 1"):
        await runtime.ensure("guard", {new: 1}, Fence(1, 2), {new: 1})
    (tmp_path / "status").unlink()
    await runtime.ensure("guard", {new: 1}, Fence(1, 3), {new: 1})
    await until(runtime, old, lambda seen: seen.total == 0)


async def test_asking_and_telling_cost_next_to_nothing_when_all_is_well(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    of = a_set(tmp_path, *SERVER, http="/health", every_s=1.0)
    await runtime.ensure("guard", {of: 2}, Fence(1, 1), {})
    await until(runtime, of, lambda seen: seen.ready == 2)
    loop = asyncio.get_running_loop()
    took_s: dict[str, list[float]] = {"ensure": [], "look": []}
    for revision in range(100):
        began_s = loop.time()
        await runtime.ensure("guard", {of: 2}, Fence(2, revision), {})
        took_s["ensure"].append(loop.time() - began_s)
        began_s = loop.time()
        await runtime.look("guard")
        took_s["look"].append(loop.time() - began_s)
    assert sorted(took_s["ensure"])[90] < 0.005
    assert sorted(took_s["look"])[90] < 0.002
