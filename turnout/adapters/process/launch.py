"""Starting the process of an instance: what is written down before, and what it is given."""

from dataclasses import dataclass
from pathlib import Path

from turnout.adapters.process.environment import environment_of
from turnout.adapters.process.placeholders import Facts, replaced
from turnout.adapters.process.record import Record
from turnout.adapters.process.surroundings import Surroundings
from turnout.children import ChildSpec
from turnout.domain.version import InstanceSet
from turnout.errors import RuntimeFaultError

LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Launch:
    """A process about to be started, and the record that goes before it."""

    record: Record
    child: ChildSpec


def prepare(around: Surroundings, of: InstanceSet, record: Record) -> Launch:
    """Put everything together that a start needs; nothing is started yet.

    Raises:
        RuntimeFaultError: There is no command, no working folder, or a secret is not to be had.
    """
    run, settings = of.version.run, around.settings
    if not run.command:
        raise RuntimeFaultError(
            f"{record.version} of {record.service} has no command (run.command)"
        )
    if not Path(run.folder).is_dir():
        raise RuntimeFaultError(f"its working folder {run.folder} is not there")
    facts = Facts(
        service=of.service,
        environment=settings.environment,
        version=of.version.name,
        digest=of.version.digest,
        artifact=settings.artifact_of(of.service, of.version.artifact_digest),
        release=f"{of.service}-{of.number}",
        port=record.port,
    )
    argv = tuple(replaced(word, facts.words()) for word in run.command)
    env = environment_of(run, facts, record.kept)
    child = ChildSpec(
        argv=argv,
        env=env,
        folder=Path(run.folder),
        lock=around.folder_of(record.instance) / LOCK,
        log=settings.log_of(record.instance),
        mark=around.mark_of(record.instance),
    )
    fence = around.fences_met.get(of.service)
    begun = {
        "argv": argv,
        "names": tuple(sorted(env)),
        "fence": str(fence or ""),
        "url": facts.url,
        "ready": run.ready,
        "restart": run.restart,
        "root": None,
        "is_ready": False,
    }
    return Launch(record.model_copy(update=begun), child)
