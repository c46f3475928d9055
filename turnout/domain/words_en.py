"""Sentences in English, by code. Placeholders are the facts of `sentence.py`."""

SENTENCES = {
    "prepared": "{version} is in the store: {checked}.",
    "ready": "{version} is ready after {took}.",
    "verified": "Verified: {findings}.",
    "warm": "{version} is warm after {took}.",
    "step.up": "Went from {before} to {after}: {ready} of {wanted} candidate instances are ready.",
    "watching": "{weight} of the requests go to {version}; it is watched for at least {hold}.",
    "step.passed": "Step {step} of {last_step} at {weight} is passed. {figures} after {took} and "
    "{requests} requests at {version}.",
    "passed": "The last step is passed. {figures} after {took} and {requests} requests at "
    "{version}.",
    "promoted": "{version} is stable. {steps}, {length}, {exposed} requests met it on the "
    "way. {kept}",
    "baked": "{took} without a worse figure; {stable} is retired.",
    "bake.ended": "{by} ended the bake: {stable} is retired now.",
    "retired": "{stable} has ended: nothing of it runs.",
    "back": "Traffic goes back from {before} to {after}.",
    "undone": "All users are on {stable}; {version} has ended after {took}.",
    "undone.first": "{version} has ended after {took}; the service has no version now.",
    "waiting.approval": "Waits at {weight} for an approval of {version}.",
    "approved": "Goes on: approved by {approver}.",
    "approval.given": "{by} approved {version}.",
    "paused.undecided": "Paused at {weight}: {undecided}. A person decides: promote, wait longer "
    "(`resume`), or abort.",
    "paused.worse": "Paused at {weight}: {worse}. A person decides: promote, or abort.",
    "paused.limit": "Paused at {weight}: {broken}, and {stable} breaks the same limit.",
    "paused.person": "{by} paused it at {weight}{reason}.",
    "resumed": "{by} resumed it at {weight}.",
    "aborted": "{by} aborted at {weight}{reason}. All users go back to {stable}.",
    "superseded": "Another version takes its place; all users go back to {stable}.",
    "overruled": "{by} overruled the remaining hold{reason}.",
    "refused": "{version} is refused before any user: {findings}.",
    "rolledback.worse": "Rolled back to {stable} from {weight}. {worse}, after {requests} "
    "requests. {exposed} users' requests met {version}. {version} is quarantined until a person "
    "clears it.",
    "rolledback.limit": "Rolled back to {stable} from {weight}: {broken}. {exposed} users' "
    "requests met {version}.",
    "rolledback.breakage": "Rolled back to {stable} from {weight}: {breakage}. {exposed} users' "
    "requests met {version}.",
    "rolledback.crashed": "Rolled back: {version} never got ready ({exit}).",
    "rolledback.failed": "Rolled back: {findings}.",
    "rolledback.undecided": "Rolled back to {stable} from {weight}: {undecided} for {took}.",
    "rolledback.no_evidence": "Rolled back to {stable} from {weight}: no evidence could be read "
    "for {took}.",
    "rolledback.timed_out": "Rolled back: {phase} was not over after {took}.",
    "rolledback.not_approved": "Rolled back: nobody approved {version} within {took}.",
}

WHY = {
    "held.time": "Held at {weight}: the hold of {hold} is not over.",
    "held.undecided": "Held at {weight}: {undecided}; {needed}.",
    "held.unused": "Held at {weight}: nobody uses the service: 0 requests in {hold}, so nothing "
    "can be judged. To go on without evidence: `turnout promote {service} --reason …`.",
    "held.blind": "Held at {weight}: no evidence can be read. Without evidence no step is taken "
    "and none is undone.",
    "started": "{release} started: {stable} -> {version} in {environment}, asked for by {by}"
    "{reason}.",
    "first": "{release} started: {version} is the first release of {service}: nothing to compare "
    "with; limits and breakage alone decide. Asked for by {by}{reason}.",
}

WORDS = {
    "reason": ': "{why}"',
    "none": "no version",
    "exit.unknown": "it said nothing",
    "breakage.probes": "its health probe failed {n} times in a row under users",
    "nothing": "nothing",
    "steps.one": "{n} step",
    "steps.many": "{n} steps",
    "checked": "digest {digest}",
    "kept": "{stable} stays warm for {bake}.",
    "kept.first": "It is the first version.",
    "figures.none": "Nothing is left to compare with at {weight}, no limit is broken",
    "figures": "{n} of {n} figures are not worse: {list}",
    "figure": "{name} {difference}{band} (limit {limit})",
    "worse": "{name} is worse: {stable} -> {candidate}, {difference}{band}, limit {limit}",
    "worse.count": "{name} is worse: {x} of {n} requests failed{age}, {stable_version} "
    "{stable_x} of {stable_n}",
    "age": " within {age}",
    "broken": "{name} {candidate} exceeds the limit of {maximum}",
    "undecided": "{name} is undecided, {difference}{band} against a limit of {limit}",
    "undecided.none": "not enough data",
    "needed": "about {n} more requests are needed",
    "needed.none": "more requests are needed",
    "breakage.exit": "the candidate ended ({exit}) under users",
    "breakage.errors": "most of its requests failed, and those of {stable} did not",
    "golden": "golden set `{name}`, {figure} is {value}{rows}, the limit is {limit}{stable}",
    "golden.ok": "{name} {figure} {value}",
    "golden.rows": " ({hits} of {rows} rows)",
    "golden.stable": "; {stable_version} has {value}",
    "finding": "{text}",
}
