"""The one family of errors a user can mend: every message says what, where and how."""


class DhbvError(ValueError):
    """Something given to delta-hbv is wrong; the command line prints it without a traceback."""


class ConfigurationError(DhbvError):
    """A configuration file or value is not understood."""


class ModelDirectoryError(DhbvError):
    """A model directory is incomplete, damaged or not one."""


class StateError(DhbvError):
    """A saved state is damaged or belongs to another model."""


def gist(error: Exception) -> str:
    """The first sentence of a library's message: what follows is advice on installing that library."""
    return next(iter(str(error).splitlines()), type(error).__name__).partition(". ")[0]
