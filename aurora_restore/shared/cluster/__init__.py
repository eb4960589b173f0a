"""The target cluster: its settings, its network, who owns it, and the calls that change it."""
