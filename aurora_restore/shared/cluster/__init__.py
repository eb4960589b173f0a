"""The target cluster: its settings, its network, whose it is, and the calls that change it."""
