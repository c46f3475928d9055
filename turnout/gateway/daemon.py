"""The gateway daemon: one for each folder, it owns Envoy and outlives nobody's patience."""

import asyncio
import contextlib
import fcntl
import gc
import os
import signal
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import structlog

from turnout.errors import GatewayUnreachableError, UnavailableError
from turnout.gateway.ads import Ads, Refusal
from turnout.gateway.api import Api, Parts
from turnout.gateway.applying import Applying
from turnout.gateway.evidence import ROTATE_BYTES, Evidence
from turnout.gateway.folder import Folder, opened
from turnout.gateway.inflight import InFlightCounts
from turnout.gateway.keeper import Keeper
from turnout.gateway.looks import Looks
from turnout.gateway.making import Making
from turnout.gateway.messages import serve_stream
from turnout.gateway.proxy import Proxy
from turnout.gateway.rows import Rows
from turnout.gateway.server import Server
from turnout.gateway.services import Services
from turnout.wire.calls import Health

EXIT_SERVED_ALREADY = 75
_SETTLE_EVERY_S = 2.0
_log = structlog.get_logger()


class ServedAlreadyError(UnavailableError):
    """Another daemon holds the folder."""

    code = "gateway.served_already"


async def serve(folder: Path, *, rotate_bytes: int = ROTATE_BYTES) -> None:
    """Serve the folder until SIGTERM, which leaves Envoy running, or until told to stop.

    Args:
        folder: Made if it is not there; readable by its owner alone.
        rotate_bytes: Size at which the access log is rotated.

    Raises:
        ServedAlreadyError: Another daemon serves it.
    """
    places = opened(folder)
    with _locked(places):
        await _Daemon(places, rotate_bytes).run()


@contextlib.contextmanager
def _locked(folder: Folder) -> Iterator[None]:
    # Held for life and never inherited: Envoy, which lives longer, must not hold it.
    descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as e:
        raise ServedAlreadyError(f"another gateway daemon serves {folder.root}") from e
    finally:
        os.close(descriptor)


class _Daemon:
    def __init__(self, folder: Folder, rotate_bytes: int) -> None:
        self._folder = folder
        self._rows = Rows(state=folder.state, epoch_file=folder.root / "epoch")
        self._rows.load()
        self._proxy = Proxy(folder)
        self._ads = Ads(self._refused)
        making = Making()
        self._looks = Looks(self._rows, self._ads, making)
        applying = Applying(self._ads, self._proxy)
        self._services = Services(self._rows, self._ads, applying, making, self._looks)
        self._evidence = Evidence(folder, self._proxy, self._looks, rotate_bytes)
        self._keeper = Keeper(self._proxy, self._ads, self._came)
        self._drain_s: float | None = None
        self._ending = asyncio.Event()

    async def run(self) -> None:
        for service, reason in self._rows.unreadable.items():
            _log.error("state_unreadable", service=service, reason=reason)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        stream = await serve_stream(self._folder.socket("ads.sock"), self._ads.stream)
        server = Server(Api(self._parts()).reply)
        settling = asyncio.create_task(self._settle())
        tasks = [self._keeper.start(), self._evidence.start(), settling]
        try:
            await server.start(self._folder.socket("gateway.sock"))
            # What was imported lives for good; to walk it again would stall a switch by 70 ms.
            gc.collect()
            gc.freeze()
            await self._until_ending(tasks)
        finally:
            await server.close()
            await self._keeper.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._finish()
            await stream.stop(0)

    async def _until_ending(self, tasks: list[asyncio.Task[None]]) -> None:
        ending = asyncio.create_task(self._ending.wait())
        done, _ = await asyncio.wait({ending, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        for task in done - {ending}:
            task.result()

    async def _finish(self) -> None:
        if self._drain_s is not None:
            await self._proxy.stop(self._drain_s)
        await self._evidence.close()

    def _parts(self) -> Parts:
        return Parts(
            services=self._services,
            looks=self._looks,
            counts=InFlightCounts(self._proxy, self._looks),
            evidence=self._evidence,
            health=self._health,
            stop=self._stop,
        )

    def _stop(self, drain_s: float) -> None:
        self._drain_s = drain_s
        self._ending.set()

    def _health(self) -> Health:
        newest_s = self._evidence.newest_line_s
        return Health(
            daemon_pid=os.getpid(),
            version=version("turnout"),
            epoch=self._rows.epoch,
            envoy_pid=self._proxy.pid,
            envoy_starts=self._proxy.starts,
            connected=self._ads.is_connected,
            services=len(self._looks.all()),
            line_age_s=None if newest_s is None else time.time() - newest_s,
            misrouted=self._evidence.misrouted,
        )

    async def _came(self, was_started: bool) -> None:  # noqa: FBT001 - the shape of `Came`
        log = self._folder.logs / f"{self._proxy.series:06}.tsv"
        await self._services.offer_all(log, None if was_started else self._proxy.pid)
        if not was_started:
            with contextlib.suppress(GatewayUnreachableError):
                await self._evidence.reopen()

    async def _refused(self, refusal: Refusal) -> None:
        await self._services.refused(refusal)

    async def _settle(self) -> None:
        while True:
            await asyncio.sleep(_SETTLE_EVERY_S)
            await self._services.settle()
