"""What the words of a file mean together: the rules T201 to T216 and the warnings, as a table."""

from collections.abc import Iterator

from turnout.entrypoints.release_file.meaning_figures import (
    golden_figures,
    rates_and_units,
    watched_figures,
)
from turnout.entrypoints.release_file.meaning_files import files_exist, golden_rows
from turnout.entrypoints.release_file.meaning_names import (
    connections_exist,
    environments_exist,
    gates_exist,
    hosts_are_distinct,
    router_can,
    stages_exist,
)
from turnout.entrypoints.release_file.meaning_runs import (
    fixed_port,
    placeholders,
    process_has_command,
    tags_name_versions,
)
from turnout.entrypoints.release_file.meaning_shift import (
    drain_is_long_enough,
    hold_is_long_enough,
    patience_is_long_enough,
    steps_end_whole,
    steps_grow,
    streams_are_watched,
    tester_is_secret,
)
from turnout.entrypoints.release_file.mistakes import Mistake
from turnout.entrypoints.release_file.scene import FileRule, Scene, ServiceRule

OWN_RULES: tuple[ServiceRule, ...] = (
    steps_grow,
    steps_end_whole,
    placeholders,
    tags_name_versions,
    rates_and_units,
    golden_figures,
    files_exist,
    hold_is_long_enough,
    drain_is_long_enough,
    streams_are_watched,
    tester_is_secret,
    patience_is_long_enough,
)
# These need the names that other keys declare; a misspelt key would hide them.
NAMING_RULES: tuple[ServiceRule, ...] = (
    watched_figures,
    fixed_port,
    process_has_command,
    stages_exist,
    gates_exist,
)
FILE_RULES: tuple[FileRule, ...] = (golden_rows,)
NAMING_FILE_RULES: tuple[FileRule, ...] = (
    connections_exist,
    environments_exist,
    hosts_are_distinct,
    router_can,
)


def meaning_mistakes(scene: Scene, *, names_are_known: bool) -> Iterator[Mistake]:
    """List what one environment's view of a file says that cannot be meant."""
    rules = (*OWN_RULES, *(NAMING_RULES if names_are_known else ()))
    for service in scene.services.values():
        for rule in rules:
            yield from (wrong.at(service) for wrong in rule(service))
    for file_rule in (*FILE_RULES, *(NAMING_FILE_RULES if names_are_known else ())):
        yield from file_rule(scene)
