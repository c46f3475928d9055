"""The files of a site: its release file, the versions' artifacts, a golden set."""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from turnout.testing.chaos.serve import FLAGS

SERVICE = "model"
STEADY = "--answer-ms 60 --stream-tokens 3 --token-ms 20"
_ANSWER = "Safety: Safe\nCategories: None"
_ASKED = {"model": "m", "messages": [{"role": "user", "content": "$text"}]}
_FILE = """\
turnout: 1
project: chaos

services:
  {service}:
    artifact: models/$version
    run:
      command: {command}
      ready: {{http: /health, every: 200ms}}
    route: {port}
{checks}    shift: {{steps: [{steps}]}}
    watch:
      figures: {{{figures}}}
    bake: {bake}
    retire: {{drain: {drain}}}
"""
_CHECKS = """\
    verify:
      golden:
        answers: {{file: golden.jsonl, request: template.json, concurrency: {together}}}
    warm: {{requests: warm.jsonl, within: 20s}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a site serves and how it releases; times are written as in a release file.

    Args:
        versions: Flags of `turnout.testing.model_server` by the name of the version.
        steps: Weights and holds, `50% 10s`.
        golden_rows: Rows of the golden set; none: neither verified nor warmed.
    """

    port: int
    versions: Mapping[str, str] = field(default_factory=lambda: {"v1": STEADY, "v2": STEADY})
    steps: tuple[str, ...] = ("50% 10s", "100% 2s")
    figures: tuple[str, ...] = (
        "errors 2pp",
        "stream_errors 2pp",
        "latency.p90 20%",
        "ttft.p90 20%",
    )
    bake: str = "10m"
    drain: str = "5s"
    golden_rows: int = 0

    def lay(self, root: Path) -> None:
        """Write all files into a folder."""
        root.mkdir(parents=True, exist_ok=True)
        (root / "turnout.yaml").write_text(self._text(), encoding="utf-8")
        for version, flags in self.versions.items():
            self.lay_version(root, version, flags)
        if self.golden_rows:
            _lay_golden(root, self.golden_rows)

    def lay_version(self, root: Path, version: str, flags: str = STEADY) -> None:
        """Write the artifact of one version."""
        artifact = root / "models" / version
        artifact.mkdir(parents=True, exist_ok=True)
        (artifact / FLAGS).write_text(flags, encoding="utf-8")
        # Equal bytes would be one version: what was quarantined once would be it for ever.
        (artifact / "name.txt").write_text(version, encoding="utf-8")

    def _text(self) -> str:
        module = "turnout.testing.chaos.serve"
        program = f"{shlex.quote(sys.executable)} -m {module} --artifact $artifact"
        steps = (step.split() for step in self.steps)
        figures = (figure.split() for figure in self.figures)
        return _FILE.format(
            service=SERVICE,
            command=f"{program} --port $port --version $version",
            port=self.port,
            checks=_CHECKS.format(together=4) if self.golden_rows else "",
            steps=", ".join(f"{{weight: {weight}, hold: {hold}}}" for weight, hold in steps),
            figures=", ".join(f"{name}: {{worse_by: {by}}}" for name, by in figures),
            bake=self.bake,
            drain=self.drain,
        )


def _lay_golden(root: Path, rows: int) -> None:
    lines = (json.dumps({"text": f"row {i}", "expected": _ANSWER}) for i in range(rows))
    (root / "golden.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (root / "template.json").write_text(json.dumps(_ASKED), encoding="utf-8")
    warm = {"model": "m", "messages": [{"role": "user", "content": "warm"}]}
    (root / "warm.jsonl").write_text(f"{json.dumps(warm)}\n" * 20, encoding="utf-8")
