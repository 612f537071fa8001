"""Reads for the pages, as frozen dataclasses: one module a page."""
