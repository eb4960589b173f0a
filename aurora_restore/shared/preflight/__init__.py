"""Everything that can be known before the first change, checked before the first change.

A check yields its obstacles and goes on, so that all of them are reported together.
``snapshot-check`` runs all of them, in a dry run as in a real one; ``delete-rds`` runs them again
before it deletes.
"""
