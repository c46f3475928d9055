"""What a load asks: how often, of whom, and in which bytes."""

import json
from dataclasses import dataclass

from turnout.testing.load_tally import Kind

CHAT_PATH = "/v1/chat/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked, how often, and what counts as an answer.

    Args:
        rate_rps: Requests a second, whatever becomes of earlier ones.
        share_ratio: Part of the requests that ask for a stream.
        plain: GET `path`, and `stream_path` for streams, instead of POST with a chat body.
        within_s: A request without its whole answer by then is lost, a stream cut.
        least_events: Events of a whole stream before `[DONE]`.
        version_header: Header of an answer that names the version, in lower case.
        keep_alive: Whether connections are used again.
        period_s: Length of the periods of the report.
    """

    port: int
    rate_rps: float = 200.0
    share_ratio: float = 0.5
    plain: bool = False
    path: str = CHAT_PATH
    stream_path: str = CHAT_PATH
    address: str = "127.0.0.1"
    host: str = "127.0.0.1"
    headers: tuple[tuple[str, str], ...] = ()
    users: int = 500
    within_s: float = 20.0
    least_events: int = 1
    version_header: str = "x-turnout-version"
    keep_alive: bool = True
    period_s: int = 1
    seed: int = 1


def plain_load(*, port: int, rate_rps: float = 200.0, share_ratio: float = 0.0) -> Load:
    """Return a load for a service that answers GET / and, if asked for streams, GET /stream."""
    return Load(
        port=port,
        rate_rps=rate_rps,
        share_ratio=share_ratio,
        plain=True,
        path="/",
        stream_path="/stream",
    )


def request_bytes(load: Load, kind: Kind, user: int, text: str) -> bytes:
    """Write one user's request as it goes over the wire."""
    path = load.stream_path if kind is Kind.STREAM else load.path
    fields = [("host", load.host), ("x-user", f"u{user}"), *load.headers]
    body = b"" if load.plain else _chat(text, stream=kind is Kind.STREAM)
    if body:
        fields += [("content-type", "application/json"), ("content-length", str(len(body)))]
    lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields)]
    return "\r\n".join((*lines, "", "")).encode() + body


def _chat(text: str, *, stream: bool) -> bytes:
    message = {"role": "user", "content": text}
    asked = {"model": "guard", "stream": stream, "messages": [message]}
    return json.dumps(asked, ensure_ascii=False).encode()
