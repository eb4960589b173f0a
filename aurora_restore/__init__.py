"""Aurora Restore: refreshes an Aurora PostgreSQL cluster from another cluster's snapshot."""

__version__ = "0.1.0"
