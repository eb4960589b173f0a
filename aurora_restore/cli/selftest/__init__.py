"""``aurora-restore selftest``: a proof in one's own account, and the removal of what it made.

``naming`` and ``records`` say what a run makes, and ``decision`` what of it may be deleted;
``inventory`` reads AWS and ``cleaning`` deletes.
"""
