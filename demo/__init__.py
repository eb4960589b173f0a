"""The main job, shown on one machine: ``make demo``.

A source cluster with rows and logins, its daily snapshot, the app deployed by ``cdk deploy`` into
the embedded AWS, one execution watched from start to end, and a summary in which everything that
was promised is looked up in the restored database.

* :mod:`~demo.scenario` says who and what takes part,
* :mod:`~demo.preparation` makes it, with :mod:`~demo.clusters`, :mod:`~demo.configuration` and,
  for what production is connected to, :mod:`~demo.wiring`,
* :mod:`~demo.watching` follows the execution, while :mod:`~aurora_restore.cli.outsider` tries to
  connect,
* :mod:`~aurora_restore.proof.client` logs in to the target's name all the time where that is
  switched, and :mod:`~demo.switching` looks at what it met and at the cluster that is kept,
* :mod:`~demo.inspection` looks at what came of it, also for what must be gone,
* :mod:`~aurora_restore.cli.progress` and the checks of :mod:`~aurora_restore.proof` decide, from
  values alone,
* :mod:`~demo.screen` and :mod:`~demo.report` show.
"""
