"""Giving a target's name to another cluster, and taking it back.

RDS knows no swap: the old cluster is renamed, then the new one, and between the two nothing has the
name. ``look`` reads where both are, ``decision`` says what is next from any state that a crash may
have left, and ``act`` does it. See "Renaming a DB cluster" in the Aurora User Guide:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Modifying.html
"""
