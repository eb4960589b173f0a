"""The environment file: an account and a Region with one or more restores.

Each field is declared once, here, with its rule and its help; the JSON Schema of ``config/``, the
configuration reference in ``docs/`` and every check derive from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from aurora_restore.shared.documents.fields import (
    MAX_DAYS,
    AccountId,
    EventBus,
    Region,
    RestoreName,
    SecurityGroupId,
    SubnetId,
    TagKey,
    TagValue,
    TopicArn,
    TopicKeyArn,
    VpcId,
)
from aurora_restore.shared.documents.regions import partition_of
from aurora_restore.shared.documents.restore import Restore
from aurora_restore.shared.documents.restore_secrets import (
    OwnSecrets,
    RestoreSecrets,
    Secrets,
    secret_identity,
    secrets_of,
)
from aurora_restore.shared.documents.schema import Rule
from aurora_restore.shared.names import DEFAULT_NAME_PREFIX
from aurora_restore.shared.pipeline import HOOKS, Hook


@dataclass(frozen=True, kw_only=True)
class Network:
    """Where the VPC-attached Lambdas run."""

    vpc_id: Annotated[VpcId, Rule(help="The VPC from which the target can be reached.")]
    subnet_ids: Annotated[
        tuple[SubnetId, ...],
        Rule(help="Private subnets, in two Availability Zones or more.", min_items=1, unique=True),
    ]
    availability_zones: Annotated[
        tuple[str, ...], Rule(help="The zone of each subnet, in the same order.", min_items=1)
    ]
    security_group_ids: Annotated[
        tuple[SecurityGroupId, ...],
        Rule(
            help="Security groups of the Lambdas; they must let them out to the database. Those "
            "that log in get one more, which the quarantine of a restored cluster lets in; Lambda "
            "takes five.",
            min_items=1,
            max_items=4,
            unique=True,
        ),
    ]
    lambda_vpc: Annotated[
        Literal["all", "database-only"],
        Rule(
            help="Which Lambdas are attached: all, or only the one that logs in to the database. "
            "Those attached need a way to the AWS APIs."
        ),
    ] = "all"

    def attaches(self, *, reaches_database: bool) -> bool:
        """Return whether a function is attached, which reaches the database or does not."""
        return self.lambda_vpc == "all" or reaches_database


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """Quotas of the account, for environments of many restores.

    Raise them in Service Quotas first: synth goes by what is said here.
    """

    policies_per_role: Annotated[
        int,
        Rule(
            help='How many managed policies a role may have ("Managed policies per role" of IAM).',
            minimum=10,
            maximum=25,
        ),
    ] = 10


MOST_ALARMS: Final = 20
"""How many restores have an alarm each. More of them have one in common, which names none: every
alarm is a resource of the stack, and a hundred restores have to fit."""


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """What watches the restores, each with its [cost](cost.md#what-watching-costs)."""

    metrics: Annotated[
        bool,
        Rule(
            help="Whether an hourly function publishes `OverdueHours` and `DurationRatio`, with "
            "the alarms that look at them."
        ),
    ] = True
    dashboard: Annotated[
        bool, Rule(help="Whether there is a [dashboard](dashboard.md) of CloudWatch.")
    ] = True
    error_alarms: Annotated[
        bool,
        Rule(help="Whether alarms announce the errors of functions that no run would fail with."),
    ] = True


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One environment: an account and a Region with one stack and one or more restores."""

    account: Annotated[AccountId, Rule(help="The account that the stack is deployed to.")]
    region: Annotated[Region, Rule(help="The Region of the stack and of the targets.")]
    network: Network
    restores: Annotated[
        Mapping[RestoreName, Restore], Rule(help="The restores by name.", min_items=1)
    ]
    name_prefix: Annotated[
        str,
        Rule(
            help="The beginning of every deployed name, so that two environments can share an "
            "account.",
            pattern=r"(?!aws|ssm)[a-z][a-z0-9-]{0,30}[a-z0-9]",
            means="2 to 32 small letters, digits and hyphens, not beginning with `aws` or `ssm`, "
            "which SSM reserves",
        ),
    ] = DEFAULT_NAME_PREFIX
    target_prefix: Annotated[
        str | None,
        Rule(
            help="How the name of every target begins, for environments of many restores: the "
            "roles may then change what begins like that, and need not name each target. It is a "
            "promise that every cluster and instance of the account and Region with such a name "
            "is this environment's.",
            pattern=r"[a-z](?:[a-z0-9]|-(?!-)){0,37}-",
            means="2 to 39 small letters, digits and hyphens, beginning with a letter, with a "
            "hyphen at the end and no two in a row",
            example="staging-",
        ),
    ] = None
    quotas: Quotas = field(default=Quotas())
    extra_regions: Annotated[
        tuple[Region, ...],
        Rule(
            help="Regions that are newer than this version's AWS SDK. Any other Region that it "
            "does not know is refused.",
            unique=True,
        ),
    ] = ()
    secrets: Secrets = field(default=Secrets())
    notification_emails: Annotated[
        tuple[
            Annotated[
                str,
                Rule(pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+", means="an e-mail address"),
            ],
            ...,
        ],
        Rule(
            help="Who is notified of each outcome, once the address has confirmed AWS's message.",
            unique=True,
        ),
    ] = ()
    notification_topic_arn: Annotated[
        TopicArn | None,
        Rule(
            help="An existing topic in the environment's Region that is used instead of one of the "
            "stack's own. Its policy has to let CloudWatch's alarms publish."
        ),
    ] = None
    notification_key_arn: Annotated[
        TopicKeyArn | None,
        Rule(help="The customer key of `notification_topic_arn`, where it is encrypted with one."),
    ] = None
    chat_topic_arn: Annotated[
        TopicArn | None,
        Rule(
            help="A second topic, of a channel of Amazon Q Developer in chat applications, which "
            "gets each notice as a custom notification."
        ),
    ] = None
    chat_key_arn: Annotated[
        TopicKeyArn | None,
        Rule(help="The customer key of `chat_topic_arn`, where it is encrypted with one."),
    ] = None
    event_bus: Annotated[
        EventBus,
        Rule(
            help="Where the outcome of each step and run is published as an event: `default` is "
            "the account's own bus in the environment's Region, `off` publishes none. The policy "
            "of a bus in another account has to let this account put events."
        ),
    ] = "default"
    monitoring: Monitoring = field(default=Monitoring())
    log_retention_days: Annotated[
        Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653],
        Rule(help="How long logs are kept, in days."),
    ] = 90
    state_retention_days: Annotated[
        int,
        Rule(
            help="How long state items are kept, in days, and so how long an operation can be "
            "resumed.",
            minimum=15,
            maximum=MAX_DAYS,
        ),
    ] = 90
    timeout_hours: Annotated[
        int,
        Rule(help="When a run is given up, in hours.", minimum=1, maximum=240),
    ] = 48
    database_ca_bundle: Annotated[
        str | None,
        Rule(
            help="A PEM file with the certificate authorities of the database, relative to this "
            "file or absolute; left out, those of Amazon RDS."
        ),
    ] = None
    compile_python: Annotated[
        bool,
        Rule(
            help="Whether the functions are deployed with byte code, which about halves a cold "
            "start. Synthesis then needs CPython of the functions' version, as `python3.14` on the "
            "path or as the Python that runs the app."
        ),
    ] = False
    tags: Annotated[
        Mapping[TagKey, TagValue], Rule(help="Tags of every resource of the stack.", max_items=46)
    ] = field(default_factory=dict)

    @property
    def event_bus_arn(self) -> str | None:
        """Return the bus that outcomes are published to; None where they are not."""
        match self.event_bus:
            case "off":
                return None
            case "default":
                place = f"{partition_of(self.region)}:events:{self.region}:{self.account}"
                return f"arn:{place}:event-bus/default"
            case arn:
                return arn

    @property
    def awaited(self) -> tuple[str, ...]:
        """Return the restores that can be overdue: those with a schedule in force."""
        return tuple(
            name
            for name, restore in self.restores.items()
            if restore.schedule is not None and restore.schedule.enabled
        )

    @property
    def with_own_alarm(self) -> tuple[str, ...]:
        """Return the restores that have an alarm of their own if one is overdue."""
        return self.awaited if len(self.awaited) <= MOST_ALARMS else ()

    @property
    def has_common_alarm(self) -> bool:
        """Return whether there is one alarm for all restores that can be overdue."""
        return len(self.awaited) > MOST_ALARMS

    @property
    def hooks(self) -> tuple[Hook, ...]:
        """Return the hooks for which any restore has a function."""
        restores = self.restores.values()
        return tuple(hook for hook in HOOKS if any(each.hooks.of(hook) for each in restores))

    @property
    def common_secrets(self) -> RestoreSecrets:
        """Return the secrets of every restore that has none of its own."""
        return secrets_of("", OwnSecrets(), name_prefix=self.name_prefix, defaults=self.secrets)

    def secrets_of(self, restore: str) -> RestoreSecrets:
        """Return the secrets that a restore uses, and what the stack makes them of."""
        return secrets_of(
            restore,
            self.restores[restore].secrets,
            name_prefix=self.name_prefix,
            defaults=self.secrets,
            in_common=self.app_secrets_in_common,
        )

    @property
    def app_secrets_in_common(self) -> Mapping[str, tuple[str, ...]]:
        """Return the restores that use each application's secret that several of them use."""
        references = {
            name: secrets_of(
                name, restore.secrets, name_prefix=self.name_prefix, defaults=self.secrets
            ).app
            for name, restore in self.restores.items()
        }
        users: dict[tuple[str, str], list[str]] = {}
        for name, reference in references.items():
            users.setdefault(secret_identity(reference, self.account), []).append(name)
        return {
            references[name]: tuple(names)
            for names in users.values()
            for name in names
            if len(names) > 1
        }
