"""Faults of the topics that an environment names."""

from collections.abc import Iterator

from aurora_restore.shared.documents.environment import Environment
from aurora_restore.shared.documents.schema import Fault


def faults_of_topics(environment: Environment) -> Iterator[Fault]:
    """Yield what is wrong with the topics, or with their keys."""
    for kind in ("notification", "chat"):
        topic: str | None = getattr(environment, f"{kind}_topic_arn")
        key: str | None = getattr(environment, f"{kind}_key_arn")
        if key is not None and topic is None:
            yield Fault(
                f"{kind}_key_arn",
                f"is the key of a topic; name the topic with {kind}_topic_arn, or leave it out",
            )
        for name, arn in ((f"{kind}_topic_arn", topic), (f"{kind}_key_arn", key)):
            if arn is not None and (region := arn.split(":")[3]) != environment.region:
                yield Fault(
                    name,
                    f"is in {region}, and the functions and alarms that publish are in "
                    f"{environment.region}: name one there",
                )
    own = environment.notification_topic_arn
    if own is not None and own == environment.chat_topic_arn:
        yield Fault(
            "chat_topic_arn", "is the topic of the notices, too; a channel needs one of its own"
        )
    if (
        own is not None
        and environment.notification_emails
        and (account := own.split(":")[4]) != environment.account
    ):
        yield Fault(
            "notification_emails",
            f"cannot be subscribed to a topic of account {account}; subscribe them there, and "
            "leave the list empty",
        )
