"""What the engine knows of the evidence: the judge's answer about the present step."""

from dataclasses import dataclass

from turnout.statistics.judgement import Judgement, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The judge's answer, bound to the step and weight that it is about.

    `as_of_s` is the wall clock of the look. A judge without a heartbeat for 5 s is blind: then
    there is no value at all.
    """

    step: int
    weight_bp: int
    judgement: Judgement
    as_of_s: float

    @property
    def is_worse(self) -> bool:
        """Tell whether the candidate was shown to be worse; final for this release."""
        return self.judgement.verdict is Verdict.WORSE
