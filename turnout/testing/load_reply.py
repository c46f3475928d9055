"""HTTP/1.1 answers, read from the bytes as they come."""

from turnout.errors import TurnoutError

_HEAD_END = b"\r\n\r\n"
_LINE_END = b"\r\n"
_FIRST_FINAL_STATUS = 200
_WITHOUT_BODY = (204, 304)
_ERROR_EVENT = b'data: {"error"'


class MalformedReplyError(TurnoutError):
    """The bytes are no HTTP/1.1 answer."""

    code = "load.malformed"


class Reply:
    """Collect one answer; `feed` it what arrives until it is `complete`."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = bytearray()
        self.complete = False
        self.body_began = False
        self._raw = bytearray()
        self._chunked = False
        self._missing_bytes = 0
        self._until_close = False

    @property
    def keeps_connection(self) -> bool:
        """Tell whether another request may follow on the connection."""
        closes = self.headers.get(b"connection", b"").lower() == b"close"
        return self.complete and not (closes or self._until_close or self._raw)

    def feed(self, received: bytes) -> None:
        """Take bytes from the connection.

        Raises:
            MalformedReplyError: They are no answer.
        """
        self._raw += received
        try:
            while not self.status and _HEAD_END in self._raw:
                self._read_head()
            if self.status and not self.complete:
                self._read_body()
        except (ValueError, IndexError) as error:
            raise MalformedReplyError(f"not HTTP/1.1: {bytes(self._raw[:40])!r}") from error

    def end(self) -> None:
        """Take the end of the connection; it completes an answer that has no length."""
        if self.status and self._until_close:
            self.complete = True

    def _read_head(self) -> None:
        head, _, rest = self._raw.partition(_HEAD_END)
        first, *lines = bytes(head).split(_LINE_END)
        status = int(first.split(b" ", 2)[1])
        self._raw = bytearray(rest)
        if status < _FIRST_FINAL_STATUS:
            return
        self.status = status
        pairs = (line.partition(b":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self._chunked = self.headers.get(b"transfer-encoding", b"").lower() == b"chunked"
        length = self.headers.get(b"content-length")
        self._until_close = not self._chunked and length is None and status not in _WITHOUT_BODY
        self._missing_bytes = int(length or 0)

    def _read_body(self) -> None:
        self.body_began = self.body_began or bool(self._raw)
        if self._chunked:
            while not self.complete and self._read_chunk():
                pass
        elif self._until_close:
            self._take(len(self._raw))
        else:
            self._missing_bytes -= self._take(min(self._missing_bytes, len(self._raw)))
            self.complete = self._missing_bytes == 0

    def _read_chunk(self) -> bool:
        line_end = self._raw.find(_LINE_END)
        if line_end < 0:
            return False
        size = int(self._raw[:line_end].split(b";")[0], 16)
        start = line_end + len(_LINE_END)
        if size == 0:
            return self._read_trailer(start)
        if len(self._raw) < start + size + len(_LINE_END):
            return False
        del self._raw[:start]
        self._take(size)
        del self._raw[: len(_LINE_END)]
        return True

    def _read_trailer(self, start: int) -> bool:
        if self._raw.startswith(_LINE_END, start):
            end = start + len(_LINE_END)
        else:
            found = self._raw.find(_HEAD_END, start)
            end = found + len(_HEAD_END) if found >= 0 else -1
        if end < 0:
            return False
        del self._raw[:end]
        self.complete = True
        return True

    def _take(self, size: int) -> int:
        self.body += self._raw[:size]
        del self._raw[:size]
        return size


def why_stream_is_short(body: bytes, *, least_events: int) -> str:
    """Say why a stream of server-sent events is not whole; empty when it is.

    Args:
        body: All bytes of the stream.
        least_events: Events that must have come before `[DONE]`.
    """
    if not body.rstrip().endswith(b"data: [DONE]"):
        return "no [DONE]"
    if _ERROR_EVENT in body:
        return "an error event"
    events = body.count(b"data: ") - 1
    return "" if events >= least_events else f"{events} events before [DONE]"
