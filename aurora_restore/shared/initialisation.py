"""What happens while Lambda starts a function, before the first call of it.

A start comes before a call that waits for it, with a whole processor for ten seconds at most,
whatever the function's memory is. What every call needs is therefore made now:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import gc
import os
from typing import Final

FUNCTION_NAME: Final = "AWS_LAMBDA_FUNCTION_NAME"
"""A variable that Lambda sets for every function."""


def begin_loading() -> None:
    """Collect no garbage while a function's modules are loaded, of which nothing becomes garbage.

    Without effect in any other process.
    """
    if is_function():
        gc.disable()


def end_loading() -> None:
    """Collect garbage from now on, and never look again at what has been loaded."""
    if is_function():
        gc.freeze()
        gc.enable()


def is_function() -> bool:
    """Return whether this process is a Lambda function."""
    return FUNCTION_NAME in os.environ
