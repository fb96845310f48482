"""Shows that a personal value is known without showing it."""


def mask(kind: str, value: str) -> str:
    """Return a value so that its owner recognises it and nobody else can use it.

    `k***@m***.example` for an e-mail, `+82******34` for a phone, `C****23` for other identifiers.
    """
    if kind == "email" and "@" in value:
        local, _, domain = value.partition("@")
        host, _, top = domain.rpartition(".")
        return f"{local[:1]}***@{host[:1]}***.{top}"
    if kind == "phone":
        return f"{value[:3]}{'*' * max(len(value) - 5, 3)}{value[-2:]}"
    if len(value) <= 4:
        return "****"
    return f"{value[:1]}{'*' * (len(value) - 3)}{value[-2:]}"


def fingerprint(value: str) -> str:
    """Return the beginning of a hash, for an identifier that is stored only as one."""
    return f"(hash {value[:8]}…)"
