"""Real parts under real faults: a site of its own, kills by name, exact counts."""

from turnout.testing.chaos.crowd import Crowd, Tally
from turnout.testing.chaos.kills import Kill, Part, killed_at_each
from turnout.testing.chaos.layout import Layout
from turnout.testing.chaos.site import Site, site

__all__ = ["Crowd", "Kill", "Layout", "Part", "Site", "Tally", "killed_at_each", "site"]
