"""Patches for Lambda: a runtime of its own for Python functions, and AWS's error payloads."""

import functools
import hashlib
import importlib.util
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc
from ministack.services import iam as iam_svc
from ministack.services import stepfunctions as sfn

from embedded_aws.attachment import VpcAttachment
from embedded_aws.environment import FUNCTION_ENVIRONMENT_FILE, INVOCATIONS_AT_ONCE
from embedded_aws.ministack import iam, sqs
from embedded_aws.ministack.awslambda import runtime

_SDK_MODULES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
_INITIALISATION_LIMIT_SECONDS = 60.0
"""AWS allows 10 s; nothing here depends on the speed of the machine."""

_extraction = threading.Lock()

Result = dict[str, Any]


def create_log_groups_as_roles_allow() -> None:
    """Let a function write no log where its group is gone and its role may not create another.

    MiniStack makes the group again, also for a function that has been deleted meanwhile. A role
    that does not exist, which MiniStack accepts, is not asked.
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logging.html
    """
    original: Callable[..., None] = lambda_svc._emit_lambda_logs

    def emit(function: Mapping[str, Any], *arguments: Any, **options: Any) -> None:
        config = function.get("config") or function
        name = config.get("FunctionName")
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
        if group in cloudwatch_logs._log_groups or _may_create(group, config):
            original(function, *arguments, **options)

    lambda_svc._emit_lambda_logs = emit


def _may_create(group: str, config: Mapping[str, Any]) -> bool:
    if config.get("FunctionName") not in lambda_svc._functions:
        return False
    role = str(config.get("Role", ""))
    if role.rpartition("/")[2] not in iam_svc._roles:
        return True
    return iam.may(role, "logs:CreateLogGroup", cloudwatch_logs._make_group_arn(group))


class PythonWorker(lambda_runtime.Worker):  # type: ignore[misc]
    """An execution environment that holds what AWS would put there, and nothing else.

    MiniStack starts functions with its own environment variables and installed packages, and
    unpacks code and layers again for every environment. Here a function sees its own variables and
    those that AWS reserves, a package missing from its bundle is missing, and each package is
    unpacked once.
    """

    def _spawn(self) -> None:
        self._discard_tmpdir()
        self._tmpdir = tempfile.mkdtemp(prefix="lambda-")
        code = _unpacked(self.code_zip)
        layers = [_unpacked(lambda_svc._resolve_layer_zip(layer)) for layer in self._layers()]
        self._proc = process = subprocess.Popen(  # noqa: S603
            [
                *(sys.executable, "-I", "-S", "-X", "utf8"),
                str(Path(runtime.__file__)),
                *_network_arguments(self.config),
            ],
            cwd=code,
            env=_environment(self.config, code=code, temporary=self._tmpdir),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            bufsize=1,
        )
        self._stderr_queue: queue.Queue[str] = queue.Queue()
        self._stderr_thread = threading.Thread(target=self._read_stderr, daemon=True)
        self._stderr_thread.start()
        initialisation = {
            "handler": self.config["Handler"],
            "code": str(code),
            "layers": [str(layer) for layer in layers],
            "runtime": [str(_sdk())],
        }
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the Lambda runtime was started without pipes")
        process.stdin.write(json.dumps(initialisation) + "\n")
        process.stdin.flush()
        limit = threading.Timer(_INITIALISATION_LIMIT_SECONDS, process.kill)
        limit.start()
        ready = process.stdout.readline()
        limit.cancel()
        if not ready:
            raise RuntimeError("the function's module was not loaded: it ended, or took too long")
        self._start_time = time.time()

    def _layers(self) -> list[Any]:
        return list(self.config.get("Layers") or [])


def _unpacked(archive: bytes) -> Path:
    """Return the directory holding the archive's files; made at first need, then shared."""
    directory = Path(tempfile.gettempdir(), "packages", hashlib.sha256(archive).hexdigest()[:16])
    with _extraction:
        if not directory.exists():
            partial = directory.with_suffix(".partial")
            with zipfile.ZipFile(BytesIO(archive)) as package:
                package.extractall(partial)
            partial.rename(directory)
    return directory


@functools.cache
def _sdk() -> Path:
    """Return the packages that AWS's managed runtime holds besides the standard library."""
    directory = Path(tempfile.gettempdir(), "runtime")
    directory.mkdir(parents=True, exist_ok=True)
    for module in _SDK_MODULES:
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            link = directory / source.name
            link.unlink(missing_ok=True)
            link.symlink_to(source)
    return directory


def _network_arguments(config: Mapping[str, Any]) -> list[str]:
    """Return what shows the network of the databases where the function is attached."""
    attached = config.get("VpcConfig") or {}
    if not attached.get("SubnetIds"):
        return []
    account, region = lambda_runtime._account_region_from_function_config(config)
    attachment = VpcAttachment(
        account=account,
        region=region,
        subnet_ids=tuple(attached["SubnetIds"]),
        security_group_ids=tuple(attached.get("SecurityGroupIds") or ()),
    )
    return [attachment.argument()]


def _environment(config: Mapping[str, Any], *, code: Path, temporary: str) -> dict[str, str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, plus endpoints."""
    _, region = lambda_runtime._account_region_from_function_config(config)
    name = str(config["FunctionName"])
    reserved = {
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(config.get("Version", "$LATEST")),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": (config.get("LoggingConfig") or {}).get("LogGroup")
        or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": time.strftime("%Y/%m/%d/[$LATEST]") + os.urandom(16).hex(),
        "AWS_REGION": region,
        "LAMBDA_TASK_ROOT": str(code),
        "_HANDLER": str(config["Handler"]),
        **lambda_runtime.execution_credentials(config),
    }
    return {
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
        "TMPDIR": temporary,
        **{name: value for name, value in os.environ.items() if name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        **{
            name: value
            for name, value in (config.get("Environment") or {}).get("Variables", {}).items()
            if name not in reserved
        },
        **json.loads(Path(os.environ[FUNCTION_ENVIRONMENT_FILE]).read_text(encoding="utf-8")),
        **reserved,
    }


def isolate_python_functions() -> None:
    """Give Python functions the environment, the packages and the search path of AWS.

    On AWS a function cannot import what is missing from its bundle, and does not see the variables
    of the emulator.
    """
    original = lambda_runtime._worker_class_for

    def worker_class(config: Mapping[str, Any]) -> type[Any]:
        if str(config.get("Runtime", "")).startswith("python"):
            return PythonWorker
        chosen: type[Any] = original(config)
        return chosen

    lambda_runtime._worker_class_for = worker_class


def report_error_class_names() -> None:
    """Return the payload of the runtime for a failed invocation, with its ``errorType``.

    On AWS ``errorType`` is the class name of what the handler raised (MiniStack returns
    ``Runtime.HandlerError`` for everything); Step Functions takes it as ``Error``, and the whole
    payload as ``Cause``. A process that exited during an invocation is ``Runtime.ExitError``.
    https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    original: Callable[[Any, Any, str], Result] = lambda_svc._execute_function_warm

    def execute(function: Any, event: Any, request_id: str) -> Result:
        result = original(function, event, request_id)
        body = result.get("body")
        if isinstance(body, dict) and set(body) == {runtime.UNHANDLED}:
            return {**result, "body": body[runtime.UNHANDLED], "error": True}
        if result.get("error") and body == _EXITED:
            message = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
            return {**result, "body": {"errorType": "Runtime.ExitError", "errorMessage": message}}
        return result

    lambda_svc._execute_function_warm = execute


def limit_invocations_at_the_same_time() -> None:
    """Let an invocation wait while as many are at work as this machine is to run processes for.

    On AWS it would get an execution environment of its own; there is no such wait.
    """
    limit = int(os.environ.get(INVOCATIONS_AT_ONCE, "0"))
    if not limit:
        return
    original: Callable[[Any, Any, str], Result] = lambda_svc._execute_function_warm
    free = threading.BoundedSemaphore(limit)

    def execute(function: Any, event: Any, request_id: str) -> Result:
        with free:
            return original(function, event, request_id)

    lambda_svc._execute_function_warm = execute


def report_throttled_tasks() -> None:
    """Fail a task at its function's concurrency limit as Lambda.TooManyRequestsException.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
    """
    original = sfn._call_lambda

    def call(function: str, event: Any) -> Any:
        try:
            return original(function, event)
        except sfn._ExecutionError as error:
            if '"__type": "TooManyRequestsException"' in error.cause:
                name = "Lambda.TooManyRequestsException"
                raise sfn._ExecutionError(name, error.cause) from error
            raise

    sfn._call_lambda = call


def send_failed_events_to_dead_letter_queues() -> None:
    """Send the event to a function's dead-letter queue, with the error as attributes.

    MiniStack sends the record that an on-failure destination would get.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    original = lambda_svc._route_async_failure

    def route(target: str, name: str, event: Any, result: Result) -> None:
        queue = (lambda_svc._functions[name]["config"].get("DeadLetterConfig") or {}).get(
            "TargetArn"
        )
        if target != queue or not sqs.is_queue(target):
            original(target, name, event, result)
            return
        message = str((result.get("body") or {}).get("errorMessage", ""))
        sqs.send_dead_letter(target, event, {"ErrorCode": "200", "ErrorMessage": message[:1024]})

    lambda_svc._route_async_failure = route


_EXITED = {"errorMessage": "Worker process died", "errorType": "Runtime.HandlerError"}
