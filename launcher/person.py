"""Whoever sits at the command line, as the audit calls them: no key can have such a name."""

from getpass import getuser


def person() -> str:
    """Return `command-line:ada`; letters that the audit cannot hold are left out."""
    name = "".join(one for one in getuser() if one.isascii() and one.isprintable()).strip()
    return f"command-line:{name}"[:64].strip()
