"""Every statement of every policy in a synthesised stack, with its ARNs in full."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.support.iam import Document, listed
from tests.unit.infra.synthesis import Synthesis

# The ARN of each kind of resource that policies name, with made-up ids where AWS makes them up.
_ARNS: Final = {
    "AWS::DynamoDB::Table": "dynamodb:{place}:table/{TableName}",
    "AWS::Events::Rule": "events:{place}:rule/{logical_id}",
    "AWS::IAM::Role": "iam::{account}:role/{logical_id}",
    "AWS::KMS::Key": "kms:{place}:key/{logical_id}",
    "AWS::Lambda::Function": "lambda:{place}:function:{FunctionName}",
    "AWS::Logs::LogGroup": "logs:{place}:log-group:{LogGroupName}:*",
    "AWS::SNS::Topic": "sns:{place}:{TopicName}",
    "AWS::SQS::Queue": "sqs:{place}:{logical_id}",
    "AWS::SecretsManager::Secret": "secretsmanager:{place}:secret:{Name}-??????",
    "AWS::StepFunctions::StateMachine": "states:{place}:stateMachine:{StateMachineName}",
}


@dataclass(frozen=True)
class Statement:
    """One statement of one policy."""

    holder: str
    """The name of the role whose policy it is, or the logical id of what has the policy."""
    kind: str
    """``identity``, ``trust`` or ``resource``."""
    document: Document
    resources: tuple[str, ...]
    """What it is on, with IAM's wildcards; none for a trust policy."""

    @property
    def allows(self) -> bool:
        return bool(self.document["Effect"] == "Allow")

    @property
    def actions(self) -> list[str]:
        return listed(self.document["Action"])

    @property
    def condition_keys(self) -> list[str]:
        """The keys that its conditions are on."""
        conditions: Mapping[str, Mapping[str, Any]] = self.document.get("Condition", {})
        return sorted({key for keys in conditions.values() for key in keys})

    def __str__(self) -> str:
        return f"{self.holder}: {self.actions} on {list(self.resources)}"


@dataclass(frozen=True)
class TemplateStatements:
    """The statements of one stack."""

    stack: Synthesis
    account: str
    region: str

    def all(self) -> Iterator[Statement]:
        """Every statement, whatever kind of policy it is in."""
        for logical_id, resource in self.stack.resources.items():
            yield from self._of(logical_id, resource["Type"], resource.get("Properties", {}))

    def _of(self, logical_id: str, kind: str, properties: Document) -> Iterator[Statement]:
        match kind:
            case "AWS::IAM::Role":
                role = self._role(logical_id)
                yield from self._in(role, "trust", properties["AssumeRolePolicyDocument"])
                for policy in properties.get("Policies", ()):
                    yield from self._in(role, "identity", policy["PolicyDocument"])
            case "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy":
                for each in properties["Roles"]:
                    role = self._role(each["Ref"])
                    yield from self._in(role, "identity", properties["PolicyDocument"])
            case "AWS::KMS::Key":
                yield from self._in(logical_id, "resource", properties["KeyPolicy"])
            case "AWS::SNS::TopicPolicy" | "AWS::SQS::QueuePolicy":
                yield from self._in(logical_id, "resource", properties["PolicyDocument"])
            case "AWS::Lambda::Permission":
                statement = {
                    "Effect": "Allow",
                    "Action": properties["Action"],
                    "Resource": properties["FunctionName"],
                    "Condition": {"ArnLike": {"aws:SourceArn": properties["SourceArn"]}},
                }
                yield from self._in(logical_id, "resource", {"Statement": [statement]})
            case _:
                assert "PolicyDocument" not in properties, f"{kind} has a policy: read it here"

    def _role(self, logical_id: str) -> str:
        """The name of a role, or its logical id where CloudFormation makes the name."""
        properties = self.stack.resources[logical_id]["Properties"]
        return str(properties.get("RoleName", logical_id))

    def _in(self, holder: str, kind: str, policy: Document) -> Iterator[Statement]:
        for each in policy["Statement"]:
            resources = () if kind == "trust" else listed(each["Resource"])
            yield Statement(holder, kind, each, tuple(map(self._arn, resources)))

    def _arn(self, resource: Any) -> str:
        """An ARN in full, whatever function of CloudFormation it is written with."""
        if isinstance(resource, str):
            return resource
        ((function, argument),) = resource.items()
        match function:
            case "Fn::Join":
                separator, parts = argument
                return str(separator.join(map(self._arn, parts)))
            case "Fn::GetAtt" if argument[1] == "StreamArn":
                return f"{self._made(argument[0])}/stream/2026-01-01T00:00:00.000"
            case "Fn::GetAtt":
                return self._made(argument[0])
            case "Ref" if argument in self.stack.resources:
                return self._made(argument)
            case "Ref":
                return {"AWS::Partition": "aws", "AWS::AccountId": self.account}[argument]
            case _:
                raise AssertionError(f"{function}: read it here")

    def _made(self, logical_id: str) -> str:
        resource = self.stack.resources[logical_id]
        return "arn:aws:" + _ARNS[resource["Type"]].format(
            logical_id=logical_id,
            account=self.account,
            place=f"{self.region}:{self.account}",
            **resource.get("Properties", {}),
        )
