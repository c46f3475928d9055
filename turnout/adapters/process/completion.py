"""Asking an instance for a real completion: some servers are healthy long before they can."""

import httpx2
from pydantic import BaseModel, ConfigDict, ValidationError

from turnout.adapters.process.free_port import HOST

PATH = "/v1/chat/completions"
LIMIT_S = 15.0
_OK = 200
_DONE = "[DONE]"


class _Open(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Said(_Open):
    content: str | list[object] | None = None
    reasoning_content: str | None = None
    tool_calls: list[object] | None = None


class _Choice(_Open):
    message: _Said = _Said()
    delta: _Said = _Said()
    text: str | None = None

    def says(self) -> bool:
        parts = (self.message, self.delta)
        return bool(self.text) or any(
            part.content or part.reasoning_content or part.tool_calls for part in parts
        )


class _Answer(_Open):
    choices: list[_Choice] = []


async def complete(client: httpx2.AsyncClient, port: int, body: str) -> str:
    """Ask for one completion; give why it failed, empty when it has text."""
    try:
        answer = await client.post(
            f"http://{HOST}:{port}{PATH}",
            content=body.encode(),
            headers={"content-type": "application/json", "x-turnout-probe": "ready"},
            timeout=LIMIT_S,
        )
    except httpx2.HTTPError as error:
        return f"POST {PATH} got no answer ({type(error).__name__})"
    if answer.status_code != _OK:
        return f"POST {PATH} was answered with {answer.status_code}"
    return "" if has_text(answer.text) else f"POST {PATH} was answered without text"


def has_text(answer: str) -> bool:
    """Tell whether an answer, whole or streamed, says anything."""
    parts = [answer]
    if answer.lstrip().startswith(("data:", "event:", ":", "id:")):
        lines = (line.partition(":") for line in answer.splitlines())
        parts = [value.strip() for name, _, value in lines if name == "data"]
    return any(_says(part) for part in parts if part != _DONE)


def _says(part: str) -> bool:
    try:
        return any(choice.says() for choice in _Answer.model_validate_json(part).choices)
    except ValidationError:
        return False
