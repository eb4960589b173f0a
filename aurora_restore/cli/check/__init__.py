"""``aurora-restore check``: an environment's file, alone and against AWS, before a deployment.

* :mod:`~aurora_restore.cli.check.files` checks files, as the synthesis does;
* :mod:`~aurora_restore.cli.check.place` looks at the account, the Region and the network;
* :mod:`~aurora_restore.cli.check.rehearsal` makes the preflight's checks for a restore;
* :mod:`~aurora_restore.cli.check.command` is the command.

Nothing is changed in AWS.
"""
