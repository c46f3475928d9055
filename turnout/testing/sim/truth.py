"""What a version of a history really is; the engine has to find out."""

from enum import StrEnum


class Truth(StrEnum):
    """One word for a version."""

    GOOD = "good"
    BAD = "bad"  # live evidence shows it to be worse
    OVER_LIMIT = "over limit"
    BREAKS = "breaks"  # most of its requests fail
    UNCLEAR = "unclear"  # nothing is ever shown
    CRASHES = "crashes"  # never gets ready
    TAMPERED = "tampered"
    LOST = "lost"  # its artifact cannot be had
    FAILS = "fails"  # its golden set
    UNREACHABLE = "unreachable"  # its checks cannot be made
    COLD = "cold"  # never gets warm
    BOTH_OVER = "both over limit"  # breaks a limit that stable breaks too
    NO_ANSWER = "no answer"  # starts and never gets ready
    LONG_FETCH = "long fetch"  # jobs that do not end
    LONG_CHECK = "long check"
    LONG_WARM = "long warm"


OUTCOMES: dict[str, tuple[Truth, ...]] = {  # which truth may lead to which outcome
    "worse": (Truth.BAD,),
    "limit": (Truth.OVER_LIMIT,),
    "refused": (Truth.TAMPERED, Truth.FAILS),
    "failed": (Truth.UNREACHABLE, Truth.LOST, Truth.COLD),
}

SHOWN_BY_CHECKS = frozenset(
    {
        Truth.TAMPERED,
        Truth.LOST,
        Truth.FAILS,
        Truth.UNREACHABLE,
        Truth.COLD,
        Truth.LONG_FETCH,
        Truth.LONG_CHECK,
        Truth.LONG_WARM,
    }
)
SHOWN_BY_COMPARISON = frozenset({Truth.BAD, Truth.UNCLEAR})
SHOWN_BY_USERS = frozenset({Truth.OVER_LIMIT, Truth.BREAKS})
