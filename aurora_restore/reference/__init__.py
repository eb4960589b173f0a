"""The tables of README.md and docs/, written from the declarations that the application runs on.

``python -m aurora_restore.reference`` rewrites every block between ``<!-- generated: name -->`` and
``<!-- end -->``. A test fails while a block differs from what this would write.
"""
