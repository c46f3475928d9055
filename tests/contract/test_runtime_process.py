"""The runtime whose instances are processes keeps the contract."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnout.adapters.process import ProcessRuntime, ProcessSettings
from turnout.application.ports import Runtime
from turnout.children import census, end_all, mark_of, marked
from turnout.domain.version import Ready, RunSpec, Version
from turnout.testing.contracts_runtime import RuntimeContract, RuntimeWorld

# As little as answers: a start of these is quick enough for many tests.
ANSWERS = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    talk, _ = server.accept()
    talk.recv(4096)
    talk.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n")
    talk.close()
"""
ENDS = "print('no GPU was found', flush=True); raise SystemExit(1)"
WAITS = "import signal; signal.pause()"


def version(name: str, code: str) -> Version:
    run = RunSpec(
        command=(sys.executable, "-S", "-c", code, "$port"),
        folder="/",
        ready=Ready(http="/health", passes=1, every_s=0.1),
    )
    return Version(name=name, digest=f"sha256:{name}", artifact_digest=None, run=run)


class TestProcessRuntime(RuntimeContract):
    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[RuntimeWorld]:
        settings = ProcessSettings(folder=tmp_path, environment="test", grace_s=2.0)
        made = [ProcessRuntime(settings)]

        async def crash(set_name: str) -> None:
            for pid in marked(mark_of(tmp_path, set_name)):
                os.kill(pid, signal.SIGKILL)

        async def reopened() -> Runtime:
            await made[-1].close()
            made.append(ProcessRuntime(settings))
            return made[-1]

        yield RuntimeWorld(
            runtime=made[0],
            sound=version("v1", ANSWERS),
            broken=version("v2", ENDS),
            slow=version("v3", WAITS),
            crash=crash,
            reopened=reopened,
        )
        await made[-1].close()
        await end_all(lambda: census(tmp_path), grace_s=0.0)
