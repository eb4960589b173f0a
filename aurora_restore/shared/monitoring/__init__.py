"""What is watched of every restore: its past runs, whether it is overdue, and the table of all."""
