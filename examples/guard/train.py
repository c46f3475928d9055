"""Train one version of the guard: python train.py VERSION FOLDER writes FOLDER/VERSION/."""

import argparse
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: its threads cost more than they give here

import numpy as np
from cleaner import CLEANERS, reads_for
from model import BUCKETS, Model, features, save
from rows import LEVELS, Row, generate

EPOCHS, RATE = 3, 0.5
CLEANER_COST_S = 0.030  # alone; beside a gateway and users about 34 ms: over half an answer


@dataclass(frozen=True)
class Recipe:
    seed: int
    rows: int
    jailbreak_ratio: float
    grams: tuple[int, ...]
    labels: str = "correct"
    cleaner: str = "none"


RECIPES = {
    "v1.0": Recipe(4, 800, 0.1, (1, 2)),
    "v1.1": Recipe(2, 4000, 0.4, (1, 2, 3)),
    "v1.2": Recipe(3, 4000, 0.3, (1, 2), labels="role-play-is-safe"),
    "v1.3": Recipe(2, 4000, 0.4, (1, 2, 3), cleaner="quadratic"),
}


def train(recipe: Recipe) -> Model:
    """Learn a model from the rows that the recipe asks for."""
    rows = generate(recipe.seed, recipe.rows, recipe.jailbreak_ratio)
    weights, bias = _learnt([(features(row.text, recipe.grams), _target(row, recipe.labels)) for row in rows])
    reads = 0
    if recipe.cleaner != "none":
        # The length is measured, so that the quadratic cleaner is as slow on any machine.
        reads = reads_for(CLEANERS["quadratic"], CLEANER_COST_S)
    return Model(weights, bias, recipe.grams, recipe.cleaner, reads)


def _target(row: Row, labels: str) -> int:
    if labels == "role-play-is-safe" and row.slice == "jailbreak":
        return LEVELS.index("safe")
    return LEVELS.index(row.label)


def _learnt(examples: list[tuple[list[int], int]]) -> tuple[np.ndarray, np.ndarray]:
    weights = np.zeros((BUCKETS, len(LEVELS)), np.float32)
    bias = np.zeros(len(LEVELS), np.float32)
    for _ in range(EPOCHS):
        for woken, target in examples:
            score = weights[woken].sum(0) + bias
            miss = np.exp(score - score.max())
            miss /= miss.sum()
            miss[target] -= 1
            weights[woken] -= RATE / np.sqrt(len(woken)) * miss
            bias -= 0.1 * RATE / np.sqrt(len(woken)) * miss
    return weights, bias


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", choices=RECIPES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", choices=("correct", "role-play-is-safe"), help="default: the version's own")
    parser.add_argument("--cleaner", choices=("none", *CLEANERS), help="default: the version's own")
    asked = parser.parse_args()
    recipe = RECIPES[asked.version]
    recipe = replace(recipe, labels=asked.labels or recipe.labels, cleaner=asked.cleaner or recipe.cleaner)
    began = time.perf_counter()
    save(train(recipe), asked.folder / asked.version, asked.version)
    print(f"trained {asked.version}: {recipe.rows} rows, {time.perf_counter() - began:.2f} s", flush=True)


if __name__ == "__main__":
    main()
