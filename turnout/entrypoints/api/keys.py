"""Idempotency keys: a repeated request gets the first one's answer."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from turnout.entrypoints.api.problems import KeyBusyError, KeyMismatchError
from turnout.errors import BadInputError

HEADER = "idempotency-key"
_LONGEST = 128
_MOST = 10_000
_KEPT_S = 48 * 3600.0


@dataclass(slots=True)
class _Kept:
    asked: str
    at_s: float
    answer: Response | None = None


class Keys:
    """Remembers answers by key while this controller lives; the store guards beyond that."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def once(self, request: Request, work: Callable[[], Awaitable[JSONResponse]]) -> Response:
        """Do the work once for each key; only answers of success are kept."""
        key = request.headers.get(HEADER)
        if key is None:
            return await work()
        if not 0 < len(key) <= _LONGEST:
            raise BadInputError(f"an idempotency key has 1 to {_LONGEST} characters")
        asked = await _fingerprint(request)
        known = self._known(key)
        if known is not None:
            return _again(known, asked)
        kept = self._kept[key] = _Kept(asked=asked, at_s=_now_s())
        try:
            kept.answer = await work()
        finally:
            if kept.answer is None:
                del self._kept[key]
        return kept.answer

    def _known(self, key: str) -> _Kept | None:
        oldest_s = _now_s() - _KEPT_S
        while self._kept:
            first = next(iter(self._kept))
            if self._kept[first].at_s >= oldest_s and len(self._kept) <= _MOST:
                break
            del self._kept[first]
        return self._kept.get(key)


def _again(known: _Kept, asked: str) -> Response:
    if known.asked != asked:
        raise KeyMismatchError("this idempotency key was used for another request; give a new one")
    if known.answer is None:
        raise KeyBusyError("the first request with this idempotency key still runs")
    return known.answer


async def _fingerprint(request: Request) -> str:
    head = f"{request.method} {request.url.path}\n".encode()
    return sha256(head + await request.body()).hexdigest()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
