"""Bodies of requests; every unknown field is a mistake."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_Name = Annotated[str, Field(min_length=1, max_length=253)]
_Text = Annotated[str, Field(max_length=4096)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AskRelease(_Body):
    """`POST /releases`: `file` is the absolute path of the release file."""

    service: _Name
    version: _Name
    file: Annotated[str, Field(pattern="^/", max_length=4096)]
    environment: _Name | None = None
    reason: _Text = ""
    queue: bool = False
    replace: bool = False


class Give(_Body):
    """`POST /releases/{id}/{verb}`; `force` is `promote`'s alone."""

    reason: _Text = ""
    force: bool = False


class Say(_Body):
    """A reason, and nothing else."""

    reason: _Text = ""


class GoBack(_Body):
    """`POST /services/{s}/rollback`: to a version, or to the one before."""

    to: _Name | None = None
    reason: _Text = ""


class Down(_Body):
    """`POST /down`: `drain_s` is how long open requests get."""

    drain_s: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    reason: _Text = ""


class Nothing(_Body):
    """A body that says nothing."""
