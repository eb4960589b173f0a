"""The one place where moto is changed.

moto serves the protocol (parsing, serialising, accounts, Regions) and everything beside clusters,
instances and cluster snapshots. Six things are replaced while the emulator is installed:

* the class of moto's RDS backends, by one whose URLs lead to :class:`AuroraResponse`;
* the account of an unregistered access key: an account's number stands for itself, as it
  does in MiniStack, and any other key is of the configured default;
* the pattern of an access key in a signature, so that such a number is read;
* DescribeKey of KMS, which in moto knows no key of another account;
* AssumeRole of STS, which in moto takes any name of a session;
* ExecuteStatement of the Data API, which in moto knows no cluster.

All rest on moto's internals, so the version is pinned and checked.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any
from xml.sax.saxutils import escape

import moto.iam.models
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model
from moto.kms.exceptions import AccessDeniedException
from moto.kms.models import kms_backends
from moto.kms.responses import KmsResponse
from moto.rds import urls as moto_urls
from moto.rds.models import RDSBackend, rds_backends
from moto.rds.responses import RDSResponse
from moto.rdsdata.responses import RDSDataServiceResponse
from moto.sts.exceptions import STSValidationError
from moto.sts.responses import TokenResponse

from embedded_aws.rds.api import InjectedError, RdsApi
from embedded_aws.rds.data_plane import DataPlaneError
from embedded_aws.rds.exceptions import RDSClientError
from embedded_aws.rds.keys import can_describe
from embedded_aws.rds.models import Location
from embedded_aws.rds.moto_services import DEFAULT_GROUP, network_types
from embedded_aws.rds.names import Arn
from embedded_aws.rds.params import Params
from embedded_aws.rds.tagging import TAGGED_KINDS

MOTO_VERSION = "5.2.5"
ACCOUNT_NUMBER = re.compile(r"\d{12}")
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
ACCESS_KEY = re.compile(r"AWS4?.*(?<![A-Z0-9])([A-Z0-9]{20}|\d{12})(?![A-Z0-9])[:/]")
LEFT_TO_MOTO = frozenset(
    {
        "CopyDBClusterParameterGroup",
        "CopyDBParameterGroup",
        "CreateDBClusterParameterGroup",
        "CreateDBParameterGroup",
        "CreateDBProxy",
        "CreateDBSubnetGroup",
        "DeleteDBClusterParameterGroup",
        "DeleteDBParameterGroup",
        "DeleteDBSubnetGroup",
        "DescribeDBClusterParameterGroups",
        "DescribeDBClusterParameters",
        "DescribeDBParameterGroups",
        "DescribeDBParameters",
        "DescribeDBProxies",
        "DescribeDBProxyTargetGroups",
        "DescribeDBSubnetGroups",
        "ModifyDBClusterParameterGroup",
        "ModifyDBParameterGroup",
        "ModifyDBSubnetGroup",
    }
)
_TAG_OPERATIONS = frozenset({"AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"})


class AuroraBackend(RDSBackend):  # type: ignore[misc]
    """moto's RDS backend with the engine's own parameter groups, which moto lacks."""

    @property
    def _url_module(self) -> Any:
        return SimpleNamespace(
            url_bases=moto_urls.url_bases, url_paths={"{0}/$": AuroraResponse.dispatch}
        )

    def describe_db_cluster_parameter_groups(self, group_name: str | None) -> Any:
        """Return the groups, with an engine's default made when it is asked for."""
        family = DEFAULT_GROUP.fullmatch(group_name or "")
        if family and group_name not in self.db_cluster_parameter_groups:
            self.create_db_cluster_parameter_group(
                db_cluster_parameter_group_name=group_name,
                db_parameter_group_family=family.group(1),
                description=f"Default cluster parameter group for {family.group(1)}",
                tags=[],
            )
        return super().describe_db_cluster_parameter_groups(group_name)

    def describe_db_parameter_groups(self, db_parameter_group_kwargs: dict[str, Any]) -> Any:
        """Return the groups, with an engine's default made when it is asked for."""
        name = db_parameter_group_kwargs.get("db_parameter_group_name")
        family = DEFAULT_GROUP.fullmatch(name or "")
        if family and name not in self.db_parameter_groups:
            self.create_db_parameter_group(
                {
                    "db_parameter_group_name": name,
                    "db_parameter_group_family": family.group(1),
                    "description": f"Default parameter group for {family.group(1)}",
                    "tags": [],
                }
            )
        return super().describe_db_parameter_groups(db_parameter_group_kwargs)

    def describe_db_subnet_groups(self, subnet_group_name: str) -> Any:
        """Return the groups, with the types of network, which moto leaves out."""
        groups = super().describe_db_subnet_groups(subnet_group_name)
        for group in groups:
            group.supported_network_types = network_types(group)
        return groups


class AuroraResponse(RDSResponse):  # type: ignore[misc]
    """Hands a request to the emulator, to moto, or back."""

    def call_action(self) -> Any:
        """Respond to one request."""
        api = _installed()
        action = self._get_action()
        location = Location(self.current_account, self.region)
        params = Params(getattr(self.params, "original_dict", dict)())
        try:
            if self._is_left_to_moto(action, params):
                return api.handle(action, location, super().call_action)
            response = api.handle(action, location, lambda: api.respond(action, location, params))
            return self._answer(ActionResult(response))
        except InjectedError as error:
            return self._refuse(error, error.status)
        except RDSClientError as error:
            return self._refuse(error, _http_status(error.code))
        except DataPlaneError as error:
            return self._refuse(RDSClientError(str(error)), HTTPStatus.INTERNAL_SERVER_ERROR)

    def _is_left_to_moto(self, action: str, params: Params) -> bool:
        if action in _TAG_OPERATIONS:
            arn = Arn.parse(params.text("ResourceName") or "")
            return arn is not None and arn.kind not in TAGGED_KINDS
        return action in LEFT_TO_MOTO

    def _refuse(self, error: RDSClientError, status: int) -> Any:
        headers = {**self.response_headers, "Content-Type": "text/xml", "status": str(status)}
        sender = "Receiver" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "Sender"
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            '<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error>'
            f"<Type>{sender}</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.message)}</Message></Error>"
            "<RequestId></RequestId></ErrorResponse>"
        )
        headers, body = self._enrich_response(headers, body)
        return status, headers, body

    def _answer(self, result: Any) -> Any:
        status, headers, body = self.serialized(result)
        headers, body = self._enrich_response(headers, body)
        return status, headers, body


@cache
def _statuses() -> dict[str, int]:
    """Return the HTTP status of each error code, from botocore's model."""
    errors = [shape.metadata["error"] for shape in get_service_model("rds").error_shapes]
    return {error["code"]: error["httpStatusCode"] for error in errors}


def _http_status(code: str) -> int:
    return _statuses().get(code, HTTPStatus.BAD_REQUEST)


def _is_registered(access_key: str, account: str) -> bool:
    backends = moto.iam.models.iam_backends[account].values()
    return any(access_key in backend.access_keys for backend in backends)


def _describe_key(response: KmsResponse, describe_own: Callable[[KmsResponse], str]) -> str:
    """Perform ``DescribeKey``, for any account that the key's policy lets see it."""
    location = Location(response.current_account, response.region)
    asked = response._get_param("KeyId")
    if not asked.startswith("arn:") or asked.split(":")[4] == location.account:
        return describe_own(response)
    key = _installed().backend.services.key(location, asked)
    if key is None or key.region != location.region or not can_describe(key, location):
        raise AccessDeniedException(
            f"The caller is not authorized to perform: kms:DescribeKey on resource: {asked}"
        )
    backend = kms_backends[key.account][key.region]
    return json.dumps(backend.describe_key(backend.get_key_id(asked)).to_dict())


def _assume_role(response: TokenResponse, assume: Callable[[TokenResponse], ActionResult]) -> Any:
    """Perform ``AssumeRole``, if the session's name is one that the model of STS takes."""
    name = response._get_param("RoleSessionName") or ""
    if not SESSION_NAME.fullmatch(name):
        raise STSValidationError(
            f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy "
            r"constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*"
        )
    return assume(response)


def _execute_statement(
    response: RDSDataServiceResponse, execute: Callable[[RDSDataServiceResponse], str]
) -> str:
    """Perform ``ExecuteStatement``, if the Data API of the cluster answers: without any rows."""
    location = Location(response.current_account, response.region)
    api = _installed()
    try:
        with api.backend.lock:
            api.backend.scheduler.run_due()
            api.operations.data_api.require_answer(location, response._get_param("resourceArn"))
    except RDSClientError as error:
        raise JsonRESTError(error.code, error.message) from error
    return execute(response)


_current: list[RdsApi] = []


def _installed() -> RdsApi:
    if not _current:
        raise RuntimeError("no embedded RDS is installed")
    return _current[-1]


@contextmanager
def installed(api: RdsApi) -> Iterator[None]:
    """Replace moto's RDS with the embedded one, for as long as the context lasts."""
    found = version("moto")
    if found != MOTO_VERSION:
        raise RuntimeError(f"the embedded RDS is made for moto {MOTO_VERSION}, not {found}")
    moto_account_of = moto.iam.models.get_account_id_from
    moto_default = moto.iam.models.DEFAULT_ACCOUNT_ID
    moto_access_key = BaseResponse.access_key_regex
    moto_backend = rds_backends.backend
    moto_describe_key = KmsResponse.describe_key
    moto_assume_role = TokenResponse.assume_role
    moto_execute_statement = RDSDataServiceResponse.execute_statement

    def account_of(access_key: str) -> str:
        if ACCOUNT_NUMBER.fullmatch(access_key):
            return access_key
        account: str = moto_account_of(access_key)
        if account != moto_default or _is_registered(access_key, account):
            return account
        return api.backend.rules.default_account

    rds_backends.clear()
    rds_backends.backend = AuroraBackend
    moto.iam.models.get_account_id_from = account_of
    BaseResponse.access_key_regex = ACCESS_KEY
    KmsResponse.describe_key = lambda response: _describe_key(response, moto_describe_key)
    TokenResponse.assume_role = lambda response: _assume_role(response, moto_assume_role)
    RDSDataServiceResponse.execute_statement = lambda response: _execute_statement(
        response, moto_execute_statement
    )
    _current.append(api)
    try:
        yield
    finally:
        _current.pop()
        moto.iam.models.get_account_id_from = moto_account_of
        BaseResponse.access_key_regex = moto_access_key
        KmsResponse.describe_key = moto_describe_key
        TokenResponse.assume_role = moto_assume_role
        RDSDataServiceResponse.execute_statement = moto_execute_statement
        rds_backends.backend = moto_backend
        rds_backends.clear()
