"""The folder of a demonstration: the guard's own project, its key, its trained versions."""

import asyncio
import contextlib
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from turnout.adapters.model_signing.signer import make_key, sign_tree
from turnout.errors import BadInputError, TurnoutError

_TRAINING_LIMIT_S = 60.0
_SHIFT = re.compile(r"shift: .*")
_FAST = "{weight: 50%, hold: 20s}, {weight: 100%, hold: 3s}"
_SHIFTS = {
    True: f"shift: {{steps: [{_FAST}]}}",
    False: f"shift: {{steps: [{{weight: 10%, hold: 30s}}, {_FAST}]}}",
}


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
        leave = shutil.ignore_patterns("__pycache__", "models", "keys", ".turnout")
        shutil.copytree(guard_folder(), self.root, dirs_exist_ok=True, ignore=leave)
        file = self.root / "turnout.yaml"
        text = file.read_text(encoding="utf-8")
        text = text.replace("route: 8000", f"route: {self.port}")
        text = text.replace("command: python ", f"command: {shlex.quote(sys.executable)} ")
        file.write_text(_SHIFT.sub(_SHIFTS[fast], text), encoding="utf-8")
        make_key(self.key)

    async def train(
        self, version: str, flags: tuple[str, ...], environment: Mapping[str, str]
    ) -> None:
        """Train a version with the guard's own program, and sign it.

        Raises:
            TrainingError: the program failed; its last line is in the sentence.
        """
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-B", "train.py", version, "models", *flags),
            cwd=self.root,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_TRAINING_LIMIT_S):
                told, _ = await child.communicate()
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
        if child.returncode:
            said = told.decode(errors="replace").strip().splitlines()
            last = said[-1] if said else f"exit {child.returncode}"
            raise TrainingError(f"{version} could not be trained: {last}")
        await asyncio.to_thread(sign_tree, self.root / "models" / version, self.key)


def guard_folder() -> Path:
    """Give the guard's project: from the wheel, or from the checkout that runs.

    Raises:
        BadInputError: it is nowhere.
    """
    package = Path(str(files("turnout")))
    for place in (package / "examples" / "guard", package.parent / "examples" / "guard"):
        if (place / "serve.py").exists():
            return place
    raise BadInputError('the guard example is missing: pip install "turnout[demo]" again')
