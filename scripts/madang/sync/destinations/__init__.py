"""The places that data is sent to: what each offers the engine, one module each, one registry."""
