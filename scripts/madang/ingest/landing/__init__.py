"""Landing: checked rows into the raw layer, once; beside it rejects, holds and the ledger."""
