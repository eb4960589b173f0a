"""What people read about an operation: pure functions from recorded facts to text."""
