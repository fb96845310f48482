"""What can go wrong in loading: the whole load, or one file of it."""

from madang.errors import MadangError


class LoadError(MadangError):
    """Nothing can be loaded: no inbox, no files, or a path that does not exist."""


class NothingToLoad(LoadError):
    """There are folders, and no file in them."""


class FileRefused(LoadError):
    """One file cannot be used as a whole. Its message never holds a value of the file."""
