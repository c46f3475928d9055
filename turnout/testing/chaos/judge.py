"""Asks at a steady rate in a process of its own, and notes when each answer came, from whom."""

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from turnout.testing.load import plain_load, request_bytes
from turnout.testing.load_tally import Ended, Kind, Outcome
from turnout.testing.load_wire import Exchange, Wire
from turnout.testing.waiting import eventually

_ENDS_WITHIN_S = 30.0
_NAP_S = 0.05
_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: when it was asked for and came, in epoch seconds; how late the judge asked."""

    asked_s: float
    came_s: float
    late_ms: float
    version: str
    is_whole: bool


@dataclass(slots=True)
class Watch:
    """A judge that runs."""

    log: Path
    pid: int = 0

    def answers(self) -> list[Answer]:
        """Give what it noted, once it has ended, by the moment of asking."""
        lines = (line.split() for line in self.log.read_text(encoding="utf-8").splitlines())
        found = (
            Answer(float(asked), float(came), float(late), version, whole == "1")
            for asked, came, late, version, whole in lines
        )
        return sorted(found, key=lambda one: one.asked_s)


@contextlib.asynccontextmanager
async def judged(port: int, rate_rps: float, log: Path) -> AsyncIterator[Watch]:
    """Let a judge ask until the end of the block; its answers can be read behind it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "turnout.testing.chaos.judge", "--port", str(port)),
        *("--rate", f"{rate_rps:g}", "--log", str(log)),
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )

    async def has_begun() -> bool:
        return await asyncio.to_thread(log.exists)

    try:
        await eventually(has_begun)
        yield Watch(log, child.pid)
        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_ENDS_WITHIN_S):
            await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def first_of(answers: Sequence[Answer], version: str, since_s: float) -> Answer | None:
    """Give the first answer of a version among requests that were asked after a moment."""
    after = (one for one in answers if one.asked_s >= since_s and one.version == version)
    return min(after, key=lambda one: one.came_s, default=None)


class _Judge:
    def __init__(self, port: int, rate_rps: float) -> None:
        self.stop = asyncio.Event()
        self._load = plain_load(port=port, rate_rps=rate_rps)
        self._wire = Wire(self._load, self._ended)
        self._open: dict[float, float] = {}
        self._lines: list[str] = []

    async def ask(self) -> list[str]:
        loop = asyncio.get_running_loop()
        payload = request_bytes(self._load, Kind.ANSWER, 1, "")
        due_s = loop.time()
        while not self.stop.is_set():
            while (late_s := loop.time() - due_s) >= 0:
                self._send(payload, late_s)
                due_s += 1 / self._load.rate_rps
            await asyncio.sleep(min(-late_s, _NAP_S))
        last_s = loop.time() + _WITHIN_S
        while self._open and loop.time() < last_s:  # noqa: ASYNC110 - answers come, or they do not
            await asyncio.sleep(_NAP_S)
        await self._wire.close()
        lost = [
            f"{asked:.6f} {time.time():.6f} {late:.3f} - 0" for asked, late in self._open.items()
        ]
        return self._lines + lost

    def _send(self, payload: bytes, late_s: float) -> None:
        now_s = time.time()
        while now_s in self._open:
            now_s += 1e-7
        self._open[now_s] = late_s * 1e3
        self._wire.send(
            Exchange(
                payload=payload,
                kind=Kind.ANSWER,
                user=1,
                began_at_s=now_s,
                began_s=asyncio.get_running_loop().time(),
            )
        )

    def _ended(self, end: Ended) -> None:
        asked_s, late_ms = end.began_at_s, self._open.pop(end.began_at_s, 0.0)
        came_s = asked_s + end.duration_ms / 1e3
        whole = int(end.outcome is Outcome.WHOLE)
        self._lines.append(f"{asked_s:.6f} {came_s:.6f} {late_ms:.3f} {end.version} {whole}")


async def _serve(port: int, rate_rps: float, log: Path) -> None:
    gc.disable()  # a pause of the judge would be taken for one of the gateway
    judge = _Judge(port, rate_rps)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, judge.stop.set)
    await asyncio.to_thread(log.touch)
    lines = await judge.ask()
    await asyncio.to_thread(log.write_text, "\n".join(lines) + "\n", "utf-8")


def main() -> None:
    """Ask until SIGTERM, then write one line for each request."""
    parser = argparse.ArgumentParser(prog="python -m turnout.testing.chaos.judge")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--log", type=Path, required=True)
    asked = parser.parse_args()
    asyncio.run(_serve(asked.port, asked.rate, asked.log))


if __name__ == "__main__":
    main()
