"""The Python Lambda runtime of the embedded AWS: one process per execution environment.

Run as ``python -I -S runtime.py``, so that a function sees the standard library, its own code, its
layers and the SDK that AWS's managed runtime brings along, and nothing that happens to be installed
beside the embedded AWS. The order of ``sys.path`` is AWS's: code, layers, standard library, the
runtime's own packages.

It speaks MiniStack's protocol: JSON lines, one initialisation, then one request and one answer per
invocation. What a handler raises is answered as ``{UNHANDLED: {...}}`` with the members that
AWS's runtime interface client sends: ``errorType`` (the class name), ``errorMessage`` (``str`` of
the exception), ``requestId`` and ``stackTrace``. An environment survives an error raised by its
handler; one whose initialisation failed is replaced at the next invocation.

Standard library only: nothing else can be imported here.
"""

import importlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

UNHANDLED = "embedded-aws/unhandled"

_paths_on_aws: dict[str, str] = {}
"""Where code, layers and the SDK are here, and where they are on AWS."""

Handler = Callable[[Any, "Context"], Any]


class Context:
    """The context object: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""

    identity = None
    client_context = None

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self.aws_request_id = str(request.get("request_id", ""))
        self.invoked_function_arn = str(request.get("invoked_function_arn", ""))
        self._deadline = time.monotonic() + float(request.get("timeout_ms", 3000)) / 1000

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still take."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class RuntimeFaultError(Exception):
    """An error that AWS's runtime reports under a name of its own, without a stack trace."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class LogHandler(logging.Handler):
    """Writes records as AWS's runtime does: level, time, request id and message, tab-separated."""

    def __init__(self) -> None:
        super().__init__()
        self.request_id = ""
        self.setFormatter(
            logging.Formatter(
                "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
                "%Y-%m-%dT%H:%M:%S",
            )
        )
        logging.Formatter.converter = time.gmtime

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        record.aws_request_id = self.request_id
        print(self.format(record), flush=True)


def main() -> None:
    """Serve invocations until the other end closes the pipe."""
    requests, answers = _take_pipes()
    initialisation = json.loads(requests.readline())
    logs = LogHandler()
    logging.getLogger().addHandler(logs)
    # On AWS the SDK has no configured endpoints to report.
    logging.getLogger("botocore.configprovider").setLevel(logging.WARNING)
    logging.getLogger("botocore.credentials").setLevel(logging.WARNING)
    handler: Handler | None = None
    fault: BaseException | None = None
    try:
        handler = _load(initialisation)
    except Exception as error:
        fault = error
    _answer(answers, {"status": "ready"})
    for line in requests:
        message = json.loads(line)
        request = message.get("ctx") or {}
        logs.request_id = str(request.get("request_id", ""))
        if handler is None:
            _answer(answers, {"status": "ok", "result": _unhandled(fault, logs.request_id)})
            return
        _trace(request)
        _answer(answers, {"status": "ok", "result": _invoke(handler, message["event"], request)})


def _take_pipes() -> tuple[TextIO, TextIO]:
    """Keep the protocol's pipes private: what handlers print or read goes elsewhere."""
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _answer(answers: TextIO, message: Mapping[str, Any]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _load(initialisation: Mapping[str, Any]) -> Handler:
    _paths_on_aws[initialisation["code"]] = "/var/task"
    _paths_on_aws.update(dict.fromkeys(initialisation["layers"], "/opt"))
    _paths_on_aws.update(dict.fromkeys(initialisation["runtime"], "/var/runtime"))
    sys.path[:] = [
        initialisation["code"],
        *(path for layer in initialisation["layers"] for path in _layer_paths(Path(layer))),
        *sys.path,
        *initialisation["runtime"],
    ]
    module_name, _, handler_name = str(initialisation["handler"]).rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise RuntimeFaultError("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        raise RuntimeFaultError("Runtime.UserCodeSyntaxError", message) from error
    handler: Handler | None = getattr(module, handler_name, None)
    if handler is None:
        message = f"Handler '{handler_name}' missing on module '{module_name}'"
        raise RuntimeFaultError("Runtime.HandlerNotFound", message)
    return handler


def _layer_paths(layer: Path) -> list[str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html, for Python."""
    packages = sorted((layer / "python" / "lib").glob("python*/site-packages"))
    return [str(path) for path in [*packages, layer / "python"] if path.is_dir()]


def _trace(request: Mapping[str, Any]) -> None:
    """Set ``_X_AMZN_TRACE_ID``, the one reserved variable that changes with each invocation."""
    os.environ.pop("_X_AMZN_TRACE_ID", None)
    if request.get("trace_id"):
        os.environ["_X_AMZN_TRACE_ID"] = str(request["trace_id"])


def _invoke(handler: Handler, event: Any, request: Mapping[str, Any]) -> Any:
    try:
        result = handler(event, Context(request))
        return _marshalled(result)
    except Exception as error:
        return _unhandled(error, str(request.get("request_id", "")))


def _marshalled(result: Any) -> Any:
    try:
        return json.loads(json.dumps(result))
    except (TypeError, ValueError, RecursionError) as error:
        raise RuntimeFaultError(
            "Runtime.MarshalError", f"Unable to marshal response: {error}"
        ) from error


def _unhandled(error: BaseException | None, request_id: str) -> dict[str, Any]:
    """Return the error payload, and the log entry that AWS's runtime writes beside it."""
    if isinstance(error, RuntimeFaultError):
        name, trace = error.error_type, []
    else:
        name = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__ if error else None)
        trace = traceback.format_list([_as_on_aws(f) for f in frames if f.filename != __file__])
    print(f"[ERROR] {name}: {error}")
    if trace:
        print("Traceback (most recent call last):\n" + "".join(trace).rstrip())
    return {
        UNHANDLED: {
            "errorMessage": str(error),
            "errorType": name,
            "requestId": request_id,
            "stackTrace": trace,
        }
    }


def _as_on_aws(frame: traceback.FrameSummary) -> traceback.FrameSummary:
    for here, there in _paths_on_aws.items():
        if frame.filename.startswith(here):
            name = there + frame.filename.removeprefix(here)
            return traceback.FrameSummary(name, frame.lineno, frame.name, line=frame.line)
    return frame


if __name__ == "__main__":
    main()
