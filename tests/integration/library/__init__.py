"""The package as others use it: built, installed elsewhere, in a CDK app of their own."""
