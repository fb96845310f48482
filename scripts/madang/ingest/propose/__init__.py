"""Proposes a first mapping for a file that no source knows yet."""

from madang.ingest.propose.proposal import Proposal, propose

__all__ = ["Proposal", "propose"]
