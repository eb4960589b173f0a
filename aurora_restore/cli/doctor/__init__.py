"""``aurora-restore doctor``: what of a deployment would go wrong tonight.

Each module is about one part of it. A function reads facts, a pure one decides what they mean,
and :mod:`~aurora_restore.cli.doctor.command` prints the findings. Nothing is changed.
"""
