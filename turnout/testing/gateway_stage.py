"""A gateway with its Envoy for a test: started as people start it, killed as crashes do."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from turnout.children import holders
from turnout.domain.route import Observed, Route, RouteSettings, Target
from turnout.domain.version import Endpoint
from turnout.testing.waiting import eventually
from turnout.wire.unix_http import Call, ask

_END_S = 5.0
_WHOLE_BP = 10_000


def free_port() -> int:
    """Give a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A service `shop` for tests: stable `shop-r1`, candidate `shop-r2`."""

    listen: int
    stable: int
    candidate: int = 0
    service: str = "shop"
    settings: RouteSettings | None = None

    def route(self, weight_bp: int | None = None, *, sequence: int = 1) -> Route:
        """Give the route with a weight of the candidate; None: stable alone."""
        stable = Target(
            set_name=f"{self.service}-r1",
            version="v1",
            weight_bp=_WHOLE_BP - (weight_bp or 0),
        )
        other = Target(
            set_name=f"{self.service}-r2", version="v2", weight_bp=weight_bp or 0, candidate=True
        )
        places = {stable.set_name: self.stable, other.set_name: self.candidate}
        return Route(
            service=self.service,
            settings=self.settings or RouteSettings(listen=Endpoint("127.0.0.1", self.listen)),
            targets=(stable,) if weight_bp is None else (other, stable),
            salt="r2",
            observed={
                name: Observed(endpoints=(Endpoint("127.0.0.1", port),), health_path="/health")
                for name, port in places.items()
                if port
            },
            sequence=sequence,
        )
