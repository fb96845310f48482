"""Read by every Python that a test starts: what dbt parses is kept for the run's other ones."""

import gc
import os
import sys
from pathlib import Path

if os.environ.get("PARSED_ONCE"):
    gc.set_threshold(50_000, 10, 5)  # as in tests/conftest.py
    sys.path.append(str(Path(__file__).parents[1]))
    import parsed_once

    parsed_once.keep(Path(os.environ["PARSED_ONCE"]))
