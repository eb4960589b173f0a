"""The fields that several documents share: identifiers, Regions, names, each with its rule."""

from typing import Annotated

from aurora_restore.shared.documents.schema import Rule

# The identifier rules are those of the RDS API reference for CreateDBCluster and
# CopyDBClusterSnapshot; an automated snapshot is named "rds:<cluster>-<time>".
IDENTIFIER = r"(?=.{1,63}$)[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*"

IDENTIFIER_MEANS = (
    "1 to 63 letters, digits and hyphens, beginning with a letter, "
    "with no hyphen at the end and no two in a row"
)

MAX_DAYS = 36500
"""A hundred years: much longer times lead to dates that cannot be represented."""

KEY_ARN = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(?:key|alias)/[A-Za-z0-9/_-]+"

Text = Annotated[str, Rule(pattern=r"[\s\S]+", means="a text that is not empty")]

AccountId = Annotated[
    str, Rule(pattern=r"[0-9]{12}", means="a 12-digit AWS account id", example="123456789012")
]

Region = Annotated[
    str,
    Rule(
        pattern=r"(?=.{1,32}$)[a-z]{2,4}(?:-[a-z]+)+-[0-9]+",
        means="an AWS Region name",
        example="us-east-1",
    ),
]

# RDS keeps identifiers in lower case, and returns them so in its responses and ARNs.
LOWER_CASE = r"(?=.{1,63}$)[a-z][a-z0-9]*(?:-[a-z0-9]+)*"

LOWER_CASE_MEANS = IDENTIFIER_MEANS.replace("letters", "small letters", 1)

ClusterId = Annotated[
    str, Rule(pattern=LOWER_CASE, means=LOWER_CASE_MEANS, example="staging-cluster")
]


InstanceClass = Annotated[
    str,
    Rule(
        pattern=r"db\.[a-z0-9]+(?:\.[a-z0-9]+)?",
        means='a DB instance class ("db.…")',
        example="db.r6g.large",
    ),
]

SnapshotId = Annotated[
    str,
    Rule(
        pattern=rf"(?:rds:|awsbackup:)?{IDENTIFIER}|"
        r"arn:aws[a-z-]*:rds:[a-z0-9-]+:[0-9]{12}:cluster-snapshot:[A-Za-z0-9:-]{1,255}",
        means=f"a snapshot's ARN, or its name: {IDENTIFIER_MEANS} "
        '(an automated snapshot\'s has "rds:" before it)',
        example="my-snapshot",
    ),
]

TopicArn = Annotated[
    str,
    Rule(
        pattern=r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}",
        means="the ARN of a standard SNS topic",
        example="arn:aws:sns:us-west-2:222222222222:operations",
    ),
]
TopicKeyArn = Annotated[
    str,
    Rule(
        pattern=r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+",
        means="the ARN of a KMS key, and not of an alias",
        example="arn:aws:kms:us-west-2:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
]

FunctionArn = Annotated[
    str,
    Rule(
        pattern=r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}"
        r"(?::[A-Za-z0-9_-]{1,128})?",
        means="the ARN of a Lambda function, or of a version or an alias of one",
        example="arn:aws:lambda:us-west-2:222222222222:function:migrate-orders:live",
    ),
]

EventBus = Annotated[
    str,
    Rule(
        pattern=r"default|off|arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/"
        r"[A-Za-z0-9/._-]{1,256}",
        means="`default`, `off`, or the ARN of an event bus of EventBridge",
        example="arn:aws:events:us-west-2:222222222222:event-bus/operations",
    ),
]

SnapshotArn = Annotated[
    str,
    Rule(
        pattern=r"arn:aws[a-z-]*:rds:[a-z0-9-]+:[0-9]{12}:cluster-snapshot:[A-Za-z0-9:-]{1,255}",
        means="the ARN of a DB cluster snapshot",
        example="arn:aws:rds:us-east-1:123456789012:cluster-snapshot:my-snapshot",
    ),
]

VpcId = Annotated[
    str, Rule(pattern=r"vpc-[0-9a-f]{8,17}", means='a VPC id ("vpc-…")', example="vpc-12345678")
]

SubnetId = Annotated[
    str,
    Rule(
        pattern=r"subnet-[0-9a-f]{8,17}",
        means='a subnet id ("subnet-…")',
        example="subnet-1a2b3c4d",
    ),
]

SecurityGroupId = Annotated[
    str,
    Rule(pattern=r"sg-[0-9a-f]{8,17}", means='a security group id ("sg-…")', example="sg-12345678"),
]

GroupName = Annotated[
    str,
    Rule(
        pattern=r"[A-Za-z][A-Za-z0-9._-]{0,254}",
        means="the name of a group in RDS",
        example="my-subnet-group",
    ),
]

Port = Annotated[int, Rule(minimum=1, maximum=65535, example=5432)]

Date = Annotated[
    str,
    Rule(
        pattern=r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])",
        means="a date as YYYY-MM-DD",
        day=True,
        example="2026-05-15",
    ),
]

Moment = Annotated[
    str,
    Rule(
        pattern=r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3])"
        r":[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?(?:Z|[+]00:00)",
        means="a moment in UTC as ISO 8601 writes it",
        day=True,
        example="2026-05-15T02:00:00.000000Z",
    ),
]

# The longest ARN of a caller has less than 200 characters.
StartedBy = Annotated[
    str,
    Rule(
        pattern=r"[!-~](?:[ -~]{0,254}[!-~])?",
        means="1 to 256 printable characters of ASCII, with no space at either end",
        example="arn:aws:sts::123456789012:assumed-role/operator/jane",
    ),
]

# An operation's id is the value of a tag in RDS and, cut to 64 characters, the name of a session of
# STS. RDS takes letters, digits, spaces and _.:/=+-@ (API_Tag), STS takes letters, digits and
# _=,.@+- (API_AssumeRole). Without a colon, this is what an execution may be called for both.
OperationId = Annotated[
    str,
    Rule(
        pattern=r"[A-Za-z0-9_.:=+@-]{1,128}",
        means="1 to 128 letters (A to Z), digits and _.:=+@-",
        example="op-123456",
    ),
]

RestoreName = Annotated[
    str,
    Rule(
        pattern=r"[a-z][a-z0-9-]{0,39}",
        means="1 to 40 small letters, digits and hyphens, beginning with a letter",
        example="staging",
    ),
]

# PostgreSQL cuts a longer name short, and then knows no role or database of the whole name.
RoleName = Annotated[
    str,
    Rule(
        pattern=r"[^\x00]{1,63}",
        means="a PostgreSQL role name of 1 to 63 characters",
        max_bytes=63,
        example="monitoring",
    ),
]

PostgresName = Annotated[
    str,
    Rule(
        pattern=r"[^\x00]{1,63}",
        means="the name of a schema, table or column, of 1 to 63 characters",
        max_bytes=63,
    ),
]

# Names that PostgreSQL and Amazon RDS keep to themselves: CREATE ROLE refuses them.
UnreservedRoleName = Annotated[
    str,
    Rule(
        pattern=r"(?!pg_|rds_)(?!(?:none|public|rdsadmin|rdsproxyadmin|rdsrepladmin|rdstopmgr|"
        r"rdswriteforwarduser)$)[^\x00]{1,63}",
        means="a PostgreSQL role name of 1 to 63 characters that neither PostgreSQL nor RDS "
        "reserves (`public`, `none`, `pg_…`, `rds_…`, `rdsadmin`)",
        max_bytes=63,
        example="orders_app",
    ),
]

DatabaseName = Annotated[
    str,
    Rule(
        pattern=r"(?!(?:template[01]|rdsadmin)$)[^\x00]{1,63}",
        means="a PostgreSQL database name, but not `template0`, `template1` or `rdsadmin`",
        max_bytes=63,
        example="app",
    ),
]

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Tag.html
# Beyond ASCII, letters and digits are taken; `infra` looks at them.
_TAG_CHARACTERS = r"[^\x00-\x1f!-*,;<>?\[-^`{-\x7f]"

TagKey = Annotated[
    str,
    Rule(
        pattern=rf"(?![Aa][Ww][Ss]:|[Rr][Dd][Ss]:|aurora-restore:){_TAG_CHARACTERS}{{1,128}}",
        means="1 to 128 letters, digits, spaces and _.:/=+-@, "
        "not beginning with `aws:`, `rds:` or `aurora-restore:`",
    ),
]

TagValue = Annotated[
    str,
    Rule(
        pattern=rf"{_TAG_CHARACTERS}{{0,256}}",
        means="up to 256 letters, digits, spaces and _.:/=+-@",
    ),
]

Host = Annotated[
    str,
    Rule(
        pattern=r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?",
        means="a host name",
        example="my-cluster.cluster-xyz.us-west-2.rds.amazonaws.com",
    ),
]
