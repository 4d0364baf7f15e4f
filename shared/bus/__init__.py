"""State and the facts that announce it, in one transaction; a doorbell that may be lost."""
