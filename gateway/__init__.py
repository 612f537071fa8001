"""The gateway: the program in an Argo CD instance's cluster that reports to the hub and does what it asks."""

__version__ = "0.1.0"
