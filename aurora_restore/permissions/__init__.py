"""What the grants of the pipeline's declaration come to in one environment, without the CDK.

From the ARNs and conditions of each step to statements, and to policies of the sizes that IAM
takes. The stacks have these policies, and the command line asks IAM whether the roles have them.
"""
