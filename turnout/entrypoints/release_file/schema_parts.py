"""What all groups of the release file share: strictness, short forms, choices."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from turnout.entrypoints.release_file.leaves import Limit
from turnout.entrypoints.release_file.units import wrong


class Part(BaseModel):
    """A group of keys. `short` names the key that a bare value stands for."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    short: ClassVar[str] = ""


class Choice(Part):
    """Written as a name or as `name: {settings}`; exactly one of `kinds` is given."""

    kinds: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        chosen = [key for key in value if key in cls.kinds]
        if len(chosen) > 1:
            raise wrong(f"both `{chosen[0]}` and `{chosen[1]}` are given", "keep one")
        # A misspelt kind is reported as an unknown key, not as a missing choice as well.
        if not chosen and not [key for key in value if key not in cls.model_fields]:
            known = ", ".join(cls.kinds)
            raise PydanticCustomError("no_choice", "needs one of {known}", {"known": known})
        return value


class Figure(Part):
    """Limits of one figure and how it compares with the stable version."""

    max: Limit | None = None
    min: Limit | None = None
    worse_by: Limit | None = None
    tolerance: Limit | None = None
