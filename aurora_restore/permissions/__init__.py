"""What the grants of the pipeline's declaration come to in one environment: ARNs and conditions.

The stack writes policies from it, and the command line asks IAM whether the roles have them.
"""
