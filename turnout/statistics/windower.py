"""Which seconds make a window: all starts known, one weight, enough of both versions."""

from dataclasses import replace

from turnout.statistics.increment import Increment
from turnout.statistics.saved import State, as_state, count, count_or_none, items, part
from turnout.statistics.window import Pair, Span, Window


class Windower:
    """Turn seconds into windows; each stratum closes by its own counts of starts."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._seconds: dict[int, dict[int, Pair]] = {}
        self._open: dict[int, Window] = {}
        self._number = 0
        self.complete_to: int | None = None

    def begin(self, span: Span) -> None:
        """Let a weight hold from a second on."""
        self._spans.append(span)

    def end(self, last_s: int) -> None:
        """Let the weight in force end with a second."""
        if self._spans and self._spans[-1].last_s is None:
            self._spans[-1] = replace(self._spans[-1], last_s=last_s)

    def take(self, increment: Increment, *, candidate: bool) -> bool:
        """Keep what is new of a second to come or in an open window; return whether it fitted."""
        second = increment.second
        if self.complete_to is None or second > self.complete_to:
            strata = self._seconds.setdefault(second, {})
            pair = strata.setdefault(increment.stratum, Pair())
            pair.take(increment, candidate=candidate)
            return True
        window = self._open.get(increment.stratum)
        if window is None or not window.holds(second):
            return False
        window.known.take(increment, candidate=candidate)
        return True

    def advance(self, complete_to: int) -> list[Window]:
        """Use the seconds of which all starts are known; return the windows that closed."""
        first = min(self._seconds, default=complete_to)
        if self.complete_to is not None:
            first = self.complete_to + 1
        closed: list[Window] = []
        for second in range(first, complete_to + 1):
            closed.extend(self._use(second))
            self._seconds.pop(second, None)
        self.complete_to = max(complete_to, first - 1)
        self._spans = [span for span in self._spans if not span.is_over(self.complete_to)]
        return closed

    def drop(self) -> None:
        """Forget open windows and all seconds so far: what they lack cannot be had."""
        if self._seconds:
            self.complete_to = max(self._seconds)
        self._open, self._seconds = {}, {}

    def to_dict(self) -> State:
        """Write spans, seconds and open windows."""
        return {
            "spans": [span.to_dict() for span in self._spans],
            "seconds": [
                {"second": second, "stratum": stratum, "known": pair.to_dict()}
                for second, strata in self._seconds.items()
                for stratum, pair in strata.items()
            ],
            "open": [window.to_dict() for window in self._open.values()],
            "number": self._number,
            "complete_to": self.complete_to,
        }

    @classmethod
    def from_dict(cls, state: State) -> "Windower":
        """Read a windower back."""
        windower = cls()
        windower._spans = [Span.from_dict(as_state(s, "spans")) for s in items(state, "spans")]
        for saved in items(state, "seconds"):
            inside = as_state(saved, "seconds")
            strata = windower._seconds.setdefault(count(inside, "second"), {})
            strata[count(inside, "stratum")] = Pair.from_dict(part(inside, "known"))
        windows = [Window.from_dict(as_state(w, "open")) for w in items(state, "open")]
        windower._open = {window.stratum: window for window in windows}
        windower._number = count(state, "number")
        windower.complete_to = count_or_none(state, "complete_to")
        return windower

    def _use(self, second: int) -> list[Window]:
        span = next((span for span in self._spans if span.holds(second)), None)
        closed = self._end_other(span)
        if span is not None and span.weight_bp > 0:
            closed.extend(self._fill(second, span))
        for window in closed:
            self._number += 1
            window.number = self._number
        return closed

    def _end_other(self, span: Span | None) -> list[Window]:
        first_s = None if span is None else span.first_s
        ended = [w for _, w in sorted(self._open.items()) if w.span.first_s != first_s]
        for window in ended:
            del self._open[window.stratum]
        return [window for window in ended if window.may_end()]

    def _fill(self, second: int, span: Span) -> list[Window]:
        strata = self._seconds.get(second, {})
        closed = []
        for stratum in sorted({*self._open, *strata}):
            window = self._open.setdefault(stratum, Window(span, stratum, second))
            window.extend(second, strata.get(stratum))
            if window.may_close():
                closed.append(self._open.pop(stratum))
        return closed
