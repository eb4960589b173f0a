"""MiniStack, corrected where it differs from AWS in ways this application would notice.

``python -m aurora_restore.local.ministack --port PORT`` serves it on 127.0.0.1. The corrections are
the functions listed in :mod:`aurora_restore.local.ministack.corrections`; each says what AWS does.
"""
