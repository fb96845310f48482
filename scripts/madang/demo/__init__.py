"""A generated company whose truth is known: every source file it would have, and the answers."""

from madang.demo.company import DemoSummary, generate
from madang.demo.world import DemoError

__all__ = ["DemoError", "DemoSummary", "generate"]
