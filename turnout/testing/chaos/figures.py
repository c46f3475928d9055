"""How many times a proof is run, and how its figures are told."""

import json
import os
import sys
from collections.abc import Mapping, Sequence

Value = str | int | float | Sequence[object] | Mapping[str, object]


def is_full() -> bool:
    """Tell whether the full counts are wanted: `TURNOUT_PROOFS=1`."""
    return os.environ.get("TURNOUT_PROOFS") == "1"


def tell(proof: str, **figures: Value) -> None:
    """Write the figures of one proof as a line."""
    sys.stdout.write(f"\n{proof}: {json.dumps(figures, ensure_ascii=False)}\n")
    sys.stdout.flush()


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float]:
    """Give median, 99th percentile and greatest of some values."""
    known = sorted(values)
    if not known:
        return {"n": 0}
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    last = len(known) - 1
    return {"n": len(known)} | {
        name: round(known[min(last, round(ratio * last))], digits) for name, ratio in at.items()
    }
