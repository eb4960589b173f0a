"""What is deployed with the functions: code, dependencies, certificates and SQL scripts."""
