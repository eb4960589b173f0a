"""What tests of more than one kind have in common."""
