"""An environment's file: loading it, and every check of it. Needs no CDK."""
