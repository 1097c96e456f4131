"""The lean live system that laptops boot, and the agent that runs in it."""

from cloned.live.build import LiveInfo, build, info
from cloned.live.packed import agent_zipapp, kept_agent

__all__ = ["LiveInfo", "agent_zipapp", "build", "info", "kept_agent"]
