"""The proof that nothing of production is left where it may not be, before anyone can log in."""
