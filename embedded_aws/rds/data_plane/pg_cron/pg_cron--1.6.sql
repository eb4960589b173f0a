-- The tables and functions of pg_cron 1.6, after its documentation and that of Aurora PostgreSQL.
-- There is no worker in the server: the emulator reads cron.job and runs what is due. With
-- embedded.pg_cron_preloaded set to off, it runs nothing, and the functions refuse to work, as the
-- library does that shared_preload_libraries does not name.

DO $$
BEGIN
  IF current_database() <> 'postgres' THEN
    RAISE EXCEPTION 'can only create extension in database postgres'
      USING DETAIL = 'The scheduler reads its jobs from this database only.';
  END IF;
END
$$;

CREATE SCHEMA cron;
CREATE SEQUENCE cron.jobid_seq;
CREATE SEQUENCE cron.runid_seq;

CREATE TABLE cron.job (
  jobid bigint PRIMARY KEY DEFAULT nextval('cron.jobid_seq'),
  schedule text NOT NULL,
  command text NOT NULL,
  nodename text NOT NULL DEFAULT 'localhost',
  nodeport int NOT NULL DEFAULT coalesce(inet_server_port(), 5432),
  database text NOT NULL DEFAULT current_database(),
  username text NOT NULL DEFAULT current_user,
  active boolean NOT NULL DEFAULT true,
  jobname text,
  CONSTRAINT jobname_username_uniq UNIQUE (jobname, username)
);
ALTER TABLE cron.job ENABLE ROW LEVEL SECURITY;
CREATE POLICY cron_job_policy ON cron.job USING (username = current_user);
GRANT SELECT ON cron.job TO public;

CREATE TABLE cron.job_run_details (
  jobid bigint,
  runid bigint PRIMARY KEY DEFAULT nextval('cron.runid_seq'),
  job_pid int,
  database text,
  username text,
  command text,
  status text,
  return_message text,
  start_time timestamptz,
  end_time timestamptz
);
ALTER TABLE cron.job_run_details ENABLE ROW LEVEL SECURITY;
CREATE POLICY cron_job_run_details_policy ON cron.job_run_details USING (username = current_user);
GRANT SELECT, DELETE ON cron.job_run_details TO public;

CREATE FUNCTION cron.require_preloaded() RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF current_setting('embedded.pg_cron_preloaded', true) = 'off' THEN
    RAISE EXCEPTION 'pg_cron can only be loaded via shared_preload_libraries'
      USING HINT = 'Add pg_cron to the shared_preload_libraries configuration variable in '
                   'postgresql.conf.',
            ERRCODE = 'internal_error';
  END IF;
END
$$;

-- By this trigger the worker, which keeps the jobs in memory, learns of a change; without the
-- library the trigger refuses it.
CREATE TABLE cron.job_cache (changes bigint);
INSERT INTO cron.job_cache VALUES (0);
CREATE FUNCTION cron.job_cache_invalidate() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM cron.require_preloaded();
  UPDATE cron.job_cache SET changes = changes + 1;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION cron.job_cache_invalidate() IS 'invalidate job cache';
CREATE TRIGGER cron_job_cache_invalidate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON cron.job
  FOR STATEMENT EXECUTE FUNCTION cron.job_cache_invalidate();

-- Functions that act for their caller run as rdsadmin, who alone may write cron.job.
CREATE FUNCTION cron.caller() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE current_setting('role') WHEN 'none' THEN session_user::text
         ELSE current_setting('role') END
$$;

CREATE FUNCTION cron.require_schedule(schedule text) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF schedule !~* ('^\s*(([1-9]|[1-5]\d)\s+seconds?|@(hourly|daily|midnight|weekly|monthly|yearly'
                   '|annually|reboot)|([-0-9a-z*,/$]+\s+){4}[-0-9a-z*,/]+)\s*$') THEN
    RAISE EXCEPTION 'invalid schedule: %', schedule
      USING HINT = 'Use cron format (e.g. 5 4 * * *), or interval format ''[1-59] seconds''',
            ERRCODE = 'invalid_parameter_value';
  END IF;
END
$$;

CREATE FUNCTION cron.schedule_for(
  job_name text, schedule text, command text, database text, username text, active boolean
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  made bigint;
BEGIN
  PERFORM cron.require_preloaded();
  PERFORM cron.require_schedule(schedule);
  IF NOT EXISTS (SELECT FROM pg_database d WHERE d.datname = database) THEN
    RAISE EXCEPTION 'database "%" does not exist', database USING ERRCODE = 'undefined_database';
  END IF;
  IF NOT has_database_privilege(username, database, 'CONNECT') THEN
    RAISE EXCEPTION 'User % does not have CONNECT privilege on %', username, database
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO cron.job AS j (schedule, command, database, username, active, jobname)
    VALUES (schedule, command, database, username, active, job_name)
    ON CONFLICT ON CONSTRAINT jobname_username_uniq DO UPDATE
      SET schedule = excluded.schedule, command = excluded.command,
          database = excluded.database, active = excluded.active
    RETURNING j.jobid INTO made;
  RETURN made;
END
$$;
REVOKE ALL ON FUNCTION cron.schedule_for(text, text, text, text, text, boolean) FROM public;

CREATE FUNCTION cron.schedule(schedule text, command text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT cron.schedule_for(NULL, schedule, command, current_database()::text, cron.caller(), true)
$$;
COMMENT ON FUNCTION cron.schedule(text, text) IS 'schedule a pg_cron job';

CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT cron.schedule_for(job_name, schedule, command, current_database()::text, cron.caller(), true)
$$;
COMMENT ON FUNCTION cron.schedule(text, text, text) IS 'schedule a pg_cron job';

CREATE FUNCTION cron.schedule_in_database(
  job_name text, schedule text, command text, database text, username text DEFAULT NULL,
  active boolean DEFAULT true
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF username IS DISTINCT FROM NULL AND username <> cron.caller() THEN
    RAISE EXCEPTION 'must be superuser to create a job for another role'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN cron.schedule_for(job_name, schedule, command, database, cron.caller(), active);
END
$$;

CREATE FUNCTION cron.alter_job(
  job_id bigint, schedule text DEFAULT NULL, command text DEFAULT NULL,
  database text DEFAULT NULL, username text DEFAULT NULL, active boolean DEFAULT NULL
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM cron.require_preloaded();
  IF schedule IS NOT NULL THEN
    PERFORM cron.require_schedule(schedule);
  END IF;
  IF username IS DISTINCT FROM NULL AND username <> cron.caller() THEN
    RAISE EXCEPTION 'must be superuser to alter username'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  UPDATE cron.job j
    SET schedule = coalesce(alter_job.schedule, j.schedule),
        command = coalesce(alter_job.command, j.command),
        database = coalesce(alter_job.database, j.database),
        active = coalesce(alter_job.active, j.active)
    WHERE j.jobid = job_id AND j.username = cron.caller();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'Job % does not exist or you don''t own it', job_id;
  END IF;
END
$$;

-- Who may delete from the table may unschedule any job by its id, whatever the policy hides.
CREATE FUNCTION cron.unschedule(job_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  owner text;
BEGIN
  PERFORM cron.require_preloaded();
  SELECT j.username INTO owner FROM cron.job j WHERE j.jobid = job_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'could not find valid entry for job %', job_id;
  END IF;
  IF owner <> cron.caller() AND NOT has_table_privilege(cron.caller(), 'cron.job', 'DELETE') THEN
    RAISE EXCEPTION 'permission denied for table job' USING ERRCODE = 'insufficient_privilege';
  END IF;
  DELETE FROM cron.job j WHERE j.jobid = job_id;
  RETURN true;
END
$$;
COMMENT ON FUNCTION cron.unschedule(bigint) IS 'unschedule a pg_cron job';

CREATE FUNCTION cron.unschedule(job_name text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM cron.require_preloaded();
  DELETE FROM cron.job j WHERE j.jobname = job_name AND j.username = cron.caller();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'could not find valid entry for job ''%''', job_name;
  END IF;
  RETURN true;
END
$$;
COMMENT ON FUNCTION cron.unschedule(text) IS 'unschedule a pg_cron job';

REVOKE ALL ON FUNCTION cron.schedule_in_database(text, text, text, text, text, boolean),
  cron.alter_job(bigint, text, text, text, text, boolean) FROM public;
GRANT EXECUTE ON FUNCTION cron.schedule_in_database(text, text, text, text, text, boolean),
  cron.alter_job(bigint, text, text, text, text, boolean) TO rds_superuser WITH GRANT OPTION;
GRANT USAGE ON SCHEMA cron TO rds_superuser WITH GRANT OPTION;
GRANT SELECT, INSERT, UPDATE, DELETE ON cron.job, cron.job_run_details
  TO rds_superuser WITH GRANT OPTION;

-- Tells the emulator, which looks from outside, that this cluster may have jobs.
DO $$
BEGIN
  EXECUTE format('COPY (SELECT 1) TO %L', current_setting('data_directory') || '/pg_cron_created');
END
$$;
