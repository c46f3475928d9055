"""Brings an artifact into the content store and judges it: digest, signature, formats, size."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from turnout.adapters.files.blobs import BlobStore
from turnout.adapters.files.content import SINGLE, Member, digest_of
from turnout.adapters.files.formats import pickle_in
from turnout.adapters.files.names import shown
from turnout.adapters.files.source import (
    SIGNATURE_BYTES,
    ArtifactTooLargeError,
    check_size,
    opened,
    signature_of,
)
from turnout.adapters.files.trees import build_tree
from turnout.adapters.jobs.job_file import JobFile
from turnout.adapters.model_signing import load_signers, verify
from turnout.domain.checks import ArtifactRules, Finding, Job, JobResult, JobState
from turnout.errors import ArtifactError, SignatureRefusedError

_FIRST: Final = 3
_NICE: Final = 10
_ABANDONED_S: Final = 3600.0


def build(job_file: JobFile) -> "Prepare":
    """Make the work of a prepare job, at low priority: hashing must not slow what serves."""
    os.nice(_NICE)
    return Prepare(job_file.folder, job_file.job)


@dataclass(slots=True)
class _Taken:
    """What was copied into the store, and which of it was not there before."""

    members: list[Member] = field(default_factory=list)
    added: list[str] = field(default_factory=list)


class Prepare:
    """Copies first and judges the copy, so that what is verified is what is served."""

    def __init__(self, folder: Path, job: Job) -> None:
        self._folder = folder
        self._job = job
        self._store = BlobStore(folder)

    async def attempt(self) -> JobResult:
        """Copy, judge, and put the tree into its place when nothing speaks against it."""
        rules = self._job.checks.artifact
        if rules is None:
            return JobResult(state=JobState.PASSED)
        self._store.sweep(time.time() - _ABANDONED_S)
        taken = _Taken()
        try:
            findings = self._judge(rules, taken)
        except BaseException:
            self._forget(taken)
            raise
        state = _state(findings)
        if state is JobState.PASSED:
            build_tree(self._folder, self._job.service, taken.members)
        else:
            self._forget(taken)
        why = next((finding.text for finding in findings if not finding.ok), "")
        return JobResult(state=state, findings=tuple(findings), why=why)

    def _judge(self, rules: ArtifactRules, taken: _Taken) -> list[Finding]:
        source = Path(rules.source)
        try:
            self._take(source, rules.max_size_bytes, taken)
        except ArtifactTooLargeError as error:
            return [Finding(code="size", ok=False, name=source.name, text=str(error))]
        except ArtifactError as error:
            return [Finding(code="source", ok=False, name=source.name, text=str(error))]
        return [
            self._source_finding(source, taken.members),
            *self._signature_findings(source, rules, taken.members),
            *self._format_findings(source, taken.members),
        ]

    def _take(self, source: Path, max_size_bytes: int | None, taken: _Taken) -> None:
        total = 0
        for name, file in opened(source):
            total += os.fstat(file.fileno()).st_size
            check_size(source, total, max_size_bytes)
            blob = self._store.take(file)
            taken.members.append(Member(name, blob.sha256, blob.size_bytes))
            taken.added += [blob.sha256] if blob.is_new else []
        if not taken.members:
            raise ArtifactError(f"the artifact `{source}` is an empty folder")
        # A file that grew while it was read counts with what was read.
        total = sum(member.size_bytes for member in taken.members)
        check_size(source, total, max_size_bytes)

    def _source_finding(self, source: Path, members: Sequence[Member]) -> Finding:
        digest, promised = digest_of(members), self._job.artifact_digest
        size = sum(member.size_bytes for member in members)
        if promised is None or digest == promised:
            files = "1 file" if len(members) == 1 else f"{len(members):,} files"
            said = f"{digest}, {size:,} bytes, {files}"
            return Finding(code="source", ok=True, name=source.name, text=said)
        said = f"`{source.name}` changed since the release was asked for: it is {digest}"
        text = f"{said}, not {promised}; ask for the release again"
        return Finding(code="source", ok=False, name=source.name, text=text)

    def _signature_findings(
        self, source: Path, rules: ArtifactRules, members: Sequence[Member]
    ) -> Iterator[Finding]:
        signature = signature_of(source)
        if signature is None and not rules.signature_required:
            return
        if signature is not None and not rules.keys and not rules.signature_required:
            return
        try:
            text = self._signed(source, signature, rules, members)
        except SignatureRefusedError as error:
            yield Finding(code="signature", ok=False, name=source.name, text=str(error))
        else:
            yield Finding(code="signature", ok=True, name=source.name, text=text)

    def _signed(
        self, source: Path, signature: Path | None, rules: ArtifactRules, members: Sequence[Member]
    ) -> str:
        if signature is None:
            raise SignatureRefusedError(
                f"`{source.name}` is not signed: there is neither `model.sig` in it"
                f" nor `{source.name}.sig` beside it"
            )
        if signature.stat().st_size > SIGNATURE_BYTES:
            raise SignatureRefusedError(f"`{signature.name}` is too large to be a signature")
        signed = verify(
            signature.read_bytes(),
            {member.name: member.sha256 for member in members},
            load_signers(Path(key) for key in rules.keys),
            names={self._job.version, source.resolve().name},
            at=datetime.now(UTC),
        )
        return f"signed by {signed.signer} as `{signed.name}`"

    def _format_findings(self, source: Path, members: Sequence[Member]) -> Iterator[Finding]:
        wrong: list[str] = []
        for member in members:
            name = source.name if member.name == SINGLE else member.name
            with self._store.path(member.sha256).open("rb") as file:
                if why := pickle_in(name, file):
                    wrong.append(f"`{shown(name)}`: {why}")
        if wrong:
            text = f"{wrong[0]}; loading it can run any code: store the weights as safetensors"
            first = tuple(wrong[:_FIRST])
            yield Finding(code="format", ok=False, name=source.name, text=text, first=first)

    def _forget(self, taken: _Taken) -> None:
        # A refused version leaves its findings behind, not its bytes.
        for digest in taken.added:
            self._store.drop(digest)


def _state(findings: Sequence[Finding]) -> JobState:
    wrong = {finding.code for finding in findings if not finding.ok}
    if wrong - {"source"}:
        return JobState.REFUSED
    return JobState.FAILED if wrong else JobState.PASSED
