"""MiniStack, corrected where it differs from AWS in ways this application would notice.

``python -m embedded_aws.ministack --port PORT`` serves it on 127.0.0.1. The patches are
the functions listed in :mod:`embedded_aws.ministack.patches`; each says what AWS does.

What still differs from AWS:

* IAM is not enforced: neither the roles of functions and state machines nor the policies of queues
  and keys. Of resource policies only that of a function is looked at, when a rule invokes it.
* Python functions run on the Python of this machine, whatever version and architecture they name,
  and find their code and layers elsewhere than in ``/var/task`` and ``/opt`` (only stack traces
  speak of those). Memory limits and X-Ray have no effect. Of a VPC configuration only the security
  groups count, and only for connections to databases; functions in other languages have none.
* State machines write no log groups of their own. A redriven Parallel or Map state runs all of its
  branches again, not only those that failed. ``MaxDelaySeconds`` and jitter of retries are ignored.
* Which events of the history follow an ``ExecutionRedriven`` is not documented by AWS. Here a Task
  goes on with ``TaskScheduled``, any other state with its ``…StateEntered``.
* Events are delivered once, in order and immediately; AWS promises neither.
* Schedules start at their real time, unscaled, and are looked at twice a second;
  ``EmbeddedAws.set_schedule_clock`` lets it be another time for them. A flexible time window has no
  effect, and a start that fails is not tried again. Of the role only the trust policy is looked at.
* Alarms change their state when a metric is recorded, never by the passing of time. One on metric
  math is kept as it is declared and never evaluated.
"""
