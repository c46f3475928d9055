"""Score a model on the golden set, without a server: python score.py MODEL_FOLDER [GOLDEN_FILE]."""

import json
import sys
from pathlib import Path

from model import Model, load

GOLDEN = Path(__file__).parent / "golden" / "levels.jsonl"


def figures(model: Model, file: Path = GOLDEN) -> dict[str, float]:
    """Return accuracy and recall of unsafe, over all rows and by slice."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    right = [model.level(row["text"]) == row["label"] for row in rows]
    found: dict[str, list[bool]] = {}
    for row, hit in zip(rows, right, strict=True):
        found.setdefault("accuracy", []).append(hit)
        found.setdefault(f"slice.{row['slice']}.accuracy", []).append(hit)
        if row["label"] == "unsafe":
            found.setdefault("recall.unsafe", []).append(hit)
            found.setdefault(f"slice.{row['slice']}.recall.unsafe", []).append(hit)
    return {name: sum(hits) / len(hits) for name, hits in found.items()}


if __name__ == "__main__":
    for name, ratio in figures(load(Path(sys.argv[1])), *map(Path, sys.argv[2:3])).items():
        print(f"{name:32} {ratio:6.1%}")
