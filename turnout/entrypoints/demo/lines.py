"""Lines that commands write: which sentence each is, and which of them the story is told by."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from turnout.domain import words_en

_WRITTEN: Final = re.compile(r"\s*(?P<clock>(?:\d\d:\d\d:\d\d  )?)(?P<text>.*)")
_FACT: Final = re.compile(r"\\\{\w+\\\}")
# The sentences after them say the same again, or it is the same for every release.
_LEFT_OUT: Final = frozenset(
    {"prepared", "warm", "step.up", "held.time", "passed", "back", "started", "first", "ready"}
)
_ANSWER: Final = re.compile(r"guard-\d+: .*; users are on \S+|waits for the release in its way …")


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says, the code of its sentence, and the time of day before it; "" for none."""

    text: str
    code: str
    clock: str

    @property
    def is_story(self) -> bool:
        """Tell whether people are shown it."""
        return self.code not in _LEFT_OUT and not _ANSWER.fullmatch(self.text)


def line_of(written: str) -> Line:
    """Read a line that a command wrote."""
    parts = _WRITTEN.fullmatch(written)
    text, clock = (parts["text"], parts["clock"]) if parts else (written, "")
    found = (code for code, form in _FORMS.items() if form.fullmatch(text))
    return Line(text, next(found, ""), clock)


def _forms() -> Iterator[tuple[str, re.Pattern[str]]]:
    # The longest first: a short sentence could be the beginning of a long one.
    templates: Mapping[str, str] = {**words_en.SENTENCES, **words_en.WHY}
    for code, template in sorted(templates.items(), key=lambda item: -len(item[1])):
        yield code, re.compile(_FACT.sub(".*", re.escape(template)))


_FORMS: Final = dict(_forms())
