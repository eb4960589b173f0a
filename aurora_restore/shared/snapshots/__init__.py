"""Snapshots: which one is meant, its path to the target, and the calls that copy it."""
