"""Whether AWS takes an environment, counted from its configuration before anything is synthesised.

* :mod:`~aurora_restore.capacity.needs` counts what an environment needs of what AWS limits;
* :mod:`~aurora_restore.capacity.fit` says how many restores fit, and refuses what does not;
* :mod:`~aurora_restore.capacity.enlarged` imagines more restores like those that there are.

The synthesis and the command line say the same, by this code.
"""
