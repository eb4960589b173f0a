"""The evaluator of policies decides as IAM's documentation says."""

import pytest

from tests.support.iam import Context, Document, Policy, Trust, matches

QUEUE = "arn:aws:sqs:us-east-1:111111111111:a"


def policy(*statements: Document) -> Policy:
    return Policy(
        [{"Effect": "Allow", "Action": "*", "Resource": "*", **each} for each in statements]
    )


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("a*c", "a:/b\nc", True),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a[bc]", "ab", False),
        ("a[bc]", "a[bc]", True),
        ("a.c", "abc", False),
        ("A", "a", False),
    ],
)
def test_the_wildcards_are_iam_s(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) == expected


def test_nothing_is_allowed_unless_a_statement_says_so() -> None:
    assert not Policy([]).allows("sqs:SendMessage", QUEUE)
    assert policy({}).allows("sqs:SendMessage", QUEUE)
    assert not policy({"Action": "sqs:Receive*"}).allows("sqs:SendMessage", QUEUE)
    assert not policy({"Resource": f"{QUEUE}-2"}).allows("sqs:SendMessage", QUEUE)


def test_a_denial_prevails() -> None:
    denied = policy({}, {"Effect": "Deny", "Action": ["sqs:Delete*", "sqs:Send*"]})

    assert not denied.allows("sqs:SendMessage", QUEUE)
    assert denied.allows("sqs:ReceiveMessage", QUEUE)
    assert denied.actions == {"*"}


def test_actions_are_the_same_in_any_case() -> None:
    assert policy({"Action": "SQS:sendmessage"}).allows("sqs:SendMessage", QUEUE)


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"k": "a"}}, {"k": "a"}, True),
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "a*"}}, {"k": "ab"}, False),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a"}, False),
        ({"StringLike": {"k": "a*"}}, {"k": "ab"}, True),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "c"}, True),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"ForAnyValue:StringNotEquals": {"k": "a"}}, {"k": ["a", "b"]}, True),
        ({"ForAnyValue:StringNotEquals": {"k": "a"}}, {"k": ["a"]}, False),
        ({"ForAnyValue:StringNotEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": "a"}, True),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"ArnEquals": {"k": "arn:*:b"}}, {"k": "arn:a:b"}, True),
        ({"Bool": {"k": "true"}}, {"k": "true"}, True),
        ({"Bool": {"k": "true"}}, {"k": "false"}, False),
        ({"ForAnyValue:StringEquals": {"k": "a"}}, {"k": ["a", "b"]}, True),
        ({"ForAnyValue:StringEquals": {"k": "a"}}, {}, False),
        ({"ForAllValues:StringLike": {"k": "a*"}}, {"k": ["a", "ab"]}, True),
        ({"ForAllValues:StringLike": {"k": "a*"}}, {"k": ["a", "b"]}, False),
        ({"ForAllValues:StringLike": {"k": "a*"}}, {}, True),
    ],
)
def test_a_condition_holds_as_documented(
    condition: Document, context: Context, expected: bool
) -> None:
    assert policy({"Condition": condition}).allows("sqs:SendMessage", QUEUE, context) == expected


def test_an_operator_that_it_does_not_know_is_no_permission() -> None:
    with pytest.raises(KeyError):
        policy({"Condition": {"DateLessThan": {"k": "a"}}}).allows("a:B", QUEUE)


def test_a_role_is_trusted_by_its_name_or_with_its_account() -> None:
    role = "arn:aws:iam::111111111111:role/a"

    def admitted(principal: str) -> bool:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}
        return Trust([statement]).admits(role)

    assert admitted(role)
    assert admitted("arn:aws:iam::111111111111:root")
    assert not admitted("arn:aws:iam::222222222222:root")
    assert not admitted(f"{role}-2")
    assert not Trust(
        [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "a"}}]
    ).admits(role)
