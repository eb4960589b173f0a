"""The exit codes of the command line, from which the documentation's table is generated."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code says to the script that has called it."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> "ExitCode":
        """Return a code with its meaning."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    DONE = 0, "The command has done what was asked."
    FAILED = 1, "The operation has failed, or checks have found obstacles."
    USAGE = 2, "The options or the input are wrong, or name what does not exist."
    AWS = 3, "AWS has refused a call or was not reached, or there are no credentials."
    UNFINISHED = 4, "The operation was still running when the time to wait was over."
    REFUSED = (
        5,
        "The command was refused because it would do harm, or its question was answered with no. "
        "Nothing was changed.",
    )
    INTERRUPTED = 130, "Ctrl-C. What has been started in AWS goes on."
    OUTPUT_CLOSED = 141, "What read the output has gone away, as `head` does when it has enough."
