"""What shows that a restore has kept its promises: what is read in databases, and what must hold.

The demonstration and the self-test both use it, each on clusters of its own.
"""
