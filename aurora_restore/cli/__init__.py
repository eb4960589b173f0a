"""``aurora-restore``: what the people who operate the pipeline type.

* :mod:`~aurora_restore.cli.main` has the global options, and turns expected errors into sentences;
* :mod:`~aurora_restore.cli.context` reads how the pipeline is deployed, from a function of it;
* :mod:`~aurora_restore.cli.executions` and :mod:`~aurora_restore.cli.operations` read facts;
* each module of a command decides from them what to show or to do, and then does it.
"""
