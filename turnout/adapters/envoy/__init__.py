"""Envoy behind the gateway daemon: the router, and the observer of its evidence."""

from turnout.adapters.envoy.observer import build_observer
from turnout.adapters.envoy.router import build_router
from turnout.adapters.envoy.settings import EnvoySettings

__all__ = ["EnvoySettings", "build_observer", "build_router"]
