"""Local servers that behave as the destinations' contracts say: for tests and for the demo."""
