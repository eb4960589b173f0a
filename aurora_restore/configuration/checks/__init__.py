"""Every check of an environment's file that one field's own rule cannot make."""
