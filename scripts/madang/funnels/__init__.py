"""Looks at funnels."""
