"""Calls over the controller's socket: a bare socket and json, since both are quick to load."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from turnout.entrypoints.cli.ending import ProblemError
from turnout.errors import ControllerUnreachableError

PREFIX = "/api/v1"
_ANSWER_S = 30.0
QUIET_S = 40.0  # an open stream says something every 15 s
_REFUSED_FROM = 400
_PIECE_BYTES = 1 << 16

Body = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the stream; `number` is None for what is not kept."""

    kind: str
    number: int | None
    body: Body


@dataclass(frozen=True, slots=True)
class Socket:
    """The controller behind a socket file."""

    path: Path

    def get(self, target: str) -> Body:
        """Ask for something."""
        return self._ask("GET", target, None, "")

    def post(self, target: str, body: Body, key: str = "") -> Body:
        """Ask for something to be done; a repeat with the same key does it once."""
        return self._ask("POST", target, body, key)

    def events(self, target: str, after: int | None, quiet_s: float = QUIET_S) -> Iterator[Event]:
        """Read the event stream from a number on; it ends when the controller does.

        Raises:
            ControllerUnreachableError: nobody answers, or nothing came for `quiet_s`.
        """
        more = "" if after is None else f"last-event-id: {after}\r\n"
        try:
            with self._connected(quiet_s) as connection, connection.makefile("rb") as answer:
                connection.sendall(_request("GET", target, b"", more))
                status, _ = _head(iter(answer.readline, b""))
                if status >= _REFUSED_FROM:
                    raise _problem(status, answer.read())
                yield from _events(iter(answer.readline, b""))
        except OSError as error:
            raise _unreachable(self.path, error) from error

    def lives(self) -> bool:
        """Tell whether a controller answers."""
        try:
            self._ask("GET", "/healthz", None, "")
        except ControllerUnreachableError:
            return False
        return True

    def _ask(self, method: str, target: str, body: Body | None, key: str) -> Body:
        content = b"" if body is None else json.dumps(body).encode()
        more = f"idempotency-key: {key}\r\n" if key else ""
        path = target if target.startswith("/healthz") else PREFIX + target
        try:
            with self._connected(_ANSWER_S) as connection:
                connection.sendall(_request(method, path, content, more))
                text = _all(connection)
        except OSError as error:
            raise _unreachable(self.path, error) from error
        head, _, answer = text.partition(b"\r\n\r\n")
        status, length = _head(iter([*head.split(b"\r\n"), b""]))
        if length is not None and len(answer) < length:
            raise _unreachable(self.path, ConnectionError("the answer ended too soon"))
        if status >= _REFUSED_FROM:
            raise _problem(status, answer)
        return cast("Body", json.loads(answer or b"{}"))

    def _connected(self, limit_s: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(limit_s)
            connection.connect(str(self.path))
        except OSError:
            connection.close()
            raise
        return connection


def _request(method: str, target: str, content: bytes, more: str) -> bytes:
    # HTTP/1.0: the answer comes whole or until its end, never in chunks.
    head = (
        f"{method} {target} HTTP/1.0\r\nhost: turnout\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\n{more}\r\n"
    )
    return head.encode() + content


def _all(connection: socket.socket) -> bytes:
    pieces = []
    while piece := connection.recv(_PIECE_BYTES):
        pieces.append(piece)
    return b"".join(pieces)


def _head(lines: Iterator[bytes]) -> tuple[int, int | None]:
    words = next(lines, b"").split()
    if len(words) < 2 or not words[1].isdigit():  # noqa: PLR2004 - HTTP/1.x and a status
        raise ConnectionError("the answer is not HTTP")
    length = None
    for line in lines:
        name, _, value = line.strip().partition(b":")
        if not name:
            break
        if name.lower() == b"content-length":
            length = int(value)
    return int(words[1]), length


def _events(lines: Iterator[bytes]) -> Iterator[Event]:
    found: dict[str, str] = {}
    for line in lines:
        text = line.decode().rstrip("\r\n")
        if text:
            name, _, value = text.partition(": ")
            found[name] = value
            continue
        if "data" in found:
            number = found.get("id")
            body = cast("Body", json.loads(found["data"]))
            kind = found.get("event", "message")
            yield Event(kind=kind, number=int(number) if number else None, body=body)
        found = {}


def _problem(status: int, answer: bytes) -> ProblemError:
    try:
        told = json.loads(answer)
        return ProblemError(status, str(told["code"]), str(told["detail"]))
    except (ValueError, KeyError, TypeError):
        return ProblemError(status, "http", f"the controller answered {status}")


def _unreachable(path: Path, error: OSError) -> ControllerUnreachableError:
    return ControllerUnreachableError(
        f"the controller does not answer at {path}: {error}; services run on without it. "
        "`turnout serve` starts one"
    )
