"""Write the golden set: python golden.py [FILE]; the same rows each time."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rows import generate

SEED, ROWS, JAILBREAK_RATIO = 99, 600, 0.4


def lines() -> str:
    """Return the golden set, one row a line."""
    rows = generate(SEED, ROWS, JAILBREAK_RATIO)
    return "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "golden" / "levels.jsonl"
    file.write_text(lines(), encoding="utf-8")
