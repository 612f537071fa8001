"""Wiring: settings, addresses, processes. Imports everything, and nothing imports it."""
