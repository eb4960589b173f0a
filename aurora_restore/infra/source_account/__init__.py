"""The stack of a source account, and what its keys' policies must say."""
