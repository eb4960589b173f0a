"""What EventBridge is told of steps and runs: pure functions from the audit table to events."""
