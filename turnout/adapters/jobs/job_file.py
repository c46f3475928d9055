"""The two files between a job's starter and its process: what to do, and what came out."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from turnout.domain.checks import Job, JobResult
from turnout.errors import BadInputError


class JobFile(BaseModel):
    """`spec.json`: the job, the controller's folder, and how long to wait between tries."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turnout: Literal[1] = 1
    folder: Path
    pauses_s: tuple[float, ...]
    job: Job


class ResultFile(BaseModel):
    """`result.json`: whole or not there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turnout: Literal[1] = 1
    result: JobResult


def read_job(path: Path) -> JobFile:
    """Read `spec.json`."""
    try:
        return JobFile.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadInputError(f"`{path}` is not a job: {error}") from error


def read_result(path: Path) -> JobResult | None:
    """Read `result.json`; None while there is none."""
    try:
        return ResultFile.model_validate_json(path.read_bytes()).result
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise BadInputError(f"`{path}` is not a job's result: {error}") from error


def write_job(path: Path, file: JobFile) -> None:
    """Write `spec.json`."""
    replace_file(path, file.model_dump_json(indent=1))


def write_result(path: Path, result: JobResult) -> None:
    """Write `result.json`."""
    replace_file(path, ResultFile(result=result).model_dump_json(indent=1))


def replace_file(path: Path, text: str) -> None:
    """Put a file into its place so that nobody ever reads half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
