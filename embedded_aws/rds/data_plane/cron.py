"""Runs the jobs of pg_cron, whose tables and functions a cluster has without its worker.

Source: the documentation of pg_cron, *What is pg_cron?*: the syntax of schedules, one run of a job
at a time, times in GMT; and the Aurora User Guide, *Scheduling maintenance with the PostgreSQL
pg_cron extension*: jobs are kept in the database ``postgres``.
"""

import calendar
import contextlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pg8000.native
from pg8000.native import identifier

from embedded_aws.rds.data_plane import DataPlaneError
from embedded_aws.rds.data_plane.server import PostgresServer

CREATED = "pg_cron_created"
"""The file in a data directory in which the extension has been created."""
_SECONDS = re.compile(r"\s*([1-9]|[1-5]\d)\s+seconds?\s*", re.IGNORECASE)
_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name.lower(): (number + 1) % 7 for number, name in enumerate(calendar.day_abbr)}
_JOBS = """
SELECT jobid, schedule, command, database, username FROM cron.job
WHERE active AND coalesce(current_setting('embedded.pg_cron_preloaded', true), 'on') <> 'off'
ORDER BY jobid
"""
_CHANGES = "SELECT changes FROM cron.job_cache"
_BEGIN = """
INSERT INTO cron.job_run_details (jobid, database, username, command, status, start_time)
VALUES (:jobid, :database, :username, :command, 'running', clock_timestamp()) RETURNING runid
"""
_PID = "UPDATE cron.job_run_details SET job_pid = :pid WHERE runid = :runid"
_END = """
UPDATE cron.job_run_details SET status = :status, return_message = :message,
    end_time = clock_timestamp() WHERE runid = :runid
"""
_MAY_LOG_IN = "SELECT rolcanlogin FROM pg_roles WHERE rolname = :username"


@dataclass(frozen=True)
class CronJob:
    """A row of ``cron.job``."""

    jobid: int
    schedule: str
    command: str
    database: str
    username: str


def interval_seconds(schedule: str) -> int | None:
    """Return how often a job runs whose schedule counts seconds."""
    found = _SECONDS.fullmatch(schedule)
    return int(found[1]) if found else None


def is_due(schedule: str, at: datetime) -> bool:
    """Return whether a schedule of five fields names this minute; a malformed one names none."""
    fields = _NAMED.get(schedule.strip().lower(), schedule).split()
    if len(fields) != 5:
        return False
    minute, hour, day, month, weekday = fields
    last = calendar.monthrange(at.year, at.month)[1]
    on_day = _matches(day.replace("$", str(last)), at.day, range(1, 32), {})
    on_weekday = _matches(weekday, at.isoweekday() % 7, range(8), _DAYS)
    if day.startswith("*") or weekday.startswith("*"):
        today = on_day and on_weekday
    else:
        today = on_day or on_weekday
    return (
        today
        and _matches(minute, at.minute, range(60), {})
        and _matches(hour, at.hour, range(24), {})
        and _matches(month, at.month, range(1, 13), _MONTHS)
    )


def _matches(field: str, value: int, accepted: range, names: Mapping[str, int]) -> bool:
    def number(text: str) -> int:
        return names[text.lower()] if text.lower() in names else int(text)

    for part in field.split(","):
        span, _, step = part.partition("/")
        try:
            if span == "*":
                first, final = accepted[0], accepted[-1]
            else:
                start, dash, end = span.partition("-")
                first = number(start)
                final = number(end) if dash else accepted[-1] if step else first
            every = int(step) if step else 1
        except ValueError:
            return False
        listed = {each % 7 if names is _DAYS else each for each in range(first, final + 1, every)}
        if value in listed:
            return True
    return False


class CronScheduler:
    """Looks for jobs that are due, in every cluster that has the extension."""

    def __init__(self, writers: Callable[[], Mapping[Path, PostgresServer]]) -> None:
        self._writers = writers
        self._looked = datetime.now(UTC)
        self._started: dict[tuple[Path, int], datetime] = {}
        self._running: dict[tuple[Path, int], threading.Thread] = {}
        self._jobs: dict[Path, tuple[tuple[int, int], list[CronJob]]] = {}
        """As the worker keeps them in memory, each with what it was read at."""

    def look_now(self) -> None:
        """Start what has become due."""
        self.look(datetime.now(UTC))

    def look(self, now: datetime) -> None:
        """Start what has become due since the last look."""
        minutes = _minutes_between(self._looked, now)
        self._looked = now
        for data, server in self._writers().items():
            if not (data / CREATED).exists():
                continue
            with contextlib.suppress(DataPlaneError, pg8000.native.Error, OSError):
                for job in self._known_jobs(data, server):
                    if self._is_due(data, job, minutes, now):
                        self._start(data, server, job, now)

    def _known_jobs(self, data: Path, server: PostgresServer) -> list[CronJob]:
        """Return the jobs as they were when a trigger last reported a change, or at the start."""
        ((changes,),) = server.run(_CHANGES)
        moment = (server.pid, changes)
        known, jobs = self._jobs.get(data, (None, []))
        if known != moment:
            jobs = [CronJob(*row) for row in server.run(_JOBS)]
            self._jobs[data] = (moment, jobs)
        return jobs

    def _is_due(self, data: Path, job: CronJob, minutes: list[datetime], now: datetime) -> bool:
        key = (data, job.jobid)
        running = self._running.get(key)
        if running is not None and running.is_alive():
            return False
        seconds = interval_seconds(job.schedule)
        if seconds is None:
            return any(is_due(job.schedule, minute) for minute in minutes)
        return now >= self._started.setdefault(key, now) + timedelta(seconds=seconds)

    def _start(self, data: Path, server: PostgresServer, job: CronJob, now: datetime) -> None:
        key = (data, job.jobid)
        self._started[key] = now
        thread = threading.Thread(target=_run_job, args=(server, job), daemon=True)
        self._running[key] = thread
        thread.start()


def _run_job(server: PostgresServer, job: CronJob) -> None:
    """Run a job as its user in its database; a server that is stopped meanwhile takes it along."""
    with contextlib.suppress(DataPlaneError, pg8000.native.Error, OSError):
        _run_and_record(server, job)


def _run_and_record(server: PostgresServer, job: CronJob) -> None:
    with server.session() as records:
        ((runid,),) = records.run(
            _BEGIN,
            jobid=job.jobid,
            database=job.database,
            username=job.username,
            command=job.command,
        )
        if records.run(_MAY_LOG_IN, username=job.username) == [[True]]:
            status, message = _executed(server, job, records, runid)
        else:
            status, message = "failed", f'role "{job.username}" is not permitted to log in'
        records.run(_END, status=status, message=message, runid=runid)


def _executed(server: PostgresServer, job: CronJob, records: Any, runid: int) -> tuple[str, str]:
    try:
        with server.session(job.database) as session:
            ((pid,),) = session.run("SELECT pg_backend_pid()")
            records.run(_PID, pid=pid, runid=runid)
            session.run(f"SET SESSION AUTHORIZATION {identifier(job.username)}")
            session.run(job.command)
            return "succeeded", f"{max(session.row_count, 0)} rows"
    except DataPlaneError as error:
        return "failed", f"ERROR: {error}"
    except (pg8000.native.Error, OSError) as error:
        return "failed", str(error)


def _minutes_between(before: datetime, now: datetime) -> list[datetime]:
    """Return the full minutes that have begun after the one time until the other."""
    first = before.replace(second=0, microsecond=0) + timedelta(minutes=1)
    count = int((now - first) / timedelta(minutes=1)) + 1 if now >= first else 0
    return [first + timedelta(minutes=number) for number in range(min(count, 60))]
