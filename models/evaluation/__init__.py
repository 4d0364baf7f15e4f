"""What is known about a model before anyone trusts it, and whether that is enough."""
