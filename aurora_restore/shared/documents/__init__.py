"""Every document that comes from outside: its fields, their rules, and their checks."""
