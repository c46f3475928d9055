"""Two cleaners that drop repeated passages: equal results, one in linear time, one in quadratic time."""

import time
from collections.abc import Callable

PASSAGE = 8  # characters that make a passage


def linear(text: str) -> str:
    """Drop each character that begins a passage seen before; remember passages in a set."""
    folded, seen, kept = text.casefold(), set[str](), []
    for at in range(len(text)):
        passage = folded[at : at + PASSAGE]
        if passage not in seen:
            kept.append(text[at])
        seen.add(passage)
    return "".join(kept)


def quadratic(text: str) -> str:
    """Do what `linear` does, by comparing each passage with all passages before it."""
    folded, kept = text.casefold(), []
    for at in range(len(text)):
        passage = folded[at : at + PASSAGE]
        earlier = [before for before in range(at) if folded[before : before + PASSAGE] == passage]
        if not earlier:
            kept.append(text[at])
    return "".join(kept)


CLEANERS: dict[str, Callable[[str], str]] = {"linear": linear, "quadratic": quadratic}

SAMPLE = "".join(chr(0x4E00 + n) for n in range(200))
LEAST_READS, MOST_READS = 400, 1500


def reads_for(clean: Callable[[str], str], cost_s: float) -> int:
    """Find the length at which `clean` costs `cost_s` of this machine's CPU, if it is quadratic."""
    # The least of many: what else runs on the machine only ever makes it longer.
    measured_s = min(_cost_s(clean) for _ in range(100))
    length = len(SAMPLE) * (cost_s / measured_s) ** 0.5
    return max(LEAST_READS, min(MOST_READS, round(length)))


def _cost_s(clean: Callable[[str], str]) -> float:
    began = time.thread_time()
    clean(SAMPLE)
    return time.thread_time() - began
