"""The guard model: hashed character n-grams and softmax regression, stored as safetensors and JSON."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cleaner import CLEANERS
from rows import LEVELS

BUCKETS = 1 << 15


@dataclass(frozen=True)
class Model:
    weights: np.ndarray  # BUCKETS x levels
    bias: np.ndarray
    grams: tuple[int, ...]
    cleaner: str = "none"
    reads: int = 0  # characters that the cleaner reads at most

    def level(self, text: str) -> str:
        """Say how safe the text is."""
        if clean := CLEANERS.get(self.cleaner):
            text = clean(text[: self.reads]) + text[self.reads :]
        score = self.weights[features(text, self.grams)].sum(0) + self.bias
        return LEVELS[int(score.argmax())]


def features(text: str, grams: tuple[int, ...]) -> list[int]:
    """Hash the text's n-grams to the rows of the weights that they wake."""
    woken = {
        zlib.crc32(f"{size}{text[at : at + size]}".encode()) % BUCKETS
        for size in grams
        for at in range(len(text) - size + 1)
    }
    return sorted(woken)


def save(model: Model, folder: Path, version: str) -> None:
    """Write the two files of an artifact."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(_packed({"weights": model.weights, "bias": model.bias}))
    told = {"version": version, "levels": LEVELS, "grams": model.grams}
    if model.cleaner != "none":
        told["cleaner"] = {"kind": model.cleaner, "reads": model.reads}
    (folder / "model.json").write_text(json.dumps(told, indent=2) + "\n")


def load(folder: Path) -> Model:
    """Read the two files of an artifact."""
    told = json.loads((folder / "model.json").read_text())
    tensors = _unpacked((folder / "model.safetensors").read_bytes())
    cleaner = told.get("cleaner", {"kind": "none", "reads": 0})
    return Model(tensors["weights"], tensors["bias"], tuple(told["grams"]), cleaner["kind"], cleaner["reads"])


# The safetensors form: length of the head in 8 bytes, head in JSON, then the tensors' bytes.
def _packed(tensors: dict[str, np.ndarray]) -> bytes:
    head, body = {}, b""
    for name, tensor in tensors.items():
        place = [len(body), len(body) + tensor.nbytes]
        head[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": place}
        body += tensor.astype("<f4").tobytes()
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def _unpacked(content: bytes) -> dict[str, np.ndarray]:
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = {}
    for name, told in json.loads(content[8:start]).items():
        if name != "__metadata__":
            first, last = told["data_offsets"]
            values = np.frombuffer(content[start + first : start + last], "<f4")
            tensors[name] = values.reshape(told["shape"])
    return tensors
