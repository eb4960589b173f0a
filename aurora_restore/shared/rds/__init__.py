"""RDS as the steps see it: ARNs, reads, calls as values, statuses and tags."""
