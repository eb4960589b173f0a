"""Snapshots: the route to the target, the copies on it, and the calls that make them."""
