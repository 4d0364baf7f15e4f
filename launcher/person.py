"""Whoever sits at the command line, as the audit calls them: no key can have such a name."""

import os
from getpass import getuser


def person() -> str:
    """Return `command-line:ada`; letters that the audit cannot hold are left out."""
    try:
        user = getuser()
    except (KeyError, OSError):  # a container's user that no file names
        user = str(os.getuid())
    name = "".join(one for one in user if one.isascii() and one.isprintable()).strip()
    return f"command-line:{name}"[:64].strip()
