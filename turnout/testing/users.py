"""Users of a service, who ask at a steady rate, once for each request, and count exactly."""

import argparse
import asyncio
import json
import random
import resource
import signal
import sys
import time
from collections import deque
from types import TracebackType
from typing import Self

from turnout.testing.load import CHAT_PATH, Load, request_bytes
from turnout.testing.load_tally import Kind, LoadTally, Report, counts_fields, report_line
from turnout.testing.load_texts import user_texts
from turnout.testing.load_wire import Exchange, Wire

_LONGEST_NAP_S = 0.05


class Users:
    """Send a load until told to stop; `async with` runs it in the background."""

    def __init__(self, load: Load) -> None:
        self.tally = LoadTally(period_s=load.period_s)
        self._load = load
        self._draw = random.Random(load.seed)  # noqa: S311 - a load has to be repeatable
        self._texts = user_texts(load.users)
        self._open: deque[Exchange] = deque()
        self._began_at_s = 0.0
        self._stop = asyncio.Event()
        self._running: asyncio.Task[Report] | None = None
        self._wire = Wire(load, self.tally.ended)

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._running:
            await self._running

    def stop(self) -> None:
        """Send no more; what is under way is still waited for."""
        self._stop.set()

    def is_stopping(self) -> bool:
        """Tell whether no more requests are sent."""
        return self._stop.is_set()

    async def run(self) -> Report:
        """Send until `stop`, wait for the answers under way, and report."""
        self._began_at_s = time.time()
        try:
            await self._send_all()
            while self._open:
                self._give_up_overdue()
                await asyncio.sleep(_LONGEST_NAP_S / 5)
        finally:
            await self._wire.close()
        return self.report()

    def report(self) -> Report:
        """Return what was counted up to this moment."""
        return self.tally.report(began_at_s=self._began_at_s, ended_at_s=time.time())

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while not self._stop.is_set():
            while (late_s := loop.time() - due_s) >= 0 and not self._stop.is_set():
                self.tally.was_late(late_s * 1e3)
                self._send_one()
                due_s += 1 / self._load.rate_rps
            self._give_up_overdue()
            await asyncio.sleep(min(-late_s, _LONGEST_NAP_S))

    def _send_one(self) -> None:
        streamed = self._draw.random() < self._load.share_ratio
        kind = Kind.STREAM if streamed else Kind.ANSWER
        user = self._draw.randrange(self._load.users)
        exchange = Exchange(
            payload=request_bytes(self._load, kind, user, self._texts[user]),
            kind=kind,
            user=user,
            began_at_s=time.time(),
            began_s=asyncio.get_running_loop().time(),
        )
        self.tally.sent(kind)
        self._open.append(exchange)
        self._wire.send(exchange)

    def _give_up_overdue(self) -> None:
        oldest_s = asyncio.get_running_loop().time() - self._load.within_s
        while self._open and (self._open[0].done or self._open[0].began_s < oldest_s):
            self._wire.fail(self._open.popleft(), f"no whole answer in {self._load.within_s:g} s")


async def _follow(load: Load, *, seconds: float, every_s: float) -> None:
    loop = asyncio.get_running_loop()
    users, began_s = Users(load), loop.time()
    running = asyncio.create_task(users.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _end, users, running)
    if seconds:
        loop.call_later(seconds, users.stop)
    lines = 0
    while not running.done():
        due_s = began_s + (lines + 1) * every_s - loop.time()
        await asyncio.wait({running}, timeout=max(due_s, 0) if every_s else None)
        if not running.done():
            lines += 1
            _write(_progress(users.tally))
    await asyncio.gather(running, return_exceptions=True)
    _write(report_line(users.report()))


def _end(users: Users, running: asyncio.Task[Report]) -> None:
    if users.is_stopping():
        running.cancel()
    users.stop()


def _progress(tally: LoadTally) -> str:
    return json.dumps(
        {
            "kind": "progress",
            "at_s": round(time.time(), 3),
            "counts": counts_fields(tally.counts()),
            "versions": {name: counts_fields(c) for name, c in tally.versions().items()},
            "late_ms": round(tally.late_ms, 1),
        }
    )


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m turnout.testing.users", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--share", type=float, help="part that streams; 0.5, with --plain 0")
    parser.add_argument("--path", help=f"{CHAT_PATH}, with --plain /")
    parser.add_argument("--plain", action="store_true", help="GET; streams are asked of /stream")
    parser.add_argument("--host", default="127.0.0.1", help="name in the host header")
    parser.add_argument("--header", action="append", default=[], metavar="NAME:VALUE")
    parser.add_argument("--version-header", default="x-turnout-version")
    parser.add_argument("--events", type=int, default=1, help="events of a whole stream, at least")
    parser.add_argument("--within", type=float, default=20.0, help="seconds until it is lost")
    parser.add_argument("--period", type=int, default=1, help="seconds of a period of the report")
    parser.add_argument("--new-connections", action="store_true", help="one for each request")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0, help="until a signal, if not given")
    parser.add_argument("--every", type=float, default=0.0, help="seconds between progress lines")
    return parser.parse_args()


def _load(asked: argparse.Namespace) -> Load:
    share_ratio = (0.0 if asked.plain else 0.5) if asked.share is None else asked.share
    path = asked.path or ("/" if asked.plain else CHAT_PATH)
    headers = (text.partition(":") for text in asked.header)
    return Load(
        port=asked.port,
        rate_rps=asked.rate,
        share_ratio=share_ratio,
        plain=asked.plain,
        path=path,
        stream_path="/stream" if asked.plain else path,
        host=asked.host,
        headers=tuple((name.strip(), value.strip()) for name, _, value in headers),
        within_s=asked.within,
        least_events=asked.events,
        version_header=asked.version_header.lower(),
        keep_alive=not asked.new_connections,
        period_s=asked.period,
        seed=asked.seed,
    )


def main() -> None:
    """Send a load from the command line; print one line of JSON at the end."""
    asked = _asked()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_follow(_load(asked), seconds=asked.seconds, every_s=asked.every))


if __name__ == "__main__":
    main()
