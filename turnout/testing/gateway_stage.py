"""A gateway with its Envoy for a test: started as people start it, killed as crashes do."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from turnout.children import holders
from turnout.domain.route import Route
from turnout.domain.version import Endpoint
from turnout.testing.contracts_router import a_route
from turnout.testing.model_server import Behaviour, ModelServer
from turnout.testing.waiting import eventually
from turnout.wire.unix_http import Call, ask

_END_S = 5.0
_LOCAL = "127.0.0.1"


def free_port() -> int:
    """Give a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((_LOCAL, 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class GatewayStage:
    """One folder with its daemon and its Envoy."""

    folder: Path
    rotate_bytes: int | None = None
    _daemon: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def socket(self) -> Path:
        """Give the control socket."""
        return self.folder / "gateway.sock"

    @property
    def envoys(self) -> list[int]:
        """List the processes that hold Envoy's lock."""
        return holders(self.folder / "envoy.lock")

    async def start(self) -> None:
        """Start the daemon and wait until it answers and its Envoy is on the line."""
        self.spawn()
        await eventually(self._is_up, within_s=_END_S)

    def spawn(self) -> None:
        """Start the daemon and do not wait."""
        command = [sys.executable, "-m", "turnout.gateway", "--folder", str(self.folder)]
        if self.rotate_bytes is not None:
            command += ["--rotate-bytes", str(self.rotate_bytes)]
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "daemon.log").open("ab") as log:
            self._daemon = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - ours

    async def _is_up(self) -> bool:
        """Tell whether the daemon answers and its Envoy is on the line."""
        try:
            answer = await ask(Call(socket=self.socket, method="GET", target="/v1/health"))
        except OSError:
            return False
        return b'"connected":true' in answer.body

    def kill(self) -> None:
        """Kill the daemon; Envoy lives on."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the daemon to end; Envoy lives on."""
        self._end(signal.SIGTERM)

    def kill_envoy(self) -> None:
        """Kill Envoy."""
        for pid in self.envoys:
            os.kill(pid, signal.SIGKILL)

    def exit_code(self) -> int | None:
        """Give the daemon's exit code, None while it runs."""
        return self._daemon.poll() if self._daemon else None

    def _end(self, number: signal.Signals) -> None:
        if self._daemon is not None:
            self._daemon.send_signal(number)
            self._daemon.wait(_END_S)


@contextlib.asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[GatewayStage]:
    """Run a gateway and end all of it, whatever happens."""
    stage = GatewayStage(folder)
    try:
        await stage.start()
        yield stage
    finally:
        stage.kill()
        stage.kill_envoy()
        async with asyncio.timeout(_END_S):
            while stage.envoys:  # noqa: ASYNC110 - a killed process sends no event
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def two_versions() -> AsyncIterator[dict[str, Endpoint]]:
    """Serve v1 and v2; give where, by the numbers of their releases."""
    async with (
        ModelServer(Behaviour(version="v1")) as one,
        ModelServer(Behaviour(version="v2")) as two,
    ):
        yield {"r1": Endpoint(_LOCAL, one.port), "r2": Endpoint(_LOCAL, two.port)}


def a_split(
    places: Mapping[str, Endpoint], weight_bp: int | None = None, service: str = "shop"
) -> Route:
    """Make a route of these versions at a free port; None: stable alone."""
    listen = Endpoint(_LOCAL, free_port())
    return a_route(weight_bp, service=service, listen=listen, places=places)


async def answer_of(port: int, path: str = "/", host: str = "a", **fields: str) -> str:
    """Ask once on a connection of its own; give head and body."""
    reader, writer = await asyncio.open_connection(_LOCAL, port)
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{extra}\r\n"
    with contextlib.closing(writer):
        writer.write(head.encode())
        return (await reader.read()).decode()
