"""The three venues as they really are: their packages hardened, their words translated, once.

Each folder is one venue: `client` (the owner's package, hardened), `parse` (documents to values),
`outcome` (which answer means what), `adapter` (the port), `stream` (private events, as hints).
"""
