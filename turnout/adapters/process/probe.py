"""Asking an instance whether it is well: one request to a path, or one connection."""

import asyncio
import re
from pathlib import Path

from turnout.adapters.process.free_port import HOST

PATHS = ("/health", "/healthz", "/")
TCP = "tcp"
NOBODY = "nothing listens"
_OK, _BROKEN = 200, 500
_HEAD_LIMIT, _BODY_LIMIT = 16 * 1024, 256 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_LENGTH = re.compile(rb"(?i)\ncontent-length:\s*(\d+)")


async def probe(port: int, path: str, timeout_s: float) -> str:
    """Ask once; give why it failed, empty when it passed. The path `tcp` only connects."""
    try:
        async with asyncio.timeout(timeout_s):
            if path == TCP:
                await _connect(port)
                return ""
            status = await _status(port, path)
    except TimeoutError:
        return f"GET {path} was not answered within {timeout_s:g} s"
    except ConnectionRefusedError:
        return f"{NOBODY} on port {port} yet"
    except (OSError, ValueError) as error:
        return f"GET {path} got no HTTP answer ({error})"
    return "" if status == _OK else f"GET {path} was answered with {status}"


async def find_path(port: int, timeout_s: float) -> tuple[str | None, str]:
    """Look for a path that tells health: /health, /healthz, / (D-10).

    Returns:
        The path; or `tcp` where it answers but has no such path; or None and why it is too early.
    """
    for path in PATHS:
        try:
            async with asyncio.timeout(timeout_s):
                status = await _status(port, path)
        except TimeoutError:
            return None, f"GET {path} was not answered within {timeout_s:g} s"
        except ConnectionRefusedError:
            return None, f"{NOBODY} on port {port} yet"
        except (OSError, ValueError):
            continue  # it does not speak HTTP
        if status == _OK:
            return path, ""
        if status >= _BROKEN:
            return None, f"GET {path} was answered with {status}"
    return TCP, ""


class KnownPaths:
    """Keeps the health path that was found for each service: `instances/<service>.health`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, str] = {}

    def of(self, service: str) -> str | None:
        """Give the path that was found at the service's first start, None before."""
        if service not in self._known:
            try:
                self._known[service] = self._file(service).read_text(encoding="utf-8").strip()
            except OSError:
                return None
        return self._known[service] or None

    def keep(self, service: str, path: str) -> None:
        """Remember the path for all later starts."""
        self._known[service] = path
        draft = self._file(service).with_suffix(".health-draft")
        draft.write_text(f"{path}\n", encoding="utf-8")
        draft.replace(self._file(service))

    def _file(self, service: str) -> Path:
        return self._folder / f"{service}.health"


async def _connect(port: int) -> None:
    _, writer = await asyncio.open_connection(HOST, port)
    writer.close()


async def _status(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(HOST, port, limit=_HEAD_LIMIT)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nhost: {HOST}:{port}\r\nuser-agent: turnout\r\n"
            "x-turnout-probe: ready\r\nconnection: close\r\n\r\n".encode("latin-1")
        )
        head = await _head(reader)
        found = _STATUS.match(head)
        if found is None:
            raise ValueError("it speaks something else")
        await _drain(reader, head)
        return int(found[1])
    finally:
        writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("it closed the connection") from error
    except asyncio.LimitOverrunError as error:
        raise ValueError("its answer has no end of header") from error


async def _drain(reader: asyncio.StreamReader, head: bytes) -> None:
    # Read to its end: closing over unread bytes shows as a broken connection in the server's log.
    length = _LENGTH.search(head)
    if length is not None:
        left = min(int(length[1]), _BODY_LIMIT)
        while left > 0 and (part := await reader.read(left)):
            left -= len(part)
