"""A pretend Argo CD over real Git repositories: a program (`python -m simulator`), or in a thread (`with Simulator(config) as sim`)."""

from simulator.service import Simulator

__all__ = ["Simulator"]
