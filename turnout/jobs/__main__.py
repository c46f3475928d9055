"""The process of one job: `python -m turnout.jobs KIND SPEC RESULT`."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from turnout.adapters.jobs.job_file import JobFile, read_job, write_result
from turnout.domain.checks import JobKind
from turnout.jobs.attempts import Work, perform

# By name: each kind loads what it needs and nothing else, for a quick start.
_MODULES: Final = {kind: f"turnout.jobs.{kind}" for kind in JobKind}


def main(arguments: Sequence[str]) -> None:
    """Do the work of a spec and write its result."""
    kind, spec, result = arguments
    job_file = read_job(Path(spec))
    build = cast("Callable[[JobFile], Work]", import_module(_MODULES[JobKind(kind)]).build)
    outcome = perform(build(job_file), job_file.pauses_s, asyncio.sleep, time.monotonic)
    write_result(Path(result), asyncio.run(outcome))


if __name__ == "__main__":
    main(sys.argv[1:])
