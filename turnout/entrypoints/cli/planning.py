"""`turnout plan`: every step before it happens."""

import asyncio
from typing import TYPE_CHECKING

import click

from turnout.entrypoints.cli.ending import TO_DO, LeaveError
from turnout.entrypoints.cli.flags import Flags, with_flags
from turnout.entrypoints.cli.place import place_of
from turnout.entrypoints.cli.terminal import answer, clean
from turnout.errors import BadInputError

if TYPE_CHECKING:
    from turnout.bootstrap_folder import Folder
    from turnout.entrypoints.cli.forecasting import Forecast
    from turnout.entrypoints.release_file import Loaded


@click.command("plan", short_help="Show what a release would do; change nothing.")
@click.argument("service", required=False)
@click.argument("version", required=False)
@click.option("--resolved", is_flag=True, help="Print the merged file, each value's origin beside.")
@click.option("--exit-code", is_flag=True, help="Leave with 10 when there is something to do.")
@with_flags
def plan_command(
    flags: Flags,
    service: str | None,
    version: str | None,
    resolved: bool,  # noqa: FBT001 - as click calls it
    exit_code: bool,  # noqa: FBT001 - likewise, as click calls it
) -> None:
    """Show what releasing VERSION of SERVICE would do, step by step; nothing is changed."""
    from turnout.entrypoints.cli.plan_text import plan_json, plan_text
    from turnout.entrypoints.release_file import load
    from turnout.entrypoints.release_file.domain_values import view_of
    from turnout.entrypoints.release_file.rendering import render_resolved

    place = place_of(flags)
    loaded = load(place.file, flags.environment)
    if resolved:
        text = render_resolved(view_of(loaded, flags.environment))
        answer(flags, "plan", {"resolved": text}, text.rstrip())
        return
    wanted = _named(loaded, service, version)
    forecast = asyncio.run(_forecast(flags, loaded, place.folder, wanted))
    if loaded.warnings and not flags.as_json:
        click.echo(clean(loaded.printed()), err=True)
    answer(flags, "plan", plan_json(forecast), plan_text(forecast))
    if exit_code and not forecast.is_done:
        raise LeaveError(TO_DO)


def _named(loaded: "Loaded", service: str | None, version: str | None) -> tuple[str, str]:
    if loaded.mistakes:
        raise BadInputError(loaded.printed())
    services = next(iter(loaded.environments.values())).services
    if service is not None and version is None and len(services) == 1 and service not in services:
        return next(iter(services)), service
    if service is None or version is None:
        known = ", ".join(services)
        raise BadInputError(f"name service and version: `turnout plan SERVICE VERSION`; {known}")
    return service, version


async def _forecast(
    flags: Flags, loaded: "Loaded", folder: "Folder", named: tuple[str, str]
) -> "Forecast":
    from turnout.entrypoints.cli.forecasting import Forecast, artifact_digest, needs_of, now_of
    from turnout.entrypoints.release_file.domain_values import to_domain

    wanted = to_domain(loaded, *named, flags.environment)
    now = now_of(folder, wanted.service)
    digest = await artifact_digest(folder, wanted.plan.checks.artifact)
    needs, rate_rps = await needs_of(folder, wanted.service, wanted.plan, now)
    return Forecast(
        service=wanted.service,
        environment=wanted.environment,
        version=wanted.version(digest),
        plan=wanted.plan,
        now=now,
        needs=needs,
        rate_rps=rate_rps,
        warnings=tuple(f"{one.code} {one.text}" for one in loaded.warnings),
    )
