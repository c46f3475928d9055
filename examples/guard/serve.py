"""Serve a guard model: python serve.py --model FOLDER --port PORT; OpenAI's chat form and /predict."""

import argparse
import asyncio
import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: one request needs one thread

import uvicorn
from model import Model, load

TOKEN_S = 0.02  # between two tokens of a stream
WHOLE_TOKEN_S = 0.005  # for each token of an answer that is sent at once
CATEGORIES = {
    "safe": ("No", "ne", "\n"),
    "controversial": ("Unethical", " Acts", "\n"),
    "unsafe": ("Vio", "lent", "\n"),
}


def tokens(level: str) -> tuple[str, ...]:
    """Return the answer as the model says it, token by token."""
    return ("Safety", ":", " ", level.capitalize(), "\n", "Categ", "ories", ":", " ", *CATEGORIES[level])


class Guard:
    """Answer HTTP requests, as an ASGI application."""

    def __init__(self, model: Model, name: str) -> None:
        self._model, self._name = model, name
        self._paths = {
            ("GET", "/health"): self._health,
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/predict"): self._predict,
        }

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        answer = self._paths.get((scope["method"], scope["path"]))
        body = await _body(receive)
        if answer is None:
            await _send(send, 404, {"error": {"message": "no such path", "type": "not_found"}})
            return
        try:
            await answer(send, body)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as mistake:
            await _send(send, 400, {"error": {"message": f"not a request: {mistake!r}", "type": "bad_request"}})

    async def _health(self, send, _body: bytes) -> None:
        await _send(send, 200, {"status": "ok", "model": self._name})

    async def _predict(self, send, body: bytes) -> None:
        level = self._model.level(json.loads(body)["text"])
        await asyncio.sleep(len(tokens(level)) * WHOLE_TOKEN_S)
        await _send(send, 200, {"label": level})

    async def _chat(self, send, body: bytes) -> None:
        asked = json.loads(body)
        text = _text(asked["messages"][-1]["content"])
        said = tokens(self._model.level(text))
        head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": self._name}
        count = {"prompt_tokens": len(text) // 4 + 1, "completion_tokens": len(said)}
        count["total_tokens"] = sum(count.values())
        if asked.get("stream"):
            with_usage = (asked.get("stream_options") or {}).get("include_usage")
            await _stream(send, _chunks(said, head, count if with_usage else None))
            return
        await asyncio.sleep(len(said) * WHOLE_TOKEN_S)
        message = {"role": "assistant", "content": "".join(said)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        await _send(send, 200, {**head, "object": "chat.completion", "choices": [choice], "usage": count})


def _text(content: str | list[dict[str, str]]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


async def _chunks(said: tuple[str, ...], head: dict, usage: dict | None) -> AsyncIterator[bytes]:
    def chunk(delta: dict, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _event({**head, "object": "chat.completion.chunk", "choices": [choice]})

    await asyncio.sleep(TOKEN_S)
    yield chunk({"role": "assistant", "content": ""}) + chunk({"content": said[0]})
    for token in said[1:]:
        await asyncio.sleep(TOKEN_S)
        yield chunk({"content": token})
    end = chunk({}, "stop")
    if usage:
        end += _event({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    yield end + b"data: [DONE]\n\n"


def _event(value: dict) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


async def _body(receive) -> bytes:
    body = b""
    while True:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body"):
            return body


async def _stream(send, parts: AsyncIterator[bytes]) -> None:
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _send(send, status: int, value: dict) -> None:
    body = json.dumps(value).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    uvicorn.run(
        Guard(load(asked.model), "guard"),
        host="127.0.0.1",
        port=asked.port,
        http="h11",
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        timeout_keep_alive=75,  # longer than a gateway keeps a connection, so that the gateway closes first
    )


if __name__ == "__main__":
    main()
