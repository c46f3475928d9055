"""What the calls of the API act on."""

import asyncio
import pwd
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from fastapi import Request
from fastapi.responses import JSONResponse

from turnout.application.desk import Desk, Order
from turnout.application.ports import Judges
from turnout.application.store import Past
from turnout.domain.release import FINAL, Release
from turnout.entrypoints.api.keys import HEADER, Keys
from turnout.entrypoints.api.problems import PeerRefusedError
from turnout.entrypoints.telling import told
from turnout.entrypoints.views import ReleaseView

PEER = "unix"  # stands where a network address would; the number beside it is the user's


class News:
    """Tells everybody who waits that something happened."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self.is_over = False
        self.listening = 0  # how many wait at this moment

    def ring(self) -> None:
        """Wake everybody."""
        self._rung.set()
        self._rung = asyncio.Event()

    def end(self) -> None:
        """Wake everybody for the last time."""
        self.is_over = True
        self.ring()

    async def wait_s(self, limit_s: float) -> None:
        """Return after the time, or at the next ring."""
        rung = self._rung
        self.listening += 1
        try:
            async with asyncio.timeout(limit_s):
                await rung.wait()
        except TimeoutError:
            return
        finally:
            self.listening -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """Everything behind the calls.

    `down` settles and ends this controller after so many seconds of draining; `stop` ends it.
    """

    desk: Desk
    journal: Past
    judges: Judges
    news: News
    down: Callable[[Order, float], Awaitable[list[str]]]
    stop: Callable[[], None]
    keys: Keys = field(default_factory=Keys)

    async def view(self, release: Release) -> ReleaseView:
        """Show a release with its last decision, or what it waits for now."""
        decisions = await self.journal.decisions(release.id)
        judged = None if release.phase in FINAL else await self.judges.look(release)
        return told(release, decisions[-1] if decisions else None, judged)


async def owner_only(request: Request) -> None:
    """Refuse everybody but the owner of the folder."""
    if request.client != (PEER, request.app.state.owner_uid):
        raise PeerRefusedError("this controller obeys the owner of its folder alone")


def parts_of(request: Request) -> ApiParts:
    """Give the parts of the app that a request came to."""
    return cast("ApiParts", request.app.state.parts)


def order_of(request: Request, reason: str, fallback_key: str) -> Order:
    """Say who asks: the user behind the socket."""
    return Order(
        by=f"local:{user_of(request)}",
        key=request.headers.get(HEADER) or fallback_key,
        reason=reason,
    )


def user_of(request: Request) -> str:
    """Name the user behind the socket."""
    uid = request.client.port if request.client else -1
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)


def page(items: Sequence[object], following: str | None = None) -> JSONResponse:
    """Answer a list."""
    return JSONResponse({"items": items, "next": following})
