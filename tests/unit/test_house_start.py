"""What quick commands must not load: each of these packages costs more than the command itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SLOW = ["cryptography", "fastapi", "grpc", "httpx2", "numpy", "pydantic", "rich", "structlog"]
SLOW += ["uvicorn", "yaml"]
PROGRAM = """
import sys
sys.argv = ["turnout", *{arguments!r}]
try:
    from turnout.entrypoints.cli import run
    run()
finally:
    sys.stderr.write("loaded: " + " ".join(name for name in {slow!r} if name in sys.modules))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["--version"]], ids=" ".join)
def test_a_quick_command_loads_no_slow_package(arguments: list[str], tmp_path: Path) -> None:
    program = PROGRAM.format(arguments=arguments, slow=SLOW)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )
    assert "Traceback" not in done.stderr
    assert done.stderr.rpartition("loaded:")[2].split() == []
