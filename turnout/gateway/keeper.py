"""Keeps one Envoy running: adopts it, starts it again, and sees that it is told everything."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from turnout.gateway.ads import Ads
from turnout.gateway.proxy import Proxy

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_log = structlog.get_logger()

Came = Callable[[bool], Awaitable[None]]
"""Told of each Envoy that was started (True) or adopted (False)."""


class Keeper:
    """Starts Envoy whenever there is none; stops only when told to."""

    def __init__(self, proxy: Proxy, ads: Ads, came: Came) -> None:
        self._proxy = proxy
        self._ads = ads
        self._came = came
        self._keeping: asyncio.Task[None] | None = None
        self.pause_s = 0.0

    def start(self) -> asyncio.Task[None]:
        """Begin; give the task, which ends with an error alone."""
        self._keeping = asyncio.create_task(self._keep())
        return self._keeping

    async def close(self) -> None:
        """Look after Envoy no longer; it runs on."""
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping

    async def _keep(self) -> None:
        while True:
            was_started = await self._proxy.ensure()
            _log.info("envoy_started" if was_started else "envoy_adopted", pid=self._proxy.pid)
            await self._came(was_started)
            # Turned away until here, so it never meets an answer without its routes.
            self._ads.node = self._proxy.node
            await self._proxy.ended()
            # Only one that never came so far as to ask for its routes is started ever more slowly:
            # it would end again.
            has_asked = self._ads.seen_node == self._proxy.node
            slower = min(_LONGEST_PAUSE_S, self.pause_s * 2 or _FIRST_PAUSE_S)
            self.pause_s = 0.0 if has_asked else slower
            _log.warning("envoy_ended", pause_s=self.pause_s)
            await asyncio.sleep(self.pause_s)
