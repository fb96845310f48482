"""Parity: our figures beside GA4's, and what explains each gap."""
