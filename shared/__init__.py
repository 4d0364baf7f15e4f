"""The language and the plumbing every service shares; imports nothing of ours."""
