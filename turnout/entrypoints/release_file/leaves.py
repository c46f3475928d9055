"""The leaves of the models: text that parses itself, marked with its unit, with its schema."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from turnout.entrypoints.release_file.units import (
    address,
    command,
    count,
    duration,
    host,
    label,
    limit,
    one_or_many,
    project,
    secret,
    share,
    size,
    span,
    tester,
    text_of,
    truth,
    url_path,
    variable,
    weight,
    whole,
    whole_or_many,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """Marks a leaf with the name of its unit, so that a value can be written again."""

    name: str


@dataclass(frozen=True, slots=True)
class IsPath:
    """Marks a leaf that names a file, relative to the file that mentions it."""

    must_exist: bool = False


_TEXT = {"type": ["string", "number", "boolean"]}
_ONE_OR_MANY = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_COUNT = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d{1,9}$"}]}
_POSITIVE = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"^0*[1-9]\d{0,8}$"},
    ]
}
_PERCENTAGE = {"type": "string", "pattern": r"^\d+(\.\d+)?%$"}

Text = Annotated[str, BeforeValidator(text_of), WithJsonSchema(_TEXT)]
FilePath = Annotated[str, BeforeValidator(text_of), IsPath(), WithJsonSchema({"type": "string"})]
ExistingPath = Annotated[
    str, BeforeValidator(text_of), IsPath(must_exist=True), WithJsonSchema({"type": "string"})
]
Duration = Annotated[
    float,
    BeforeValidator(duration),
    Unit("duration"),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$"}),
]
Weight = Annotated[int, BeforeValidator(weight), Unit("weight"), WithJsonSchema(_PERCENTAGE)]
Share = Annotated[float, BeforeValidator(share), Unit("share"), WithJsonSchema(_PERCENTAGE)]
Whole = Annotated[int, BeforeValidator(whole), Unit("whole"), WithJsonSchema(_COUNT)]
Truth = Annotated[
    bool,
    BeforeValidator(truth),
    Unit("truth"),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}]}),
]
Size = Annotated[
    int,
    BeforeValidator(size),
    Unit("size"),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)? ?([KMG]i?B|TiB|B)$"}),
]
Secret = Annotated[
    str,
    BeforeValidator(secret),
    Unit("secret"),
    WithJsonSchema({"type": "string", "pattern": r"^(env|file|k8s|command):.+"}),
]
Limit = Annotated[
    str, BeforeValidator(limit), Unit("limit"), WithJsonSchema({"type": ["string", "number"]})
]
Span = Annotated[
    str, BeforeValidator(span), Unit("limit"), WithJsonSchema({"type": ["string", "number"]})
]
Address = Annotated[
    str,
    BeforeValidator(address),
    Unit("address"),
    WithJsonSchema({"type": ["string", "integer"]}),
]
Count = Annotated[int, BeforeValidator(count), Unit("count"), WithJsonSchema(_POSITIVE)]
Tester = Annotated[
    str,
    BeforeValidator(tester),
    Unit("header"),
    WithJsonSchema({"type": "string", "pattern": r"^header:[A-Za-z0-9-]+: *\S"}),
]
Host = Annotated[str, BeforeValidator(host), Unit("host"), WithJsonSchema({"type": "string"})]
UrlPath = Annotated[
    str,
    BeforeValidator(url_path),
    Unit("url path"),
    WithJsonSchema({"type": "string", "pattern": "^/"}),
]
Variable = Annotated[
    str,
    BeforeValidator(variable),
    Unit("variable"),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_]*$"}),
]
Label = Annotated[
    str,
    BeforeValidator(label),
    Unit("name"),
    WithJsonSchema({"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}),
]
Project = Annotated[
    str,
    BeforeValidator(project),
    Unit("name"),
    WithJsonSchema({"type": "string", "pattern": r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"}),
]
Command = Annotated[
    list[str], BeforeValidator(command), Unit("command"), WithJsonSchema(_ONE_OR_MANY)
]
OneOrMany = Annotated[
    list[str], BeforeValidator(one_or_many), Unit("list"), WithJsonSchema(_ONE_OR_MANY)
]
WholeOrMany = Annotated[
    list[int],
    BeforeValidator(whole_or_many),
    Unit("list"),
    WithJsonSchema({"anyOf": [_COUNT, {"type": "array", "items": _COUNT}]}),
]
