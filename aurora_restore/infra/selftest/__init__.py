"""The first stack of a self-test: a network, a source cluster, and a function that logs in."""
