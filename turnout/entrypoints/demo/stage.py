"""The folder of a demonstration: the guard's own project, its key, its trained versions."""

import asyncio
import re
import shutil
import socket
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from turnout.adapters.model_signing.signer import make_key, sign_tree
from turnout.errors import BadInputError, TurnoutError

_TRAINING_LIMIT_S = 60.0
_STEPS = re.compile(r"shift: \{steps: .*\}\}?")
_FAST = "shift: {steps: [{weight: 50%, hold: 20s}, {weight: 100%, hold: 3s}]}"
_WHOLE = (
    "shift: {steps: [{weight: 10%, hold: 10s}, {weight: 50%, hold: 20s}, {weight: 100%, hold: 3s}]}"
)


class TrainingError(TurnoutError):
    """A model could not be trained."""

    code = "demo.training"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a demonstration takes place, and on which port users ask."""

    root: Path
    port: int

    @property
    def key(self) -> Path:
        """Name the private half of the key that signs the versions."""
        return self.root / "keys" / "release.key"

    def lay(self, *, fast: bool) -> None:
        """Copy the guard's project, set its port and steps, and make a key."""
        source = guard_folder()
        leave = shutil.ignore_patterns("__pycache__", "models", "keys", ".turnout")
        shutil.copytree(source, self.root, dirs_exist_ok=True, ignore=leave)
        file = self.root / "turnout.yaml"
        text = file.read_text(encoding="utf-8")
        text = text.replace("route: 8000", f"route: {self.port}")
        text = text.replace("command: python ", f"command: {sys.executable} ")
        file.write_text(_STEPS.sub(_FAST if fast else _WHOLE, text), encoding="utf-8")
        if not self.key.exists():
            make_key(self.key)

    async def train(self, version: str, *flags: str) -> str:
        """Train a version with the guard's own program, sign it, and give what it told.

        Raises:
            TrainingError: the program failed; what it wrote is in the sentence.
        """
        command = [sys.executable, "-B", "train.py", version, "models", *flags]
        child = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.root,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_TRAINING_LIMIT_S):
                told, _ = await child.communicate()
        except BaseException:
            child.kill()
            await child.wait()
            raise
        text = told.decode(errors="replace").strip()
        if child.returncode:
            raise TrainingError(f"{version} could not be trained: {text}")
        sign_tree(self.root / "models" / version, self.key)
        return text


def guard_folder() -> Path:
    """Give the guard's project: from the wheel, or from the checkout that runs.

    Raises:
        BadInputError: it is nowhere.
    """
    package = Path(str(files("turnout")))
    for place in (package / "examples" / "guard", package.parent / "examples" / "guard"):
        if (place / "serve.py").exists():
            return place
    raise BadInputError("the guard example is not there: install `turnout[demo]` again")


def free_port() -> int:
    """Give a port of this host that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
