"""Aurora Restore: refreshes an Aurora PostgreSQL cluster from another cluster's snapshot."""
