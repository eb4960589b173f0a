"""The events of steps and runs for EventBridge: pure functions from the audit table to events."""
