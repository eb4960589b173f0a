"""PostgreSQL of the restored cluster: connections, lock-out, scripts, roles and their proof."""
