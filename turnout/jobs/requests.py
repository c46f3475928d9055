"""Turns rows of JSON lines into requests to a model server."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from turnout.domain.checks import GoldenSet, Scorer
from turnout.domain.golden import Row
from turnout.errors import BadInputError

CHAT_PATH: Final = "/v1/chat/completions"
_TEXT: Final = re.compile(r"\$(\$)?text\b")
_OBJECT: Final = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: a POST of a JSON body, or a GET where there is none."""

    path: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """The body that a row becomes, `$text` standing for its text, and where it is sent."""

    body: dict[str, JsonValue]
    path: str = CHAT_PATH


class _Line(BaseModel):
    # A row may have fields of its own beside these, its slice among them.
    model_config = ConfigDict(extra="allow", frozen=True)

    text: str | None = None
    messages: list[JsonValue] | None = None
    request: dict[str, JsonValue] | None = None
    label: JsonValue = None
    expected: JsonValue = None
    answer: JsonValue = None

    @property
    def wanted(self) -> JsonValue:
        return next((v for v in (self.label, self.expected, self.answer) if v is not None), None)


def read_template(file: str | None, service: str) -> Template:
    """Read a template; without one it is a chat of one user message.

    Its key `path` is where the request goes; the rest is the body.
    """
    if file is None:
        message: JsonValue = {"role": "user", "content": "$text"}
        return Template({"model": service, "messages": [message]})
    try:
        body = _OBJECT.validate_json(Path(file).read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInputError(f"`{file}` is not a template, one JSON object: {error}") from error
    path = body.pop("path", CHAT_PATH)
    if not isinstance(path, str) or not path.startswith("/"):
        raise BadInputError(f"`path` in `{file}` has to begin with `/`")
    return Template(body, path)


def read_golden(golden: GoldenSet, service: str) -> list[tuple[Row, Ask]]:
    """Read a golden set: what is expected of each row, and the request that it becomes."""
    template = read_template(golden.request, service)
    rows = []
    for number, line in _lines(golden.file):
        place = f"{golden.file}:{number}"
        row = Row(
            line=number,
            expected=_expected(line, golden, place),
            slice=_slice(line, golden.slices, place),
        )
        rows.append((row, _ask(line, template, place)))
    if not rows:
        raise BadInputError(f"the golden set `{golden.file}` has no rows")
    return rows


def read_requests(file: str, template: Template) -> list[Ask]:
    """Read requests to warm up with: rows, or whole bodies, one in each line."""
    asks = [_ask(line, template, f"{file}:{number}") for number, line in _lines(file)]
    if not asks:
        raise BadInputError(f"`{file}` has no requests")
    return asks


def _lines(file: str) -> Iterator[tuple[int, _Line]]:
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise BadInputError(f"`{file}` cannot be read: {error}") from error
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield number, _line(line, f"{file}:{number}")


def _line(content: bytes, place: str) -> _Line:
    try:
        return _Line.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadInputError(f"{place} is not a row: {first['msg']}") from error


def _expected(line: _Line, golden: GoldenSet, place: str) -> str:
    wanted = line.wanted
    if wanted is None:
        raise BadInputError(f"{place} has none of `label`, `expected`, `answer`")
    text = wanted if isinstance(wanted, str) else json.dumps(wanted, ensure_ascii=False)
    if golden.scorer is Scorer.LABEL and golden.labels and text not in golden.labels:
        known = ", ".join(golden.labels)
        raise BadInputError(f"{place}: `{text}` is not one of the labels {known}")
    return text


def _slice(line: _Line, field: str | None, place: str) -> str | None:
    if field is None:
        return None
    told = {**(line.model_extra or {}), "label": line.label}.get(field)
    if told is None:
        raise BadInputError(f"{place} has no field `{field}`, which names its slice")
    return told if isinstance(told, str) else json.dumps(told)


def _ask(line: _Line, template: Template, place: str) -> Ask:
    if line.request is not None:
        body = line.request
    elif line.text is not None:
        body = {key: _filled(value, line.text) for key, value in template.body.items()}
    elif line.messages is not None and "model" not in (line.model_extra or {}):
        body = {**template.body, "messages": line.messages}
    elif line.model_extra:
        body = line.model_dump(exclude_none=True)
    else:
        raise BadInputError(f"{place} has none of `text`, `messages`, `request`")
    return Ask(template.path, json.dumps(body, ensure_ascii=False).encode())


def _filled(value: JsonValue, text: str) -> JsonValue:
    match value:
        case str():
            return _TEXT.sub(lambda found: "$text" if found[1] else text, value)
        case list():
            return [_filled(each, text) for each in value]
        case dict():
            return {key: _filled(each, text) for key, each in value.items()}
        case _:
            return value
