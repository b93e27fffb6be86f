"""Torture: the service run in earnest, killed, cut off and starved under load; then what was acknowledged is compared with what is kept.

``make torture``: real processes (``renkei serve``, ``renkei work``, a PostgreSQL that waits for the disk), callers that do as
docs/vendors.md says, each figure beside its target. A short form runs with the tests.
"""
