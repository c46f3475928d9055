"""How candidate and stable version are asked, remembered, compared, and given up on."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from turnout.domain.checks import (
    Checks,
    GoldenRule,
    GoldenSet,
    Job,
    JobKind,
    JobResult,
    JobState,
    Scorer,
    WarmUp,
)
from turnout.domain.version import Endpoint
from turnout.errors import BadInputError, UnavailableError
from turnout.jobs.verify import Verify
from turnout.jobs.warm import Round, Warm, is_steady

LABELS = ("safe", "unsafe")


@dataclass
class Scripted:
    """Answers chats by a rule over the user's text, and notes what it was asked."""

    rule: Callable[[str], tuple[int, str]]
    asked: list[tuple[str, str]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    delay_s: Callable[[int], float] = lambda _: 0.0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                await self._answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.heads.append(head)
        size = int(head.partition("content-length: ")[2].split("\r\n")[0] or 0)
        body = json.loads(await reader.readexactly(size) or b"{}")
        text = body["messages"][-1]["content"] if "messages" in body else ""
        self.asked.append((head.split(" ")[1], text))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(self.delay_s(len(self.asked)))
        status, content = self.rule(text)
        self.open -= 1
        told = json.dumps({"choices": [{"message": {"content": content}}]}).encode()
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(told)) + told)
        await writer.drain()


@asynccontextmanager
async def serving(model: Scripted) -> AsyncIterator[Endpoint]:
    server = await asyncio.start_server(model.talk, "127.0.0.1", 0)
    try:
        yield Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()


def right(text: str) -> tuple[int, str]:
    return 200, f"Safety: {text.split(maxsplit=1)[0].capitalize()}\nCategories: None"


def always(label: str) -> Callable[[str], tuple[int, str]]:
    return lambda _: (200, f"Safety: {label}\nCategories: None")


def a_job(folder: Path, *candidate: Endpoint, stable: tuple[Endpoint, ...] = ()) -> Job:
    file = folder / "levels.jsonl"
    rows = [{"text": f"{LABELS[n % 2]} {n}", "label": LABELS[n % 2]} for n in range(100)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    rules = (GoldenRule(figure="recall.unsafe", min=0.5, worse_by=0.01),)
    golden = GoldenSet(
        name="levels",
        file=str(file),
        digest="sha256:set",
        scorer=Scorer.LABEL,
        rules=rules,
        labels=LABELS,
    )
    return Job(
        kind=JobKind.VERIFY,
        key="verify/guard-r2/0",
        service="guard",
        version="v2",
        digest="sha256:v2",
        artifact_digest=None,
        checks=Checks(golden=(golden,), warm=WarmUp(within_s=10.0)),
        candidate=candidate,
        stable=stable,
        stable_digest="sha256:v1" if stable else None,
    )


async def verified(folder: Path, job: Job) -> JobResult:
    return await Verify(folder / "turnout", job).attempt()


# --- verify


async def test_a_right_version_passes_and_is_asked_directly_as_a_probe(tmp_path: Path) -> None:
    model = Scripted(right, delay_s=lambda _: 0.002)
    async with serving(model) as candidate:
        result = await verified(tmp_path, a_job(tmp_path, candidate))
    assert (result.state, result.findings[0].value) == (JobState.PASSED, 1.0)
    assert len(model.asked) == 100
    assert {path for path, _ in model.asked} == {"/v1/chat/completions"}
    assert all("x-turnout-probe: verify" in head for head in model.heads)
    assert 8 < model.most_open <= 16


async def test_a_version_that_misses_is_refused_with_its_rows(tmp_path: Path) -> None:
    async with serving(Scripted(always("Safe"))) as candidate:
        result = await verified(tmp_path, a_job(tmp_path, candidate))
    (finding,) = result.findings
    assert (result.state, finding.hits, finding.rows) == (JobState.REFUSED, 0, 50)
    assert finding.first == ("levels.jsonl:2", "levels.jsonl:4", "levels.jsonl:6")
    assert result.why == "golden set `levels`: recall.unsafe"


async def test_a_version_worse_than_stable_is_refused_above_its_minimum(tmp_path: Path) -> None:
    def nearly(text: str) -> tuple[int, str]:
        return always("Safe")(text) if text.endswith("1") else right(text)

    async with serving(Scripted(nearly)) as candidate, serving(Scripted(right)) as stable:
        result = await verified(tmp_path, a_job(tmp_path, candidate, stable=(stable,)))
    (finding,) = result.findings
    assert (result.state, finding.value, finding.stable_value) == (JobState.REFUSED, 0.8, 1.0)
    assert finding.limit == pytest.approx(0.99)


async def test_the_stable_version_is_asked_once_for_each_set(tmp_path: Path) -> None:
    old = Scripted(right)
    async with serving(Scripted(right)) as candidate, serving(old) as stable:
        job = a_job(tmp_path, candidate, stable=(stable,))
        first = await verified(tmp_path, job)
        second = await verified(tmp_path, replace(job, stable=()))
        assert len(old.asked) == 100
        await verified(tmp_path, replace(job, stable_digest="sha256:v0"))
    assert second == first
    assert len(old.asked) == 200


async def test_rows_are_spread_over_the_instances_of_a_version(tmp_path: Path) -> None:
    first, second = Scripted(right), Scripted(right)
    async with serving(first) as one, serving(second) as two:
        await verified(tmp_path, a_job(tmp_path, one, two))
    assert (len(first.asked), len(second.asked)) == (50, 50)


async def test_nobody_at_the_address_is_a_fault_of_the_surroundings(tmp_path: Path) -> None:
    async with serving(Scripted(right)) as gone:
        pass
    with pytest.raises(UnavailableError, match="candidate did not answer 100 of 100 rows"):
        await verified(tmp_path, a_job(tmp_path, gone))


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_second_attempt_asks_what_has_no_answer_yet(status: int, tmp_path: Path) -> None:
    model = Scripted(lambda text: (status, "") if text.endswith("1") else right(text))
    async with serving(model) as candidate:
        work = Verify(tmp_path, a_job(tmp_path, candidate))
        with pytest.raises(UnavailableError, match=f"10 of 100 .* HTTP {status}"):
            await work.attempt()
        model.rule = right
        result = await work.attempt()
    assert (result.state, len(model.asked)) == (JobState.PASSED, 110)


async def test_a_few_rows_without_an_answer_count_as_wrong(tmp_path: Path) -> None:
    model = Scripted(lambda text: (500, "") if text.endswith(" 1") else right(text))
    async with serving(model) as candidate:
        result = await verified(tmp_path, a_job(tmp_path, candidate))
    assert (result.state, result.findings[0].hits) == (JobState.PASSED, 49)
    assert "1 rows were not answered" in result.findings[0].text


async def test_a_request_that_the_version_refuses_is_a_wrong_answer(tmp_path: Path) -> None:
    async with serving(Scripted(lambda _: (400, ""))) as candidate:
        result = await verified(tmp_path, a_job(tmp_path, candidate))
    assert (result.state, result.findings[0].value) == (JobState.REFUSED, 0.0)


async def test_a_set_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    job = a_job(tmp_path, Endpoint("127.0.0.1", 1))
    (tmp_path / "levels.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"levels\.jsonl:1 is not a row"):
        await verified(tmp_path, job)


# --- warm


async def warmed(folder: Path, job: Job) -> JobResult:
    return await Warm(folder, replace(job, kind=JobKind.WARM)).attempt()


async def test_a_version_is_warm_when_three_batches_agree(tmp_path: Path) -> None:
    model = Scripted(right, delay_s=lambda n: 0.1 if n <= 32 else 0.02)
    async with serving(model) as candidate:
        result = await warmed(tmp_path, a_job(tmp_path, candidate))
    assert result.state is JobState.PASSED
    assert len(model.asked) >= 32 * 4
    assert result.findings[0].text.startswith(f"steady: {len(model.asked)} requests")
    assert all("x-turnout-probe: warm" in head for head in model.heads)


async def test_without_rows_the_ready_path_is_asked(tmp_path: Path) -> None:
    model = Scripted(right)
    async with serving(Scripted(right)) as _, serving(model) as candidate:
        job = replace(a_job(tmp_path, candidate), checks=Checks(warm=WarmUp(within_s=10.0)))
        model.rule = lambda _: (200, "")
        result = await warmed(tmp_path, replace(job, health_path="/health"))
    assert result.state is JobState.PASSED
    assert {path for path, _ in model.asked} == {"/health"}
    assert all(head.startswith("get ") for head in model.heads)


async def test_with_nothing_to_ask_a_version_counts_as_warm(tmp_path: Path) -> None:
    job = replace(a_job(tmp_path), checks=Checks(warm=WarmUp()))
    result = await warmed(tmp_path, job)
    assert (result.state, result.findings[0].ok) == (JobState.PASSED, True)


async def test_requests_of_ones_own_are_sent_round_and_round(tmp_path: Path) -> None:
    model, file = Scripted(lambda _: (200, "")), tmp_path / "warm.jsonl"
    file.write_text('{"text": "one"}\n{"text": "two"}\n', encoding="utf-8")
    warm = WarmUp(requests=str(file), within_s=10.0)
    async with serving(model) as candidate:
        job = replace(a_job(tmp_path, candidate), checks=Checks(warm=warm))
        assert (await warmed(tmp_path, job)).state is JobState.PASSED
    assert [text for _, text in model.asked[:4]] == ["one", "two", "one", "two"]


@pytest.mark.parametrize("status", [400, 500])
async def test_a_version_that_fails_its_requests_does_not_get_warm(
    status: int, tmp_path: Path
) -> None:
    async with serving(Scripted(lambda _: (status, ""))) as candidate:
        job = a_job(tmp_path, candidate)
        checks = replace(job.checks, warm=WarmUp(within_s=2.0))
        result = await warmed(tmp_path, replace(job, checks=checks))
    assert (result.state, result.findings[0].ok) == (JobState.FAILED, False)
    assert re.match(r"not steady within 2 s: [1-9]\d* requests", result.why)
    assert f"HTTP {status}" in result.why


STEADY = [
    ((0.1, 0.1, 0.1), True),
    ((0.1, 0.11, 0.105), True),
    ((0.1, 0.1101, 0.105), False),
    ((0.5, 0.1, 0.1, 0.1), True),
    ((0.1, 0.1), False),
    ((0.0012, 0.0020, 0.0014), True),
    ((0.0012, 0.0023, 0.0014), False),
    ((), False),
]


@pytest.mark.parametrize(("medians_s", "steady"), STEADY, ids=str)
def test_steady_is_three_medians_within_a_tenth(
    medians_s: tuple[float, ...], *, steady: bool
) -> None:
    assert is_steady([Round(median_s, 0) for median_s in medians_s]) is steady


def test_a_failed_request_in_the_last_batches_is_not_steady() -> None:
    rounds = [Round(0.1, 1), Round(0.1, 0), Round(0.1, 0)]
    assert not is_steady(rounds)
    assert is_steady([*rounds, Round(0.1, 0)])
