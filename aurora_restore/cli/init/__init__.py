"""``aurora-restore init``: a configuration written from an existing target and its source.

* :mod:`~aurora_restore.cli.init.facts` reads both clusters and what they stand in;
* :mod:`~aurora_restore.cli.init.draft` decides from that what the configuration says;
* :mod:`~aurora_restore.cli.init.text` writes it so that people can read it;
* :mod:`~aurora_restore.cli.init.command` is the command.
"""
