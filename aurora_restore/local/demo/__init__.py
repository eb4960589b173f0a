"""The main job, shown on one machine: ``make demo``.

A source cluster with rows and logins, its daily snapshot, the app deployed by ``cdk deploy`` into
the embedded AWS, one execution watched from start to end, and a summary in which everything that
was promised is looked up in the restored database.

* :mod:`~aurora_restore.local.demo.story` says who and what takes part,
* :mod:`~aurora_restore.local.demo.preparation` makes it, :mod:`~aurora_restore.local.demo.watching`
  follows the execution, :mod:`~aurora_restore.local.demo.inspection` looks at what came of it,
* :mod:`~aurora_restore.local.demo.progress` and :mod:`~aurora_restore.local.demo.checks` decide,
  from values alone,
* :mod:`~aurora_restore.local.demo.screen` and :mod:`~aurora_restore.local.demo.report` show.
"""
