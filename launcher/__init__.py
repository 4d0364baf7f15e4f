"""The embedded platform and the `trading` command."""
