"""Lists every key of the format by walking the models."""

from collections.abc import Iterator
from dataclasses import dataclass

from turnout.entrypoints.release_file.schema_file import ReleaseFile
from turnout.entrypoints.release_file.schema_parts import Part
from turnout.entrypoints.release_file.schema_service import Service
from turnout.entrypoints.release_file.shapes import Shape, fields_of


@dataclass(frozen=True, slots=True)
class FormatKey:
    """One key: how the table of built keys writes it, and the model and field it belongs to."""

    key: str
    model: type[Part]
    field: str
    shape: Shape


def format_keys() -> tuple[FormatKey, ...]:
    """List all keys, those of the file first, then those of a service section."""
    return (*_keys(ReleaseFile, ""), *_keys(Service, ""))


def _keys(model: type[Part], prefix: str) -> Iterator[FormatKey]:
    for field, shape in fields_of(model).items():
        key = f"{prefix}{field}"
        yield FormatKey(key, model, field, shape)
        inner, depth = model_inside(shape)
        # Service sections are listed once, not under each place that may hold one.
        if inner is not None and inner is not Service:
            yield from _keys(inner, f"{key}.{'*.' * depth}")


def model_inside(shape: Shape) -> tuple[type[Part] | None, int]:
    """Find the model under maps and lists, and how many of them are around it."""
    depth = 0
    while shape.model is None and shape.entry is not None:
        shape, depth = shape.entry, depth + 1
    return shape.model, depth
