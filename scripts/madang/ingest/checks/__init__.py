"""Checks: cells, rows and files against what a mapping asks for."""
