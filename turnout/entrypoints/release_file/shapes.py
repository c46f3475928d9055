"""The models as shapes that can be walked: what the format asks for at a path."""

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from turnout.entrypoints.release_file.nodes import Path
from turnout.entrypoints.release_file.schema_file import ReleaseFile
from turnout.entrypoints.release_file.schema_parts import Choice, Part
from turnout.entrypoints.release_file.schema_service import Service


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """What may stand at a place: a group (`model`), a map or list of `entry`, or a leaf.

    `marks` are the marks of a leaf (its unit, whether it is a path), `words` its allowed words.
    """

    model: type[Part] | None = None
    entry: "Shape | None" = None
    is_map: bool = False
    marks: tuple[object, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def choice(self) -> type[Choice] | None:
        """Give the model where a choice stands."""
        return self.model if self.model and issubclass(self.model, Choice) else None


UNKNOWN = Shape()


@cache
def shape_of(model: type[Part]) -> Shape:
    """Give the shape of a model."""
    return Shape(model=model)


FILE = shape_of(ReleaseFile)
SERVICE = shape_of(Service)


@cache
def fields_of(model: type[Part]) -> Mapping[str, Shape]:
    """Give the shape of each key of a group."""
    return {name: _shape(field.rebuild_annotation()) for name, field in model.model_fields.items()}


def inside(shape: Shape, part: str | int) -> Shape | None:
    """Give the shape of one entry of a group, map or list; None where the format has none."""
    if shape.model is not None:
        return fields_of(shape.model).get(str(part))
    return shape.entry


def shape_at(path: Path, shape: Shape = FILE) -> Shape:
    """Give the shape at a path; an unknown one where the format has none."""
    for part in path:
        inner = inside(shape, part)
        if inner is None:
            return UNKNOWN
        shape = inner
    return shape


def _shape(annotation: object) -> Shape:
    kind, marks = _bare(annotation)
    if isinstance(kind, type) and issubclass(kind, Part):
        return shape_of(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return Shape(marks=marks, words=arguments)
    if origin is dict:
        return Shape(entry=_shape(arguments[1]), is_map=True)
    # A list that parses itself (a command) is a leaf: nothing inside it has a shape of its own.
    if origin is list and not marks:
        return Shape(entry=_shape(arguments[0]))
    return Shape(marks=marks)


def _bare(annotation: object) -> tuple[object, tuple[object, ...]]:
    """Take Annotated and Optional off; give what is left and the marks that were on it."""
    marks: tuple[object, ...] = ()
    while True:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            annotation, *added = arguments
            marks = (*marks, *added)
        elif origin in (typing.Union, types.UnionType):
            annotation = next(option for option in arguments if option is not types.NoneType)
        else:
            return annotation, marks
