"""Asks candidate and stable version the rows of golden sets, and judges their figures."""

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from turnout.adapters.jobs.job_file import JobFile, replace_file
from turnout.domain.checks import Finding, GoldenSet, Job, JobKind, JobResult, JobState
from turnout.domain.golden import Row, Scored, findings_of, score
from turnout.errors import UnavailableError
from turnout.jobs.asking import Asker, Reply, asking
from turnout.jobs.requests import Ask, read_golden

_UNANSWERED_RATIO: Final = 0.02

Rows = Sequence[tuple[Row, Ask]]
Answers = dict[int, str | None]


class AnswersFile(BaseModel):
    """What the stable version answered to each line of a golden set; null: it refused to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turnout: Literal[1] = 1
    answers: dict[int, str | None]


def build(job_file: JobFile) -> "Verify":
    """Make the work of a verify job."""
    return Verify(job_file.folder, job_file.job)


class Verify:
    """Asks each row once; rows of the stable version are remembered by its digest and the set's.

    A second attempt asks only what has no answer yet.
    """

    def __init__(self, folder: Path, job: Job) -> None:
        self._memory = folder / "jobs" / "golden"
        self._job = job
        self._given: dict[tuple[str, str], Answers] = {}

    async def attempt(self) -> JobResult:
        """Ask and judge every golden set."""
        findings: list[Finding] = []
        for golden in self._job.checks.golden:
            findings += await self._findings(golden)
        broken = [finding for finding in findings if not finding.ok]
        state = JobState.REFUSED if broken else JobState.PASSED
        why = f"golden set `{broken[0].name}`: {broken[0].figure}" if broken else ""
        return JobResult(state=state, findings=tuple(findings), why=why)

    async def _findings(self, golden: GoldenSet) -> tuple[Finding, ...]:
        rows = read_golden(golden, self._job.service)
        async with asking(JobKind.VERIFY, 2 * golden.concurrency) as client:
            mine, theirs = await asyncio.gather(
                self._asked(golden, rows, Asker(client, self._job.candidate), "candidate"),
                self._stable(golden, rows, Asker(client, self._job.stable)),
            )
        stable = _scored(golden, rows, theirs) if theirs is not None else None
        return findings_of(golden, _scored(golden, rows, mine), stable)

    async def _stable(self, golden: GoldenSet, rows: Rows, asker: Asker) -> Answers | None:
        if self._job.stable_digest is None:
            return None
        memory = self._memory / _memory_name(self._job.stable_digest, golden)
        if (known := _remembered(memory)) is not None:
            return known
        if not self._job.stable:
            return None
        answers = await self._asked(golden, rows, asker, "stable version")
        self._memory.mkdir(parents=True, exist_ok=True)
        replace_file(memory, AnswersFile(answers=answers).model_dump_json())
        return answers

    async def _asked(self, golden: GoldenSet, rows: Rows, asker: Asker, whose: str) -> Answers:
        answers = self._given.setdefault((golden.name, whose), {})
        failures: list[str] = []

        def take(line: int, reply: Reply) -> None:
            if reply.is_settled:
                answers[line] = reply.text
            else:
                failures.append(f"row {line}: {reply.why}")

        missing = [(row.line, ask) for row, ask in rows if row.line not in answers]
        await asker.ask_all(missing, golden.concurrency, take)
        if len(failures) > _UNANSWERED_RATIO * len(rows):
            raise UnavailableError(
                f"the {whose} did not answer {len(failures)} of {len(rows)} rows of golden set"
                f" `{golden.name}`; first {failures[0]}"
            )
        return answers


def _scored(golden: GoldenSet, rows: Rows, answers: Mapping[int, str | None]) -> list[Scored]:
    return [score(golden, row, answers.get(row.line)) for row, _ in rows]


def _memory_name(stable_digest: str, golden: GoldenSet) -> str:
    return sha256(f"{stable_digest}\n{golden.digest}".encode()).hexdigest() + ".json"


def _remembered(memory: Path) -> Answers | None:
    try:
        return AnswersFile.model_validate_json(memory.read_bytes()).answers
    except (FileNotFoundError, ValidationError):
        return None
