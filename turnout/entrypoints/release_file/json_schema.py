"""The JSON Schema (draft 2020-12) of the release file, made from the models."""

import copy
import json
import re

from pydantic import JsonValue

from turnout.entrypoints.release_file.builtkeys import BUILT
from turnout.entrypoints.release_file.format_keys import format_keys
from turnout.entrypoints.release_file.schema_file import ReleaseFile
from turnout.entrypoints.release_file.schema_parts import Choice, Part

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PARTIAL = "Partial"
_REFERENCE = re.compile(r'"#/\$defs/(\w+)"')
_Schema = dict[str, JsonValue]


def schema_json() -> str:
    """Write the schema as JSON, for editors and for `turnout render schema`."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> _Schema:
    """Build the schema: short forms, empty values and overrides as the loader takes them."""
    made: _Schema = copy.deepcopy(ReleaseFile.model_json_schema())
    shapes = _group(made, "$defs")
    _describe(made, shapes)
    for model in {key.model for key in format_keys()}:
        if model.__name__ in shapes:
            shapes[model.__name__] = _with_short_form(_group(shapes, model.__name__), model)
    shapes.update({f"{_PARTIAL}{name}": _partial(shapes[name]) for name in tuple(shapes)})
    _use_partials(made, shapes)
    for name in ("services", "environments"):
        _let_values_be_empty(_group(made, "properties", name))
    trimmed = _group({"made": _trimmed(made)}, "made")
    return {
        "$schema": DIALECT,
        **trimmed,
        "title": "Turnout release file",
        "patternProperties": {"^x-": {}},
    }


def _group(schema: _Schema, *path: str) -> _Schema:
    found: JsonValue = schema
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _describe(made: _Schema, shapes: _Schema) -> None:
    for key in format_keys():
        owner = made if key.model is ReleaseFile else _group(shapes, key.model.__name__)
        said = BUILT.get(key.key, "Not built yet.")
        entry = _group(owner, "properties", key.field)
        # A model may stand at two places; the one that is built says what it is for.
        if entry.get("description", "Not built yet.") == "Not built yet.":
            entry["description"] = said


def _with_short_form(shape: _Schema, model: type[Part]) -> _Schema:
    if issubclass(model, Choice):
        only_one: list[JsonValue] = [{"required": [kind]} for kind in model.kinds]
        return {"anyOf": [{"enum": list(model.kinds)}, {**shape, "oneOf": only_one}]}
    if not model.short:
        return shape
    leaf = copy.deepcopy(_group(shape, "properties", model.short))
    for word in ("title", "default", "description"):
        leaf.pop(word, None)
    return {"anyOf": [leaf, shape]}


def _partial(shape: JsonValue) -> JsonValue:
    """Copy a shape for sections that are merged under or over others: nothing is required."""
    if isinstance(shape, list):
        return [_partial(inner) for inner in shape]
    if not isinstance(shape, dict):
        return shape
    made: _Schema = {}
    for key, inner in shape.items():
        if key == "required" and isinstance(inner, list):
            continue
        if key == "oneOf":
            made[key] = inner
        elif key == "$ref" and isinstance(inner, str):
            made[key] = inner.replace("#/$defs/", f"#/$defs/{_PARTIAL}")
        else:
            made[key] = _partial(inner)
    return made


def _use_partials(made: _Schema, shapes: _Schema) -> None:
    properties = _group(made, "properties")
    properties["defaults"] = _partial(properties["defaults"])
    environment = _group(shapes, "Environment", "properties")
    for name in ("defaults", "services"):
        environment[name] = _partial(environment[name])
    _let_values_be_empty(_group(environment, "services"))


def _trimmed(made: _Schema) -> JsonValue:
    """Leave out what nothing refers to, and titles, which repeat the keys."""
    shapes = _group(made, "$defs")
    used: set[str] = set()
    waiting = [json.dumps({key: inner for key, inner in made.items() if key != "$defs"})]
    while waiting:
        for name in _REFERENCE.findall(waiting.pop()):
            if name not in used:
                used.add(name)
                waiting.append(json.dumps(shapes[name]))
    kept: _Schema = {name: shapes[name] for name in shapes if name in used}
    return _without_titles({**made, "$defs": kept})


def _without_titles(shape: JsonValue) -> JsonValue:
    if isinstance(shape, list):
        return [_without_titles(inner) for inner in shape]
    if not isinstance(shape, dict):
        return shape
    return {
        key: _without_titles(inner)
        for key, inner in shape.items()
        if not (key == "title" and isinstance(inner, str)) and (key, inner) != ("default", None)
    }


def _let_values_be_empty(shape: _Schema) -> None:
    options = shape.get("anyOf")
    for option in [shape, *(options if isinstance(options, list) else [])]:
        if not isinstance(option, dict):
            continue
        # Names that follow a pattern come as `patternProperties`, free ones as the other.
        for pattern, inner in _group(option, "patternProperties").items():
            _group(option, "patternProperties")[pattern] = {"anyOf": [inner, {"type": "null"}]}
            option["additionalProperties"] = False
