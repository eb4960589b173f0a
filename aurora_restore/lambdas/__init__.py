"""The entry points of the functions: one module for each step, with its ``handler``."""

from aurora_restore.shared.initialisation import begin_loading

begin_loading()
