"""A decision as a sentence with figures, in English and Chinese; the same one everywhere."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from turnout.domain import amounts, words_en, words_zh
from turnout.domain.checks import Finding
from turnout.domain.decision import Decision
from turnout.domain.release import Outcome, Phase, Release, Seen
from turnout.domain.rules import is_judged
from turnout.statistics.judgement import Comparison, FigureView, Judgement, Verdict


class Language(StrEnum):
    """A language that sentences exist in."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class _Catalogue:
    sentences: Mapping[str, str]
    why: Mapping[str, str]
    words: Mapping[str, str]


_CATALOGUES: Mapping[Language, _Catalogue] = {
    Language.EN: _Catalogue(words_en.SENTENCES, words_en.WHY, words_en.WORDS),
    Language.ZH: _Catalogue(words_zh.SENTENCES, words_zh.WHY, words_zh.WORDS),
}


def sentence(decision: Decision, release: Release, language: Language = Language.EN) -> str:
    """Render one saved decision.

    Args:
        decision: what happened.
        release: the release that it is about, at any edition.
        language: of the sentence.
    """
    catalogue = _CATALOGUES[language]
    first = f"{decision.code}.first" if release.is_first else ""
    template = catalogue.sentences.get(first) or catalogue.sentences[decision.code]
    return template.format_map(_Facts(decision, release, catalogue.words))


def beginning(release: Release, language: Language = Language.EN) -> str:
    """Tell how the release began: from which version to which, who asked, and why."""
    catalogue = _CATALOGUES[language]
    template = catalogue.why["first" if release.is_first else "started"]
    return template.format(
        release=release.id,
        stable=_stable(release),
        version=release.candidate.name,
        service=release.service,
        environment=release.environment,
        by=release.asked_by,
        reason=_reason(release.reason, catalogue.words),
    )


def waiting_for(
    release: Release, judged: Judgement | None, language: Language = Language.EN
) -> str:
    """Tell why a release stays at its step; "" outside of a step."""
    code = held_code(release, judged)
    if not code:
        return ""
    catalogue = _CATALOGUES[language]
    figure = _undecided(judged.figures) if judged else None
    return catalogue.why[code].format(
        weight=amounts.weight(release.weight_bp),
        hold=amounts.duration(release.hold_s),
        service=release.service,
        undecided=_undecided_text(figure, catalogue.words),
        needed=_needed(figure, catalogue.words),
    )


def held_code(release: Release, judged: Judgement | None) -> str:
    """Give the code of what a release at a step waits for; "" outside of a step."""
    if release.phase is not Phase.WATCHING or release.paused:
        return ""
    if judged is None:
        return "held.blind"
    if release.evidence_s < release.hold_s:
        return "held.time"
    return "held.undecided" if judged.requests_in_step or release.is_first else "held.unused"


def judgement_of(release: Release, seen: Seen) -> Judgement | None:
    """Give the judge's answer about the present step, None where it is blind."""
    return seen.judged.judgement if seen.judged and is_judged(release, seen) else None


def _stable(release: Release) -> str:
    return release.stable.version.name if release.stable else "-"


def _reason(why: str, words: Mapping[str, str]) -> str:
    return words["reason"].format(why=why) if why else ""


class _Facts(dict[str, str]):
    """What the templates may ask for; worked out when it is asked for."""

    def __init__(self, decision: Decision, release: Release, words: Mapping[str, str]) -> None:
        super().__init__()
        self._decision, self._release, self._words = decision, release, words

    def __missing__(self, name: str) -> str:
        return str(getattr(self, f"_{name}")())

    def _version(self) -> str:
        return self._release.candidate.name

    def _stable(self) -> str:
        return self._words["none"] if self._release.is_first else _stable(self._release)

    def _by(self) -> str:
        return self._decision.by

    def _approver(self) -> str:
        return self._decision.why

    def _reason(self) -> str:
        return _reason(self._decision.why, self._words)

    def _took(self) -> str:
        return amounts.duration(self._decision.took_s)

    def _length(self) -> str:
        return amounts.duration(self._decision.at_s - self._release.created_at_s)

    def _hold(self) -> str:
        return amounts.duration(self._release.plan.steps[self._decision.step].hold_s)

    def _phase(self) -> str:
        return str(self._decision.from_phase)

    def _before(self) -> str:
        return amounts.weight(self._decision.weight_from_bp)

    def _after(self) -> str:
        return amounts.weight(self._decision.weight_to_bp)

    def _weight(self) -> str:
        return amounts.weight(self._decision.weight_from_bp)

    def _ready(self) -> str:
        return str(self._release.plan.need(self._decision.weight_to_bp))

    def _wanted(self) -> str:
        # the row may be a later one, of which nothing is wanted any more
        needed = self._release.plan.need(self._decision.weight_to_bp)
        return str(max(self._release.arm.n, needed))

    def _step(self) -> str:
        return str(self._decision.step + 1)

    def _last_step(self) -> str:
        return str(len(self._release.plan.steps))

    def _steps(self) -> str:
        n = len(self._release.plan.steps)
        return self._words["steps.one" if n == 1 else "steps.many"].format(n=n)

    def _requests(self) -> str:
        return amounts.count(self._decision.requests)

    def _exposed(self) -> str:
        return amounts.count(self._decision.exposed)

    def _exit(self) -> str:
        lines = self._decision.last_lines
        told = "; ".join(filter(None, [self._decision.last_exit, lines[-1] if lines else ""]))
        return told or self._words["exit.unknown"]

    def _checked(self) -> str:
        digest = self._release.candidate.digest.removeprefix("sha256:")[:12]
        return self._words["checked"].format(digest=digest)

    def _kept(self) -> str:
        if self._release.is_first:
            return self._words["kept.first"]
        bake = amounts.duration(self._release.plan.bake_s)
        return self._words["kept"].format(stable=self._stable(), bake=bake)

    def _figures(self) -> str:
        compared = [f for f in self._decision.figures if f.verdict is Verdict.NOT_WORSE]
        if not compared:
            return self._words["figures.none"].format(weight=self._weight())
        told = [_figure("figure", figure, self._words) for figure in compared]
        return self._words["figures"].format(n=len(told), list="; ".join(told))

    def _worse(self) -> str:
        figure = worst(self._decision.figures)
        if figure is None:
            return self._words["undecided.none"]
        key = "worse" if figure.comparison is Comparison.RANKS else "worse.count"
        return _figure(key, figure, self._words, self._stable())

    def _broken(self) -> str:
        over = [f for f in self._decision.figures if f.maximum is not None]
        over.sort(key=lambda f: f.log_e, reverse=True)
        return _figure("broken", over[0], self._words) if over else self._words["undecided.none"]

    def _undecided(self) -> str:
        return _undecided_text(_undecided(self._decision.figures), self._words)

    def _breakage(self) -> str:
        if self._decision.failed_probes:
            return self._words["breakage.probes"].format(n=self._decision.failed_probes)
        if self._decision.last_exit:
            return self._words["breakage.exit"].format(exit=self._exit())
        return self._words["breakage.errors"].format(stable=self._stable())

    def _findings(self) -> str:
        bad = [f for f in self._decision.findings if not f.ok]
        told = [_finding(f, self._words, self._stable()) for f in bad or self._decision.findings]
        return "; ".join(told) or self._decision.why or self._words["nothing"]


def worst(figures: tuple[FigureView, ...]) -> FigureView | None:
    """Give the figure with the strongest evidence of being worse."""
    compared = [f for f in figures if f.limit is not None]
    return max(compared, key=lambda f: f.log_e, default=None)


def _undecided(figures: tuple[FigureView, ...]) -> FigureView | None:
    waiting = [f for f in figures if f.verdict is Verdict.UNDECIDED]
    return min(waiting, key=lambda f: f.log_e_gate, default=None)


def _undecided_text(figure: FigureView | None, words: Mapping[str, str]) -> str:
    if figure is None or figure.difference is None:
        return words["undecided.none"]
    return _figure("undecided", figure, words)


def _needed(figure: FigureView | None, words: Mapping[str, str]) -> str:
    if figure is None or figure.needed_requests is None:
        return words["needed.none"]
    more = max(1, round(figure.needed_requests - figure.candidate_n))
    return words["needed"].format(n=amounts.count(more))


def _figure(key: str, figure: FigureView, words: Mapping[str, str], stable: str = "") -> str:
    rate = figure.comparison is not Comparison.RANKS and figure.unit == "%"
    value = amounts.share if rate else amounts.duration_ms
    differs = amounts.points if rate else amounts.relative
    age = words["age"].format(age=amounts.duration(figure.age_s)) if figure.age_s else ""
    return words[key].format(
        name=figure.name,
        stable=_or_dash(figure.stable_value, value),
        candidate=_or_dash(figure.candidate_value, value),
        difference=_or_dash(figure.difference, differs),
        band=_band(figure, differs),
        limit=_or_dash(figure.limit, differs),
        maximum=_or_dash(figure.maximum, value),
        x=amounts.count(figure.candidate_x),
        n=amounts.count(figure.candidate_n),
        stable_x=amounts.count(figure.stable_x),
        stable_n=amounts.count(figure.stable_n),
        stable_version=stable,
        age=age,
    )


def _band(figure: FigureView, write: Callable[[float], str]) -> str:
    if figure.low is None and figure.high is None:
        return ""
    return f" [{_or_dash(figure.low, write)}, {_or_dash(figure.high, write)}]"


def _or_dash(value: float | None, write: Callable[[float], str]) -> str:
    return "…" if value is None else write(value)


def _finding(finding: Finding, words: Mapping[str, str], stable: str) -> str:
    if finding.code != "golden" or finding.value is None:
        return words["finding"].format(text=finding.text or finding.name)
    value = amounts.share(finding.value)
    if finding.ok:
        return words["golden.ok"].format(name=finding.name, figure=finding.figure, value=value)
    rows = ""
    if finding.rows is not None and finding.hits is not None:
        rows = words["golden.rows"].format(hits=finding.hits, rows=finding.rows)
    other = ""
    if finding.stable_value is not None:
        has = amounts.share(finding.stable_value)
        other = words["golden.stable"].format(stable_version=stable, value=has)
    limit = "…" if finding.limit is None else amounts.share(finding.limit)
    return words["golden"].format(
        name=finding.name, figure=finding.figure, value=value, rows=rows, limit=limit, stable=other
    )


_ENDS: Mapping[Outcome, str] = {
    Outcome.REFUSED: "refused",
    Outcome.PROMOTED: "promoted",
    Outcome.ABORTED: "aborted",
    Outcome.SUPERSEDED: "superseded",
    Outcome.FAILED: "failed",
}


def ending(release: Release) -> str:
    """Give the word of history for how a release ended: promoted, refused, rolled back."""
    return _ENDS.get(release.outcome, "rolled back") if release.outcome else "under way"
