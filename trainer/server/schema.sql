-- Tables of the embedded server. Times are integer microseconds since 1970 UTC; JSON is text.
-- Every statement may run again on a file that has it all. A changed table needs a step in `migrations.py`.

CREATE TABLE IF NOT EXISTS projects (
    id          INTEGER PRIMARY KEY,
    entity      TEXT NOT NULL,
    name        TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    UNIQUE (entity, name)
);

CREATE TABLE IF NOT EXISTS sweeps (
    id            INTEGER PRIMARY KEY,
    project_id    INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name          TEXT NOT NULL,                -- the short id that users see
    display_name  TEXT,
    description   TEXT,
    state         TEXT NOT NULL,                -- SweepState
    config_yaml   TEXT NOT NULL,                -- as the client sent it
    config        TEXT NOT NULL,                -- the same as JSON
    controller    TEXT,                         -- JSON of a local controller (`wandb sweep --controller`)
    scheduler     TEXT,                         -- JSON of an external scheduler (`wandb sweep-scheduler`)
    prior_runs    TEXT,                         -- JSON filter of the runs the search starts from
    metric        TEXT,                         -- name of the metric; null for none
    expected_runs INTEGER,                      -- null: the sweep has no end of its own
    seed          INTEGER NOT NULL,
    exhausted     INTEGER NOT NULL DEFAULT 0,   -- 1: the search said that nothing is left, ever
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    heartbeat_at  INTEGER,
    UNIQUE (project_id, name)
);

CREATE TABLE IF NOT EXISTS agents (
    id           INTEGER PRIMARY KEY,
    sweep_id     INTEGER NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE,
    name         TEXT NOT NULL UNIQUE,
    host         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS agents_by_sweep ON agents (sweep_id, id);

CREATE TABLE IF NOT EXISTS runs (
    id             INTEGER PRIMARY KEY,
    project_id     INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name           TEXT NOT NULL,               -- the short id that users see
    display_name   TEXT NOT NULL,
    state          TEXT NOT NULL,               -- RunState
    config         TEXT NOT NULL DEFAULT '{}',  -- wire form: {"lr": {"value": 0.1}}
    summary        TEXT NOT NULL DEFAULT '{}',
    metric_value   REAL,                        -- the summary's value of the sweep's metric
    history_best   REAL,                        -- the best value of the sweep's metric in the history
    history_best_line INTEGER,                  -- the line that holds it
    system_metrics TEXT NOT NULL DEFAULT '{}',
    tags           TEXT NOT NULL DEFAULT '[]',
    group_name     TEXT,
    job_type       TEXT,
    notes          TEXT,
    description    TEXT,
    host           TEXT,
    program        TEXT,
    repo           TEXT,
    commit_hash    TEXT,
    sweep          TEXT,                        -- sweeps.name
    agent_id       INTEGER,                     -- agents.id of the last agent it was handed to
    assigned_at    INTEGER,                     -- when it was last handed out; null: waits for an agent
    is_resuming    INTEGER NOT NULL DEFAULT 0,  -- 1: a client asked about it with `resume=`
    attempts       INTEGER NOT NULL DEFAULT 0,  -- how often it was handed out
    seen_alive     INTEGER NOT NULL DEFAULT 0,  -- 1: its agent has listed it among its live runs
    suggested      TEXT,                        -- what the search or scheduler told it to use, flat JSON
    reported_at    INTEGER,                     -- first word from the run itself; null: never heard of
    stop_requested INTEGER NOT NULL DEFAULT 0,
    stop_reason    TEXT,
    exit_code      INTEGER,
    history_lines  INTEGER NOT NULL DEFAULT 0,
    events_lines   INTEGER NOT NULL DEFAULT 0,
    console_lines  INTEGER NOT NULL DEFAULT 0,
    history_keys   TEXT NOT NULL DEFAULT '{}',  -- what RunFragment.historyKeys says
    created_at     INTEGER NOT NULL,
    heartbeat_at   INTEGER NOT NULL,
    UNIQUE (project_id, name)
);
CREATE INDEX IF NOT EXISTS runs_by_age ON runs (project_id, created_at, id);
CREATE INDEX IF NOT EXISTS runs_by_sweep ON runs (project_id, sweep);  -- and, as in every index, by id
CREATE INDEX IF NOT EXISTS runs_by_sweep_state ON runs (project_id, sweep, state);
CREATE INDEX IF NOT EXISTS runs_by_sweep_age ON runs (project_id, sweep, created_at, id);
CREATE INDEX IF NOT EXISTS runs_by_metric ON runs (project_id, sweep, metric_value);
CREATE INDEX IF NOT EXISTS runs_by_best ON runs (project_id, sweep, history_best);
CREATE INDEX IF NOT EXISTS runs_by_state ON runs (state, heartbeat_at);
CREATE INDEX IF NOT EXISTS runs_by_agent ON runs (agent_id, state) WHERE agent_id IS NOT NULL;

-- Values inside config and summary that runs were filtered or ordered by: an index over what they hold, made when
-- first asked for. Of each key every run that has it, and it is no null, has one row.
CREATE TABLE IF NOT EXISTS value_keys (
    id         INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    source     TEXT NOT NULL,                   -- config or summary
    path       TEXT NOT NULL,                   -- as json_extract takes it
    filled_to  INTEGER,                         -- runs up to this number are in; null: all
    used_at    INTEGER NOT NULL,
    UNIQUE (project_id, source, path)
);

CREATE TABLE IF NOT EXISTS run_values (
    key    INTEGER NOT NULL REFERENCES value_keys (id) ON DELETE CASCADE,
    sweep  TEXT NOT NULL,                       -- empty outside sweeps
    value  NOT NULL,                            -- as json_extract gives it
    run_id INTEGER NOT NULL,
    kind   TEXT NOT NULL,                       -- as json_type names it
    PRIMARY KEY (key, sweep, value, run_id)
) WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS run_values_of_new_run AFTER INSERT ON runs
WHEN EXISTS (SELECT 1 FROM value_keys WHERE project_id = NEW.project_id)
BEGIN
    INSERT OR REPLACE INTO run_values (key, sweep, value, run_id, kind)
    SELECT id, ifnull(NEW.sweep, ''), json_extract(iif(source = 'config', NEW.config, NEW.summary), path), NEW.id,
        json_type(iif(source = 'config', NEW.config, NEW.summary), path)
    FROM value_keys WHERE project_id = NEW.project_id
    AND json_extract(iif(source = 'config', NEW.config, NEW.summary), path) IS NOT NULL;
END;

CREATE TRIGGER IF NOT EXISTS run_values_of_changed_run AFTER UPDATE OF config, summary, sweep ON runs
WHEN EXISTS (SELECT 1 FROM value_keys WHERE project_id = OLD.project_id)
BEGIN
    DELETE FROM run_values WHERE (key, sweep, value, run_id) IN (
        SELECT id, ifnull(OLD.sweep, ''), json_extract(iif(source = 'config', OLD.config, OLD.summary), path), OLD.id
        FROM value_keys WHERE project_id = OLD.project_id
    );
    INSERT OR REPLACE INTO run_values (key, sweep, value, run_id, kind)
    SELECT id, ifnull(NEW.sweep, ''), json_extract(iif(source = 'config', NEW.config, NEW.summary), path), NEW.id,
        json_type(iif(source = 'config', NEW.config, NEW.summary), path)
    FROM value_keys WHERE project_id = NEW.project_id
    AND json_extract(iif(source = 'config', NEW.config, NEW.summary), path) IS NOT NULL;
END;

CREATE TRIGGER IF NOT EXISTS run_values_of_gone_run AFTER DELETE ON runs
WHEN EXISTS (SELECT 1 FROM value_keys WHERE project_id = OLD.project_id)
BEGIN
    DELETE FROM run_values WHERE (key, sweep, value, run_id) IN (
        SELECT id, ifnull(OLD.sweep, ''), json_extract(iif(source = 'config', OLD.config, OLD.summary), path), OLD.id
        FROM value_keys WHERE project_id = OLD.project_id
    );
END;

CREATE TABLE IF NOT EXISTS history (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    line   INTEGER NOT NULL,                    -- the offset in wandb-history.jsonl
    step   INTEGER NOT NULL,
    row    TEXT NOT NULL,
    PRIMARY KEY (run_id, line)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS history_by_step ON history (run_id, step);

CREATE TABLE IF NOT EXISTS events (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    line   INTEGER NOT NULL,
    row    TEXT NOT NULL,
    PRIMARY KEY (run_id, line)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS console (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    line   INTEGER NOT NULL,
    row    TEXT NOT NULL,
    PRIMARY KEY (run_id, line)
) WITHOUT ROWID;

-- A run that is deleted while it lives must not come back as the shell that its next change of configuration makes.
CREATE TABLE IF NOT EXISTS deleted_runs (
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    PRIMARY KEY (project_id, name)
) WITHOUT ROWID;

-- Runs with several writers at once: which lines of whom lie where. Others have none.
CREATE TABLE IF NOT EXISTS writer_spans (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    stream TEXT NOT NULL,                       -- history, events or console
    writer TEXT NOT NULL,
    start  INTEGER NOT NULL,                    -- the writer's own number of the first line
    line   INTEGER NOT NULL,                    -- the line here
    length INTEGER NOT NULL,
    PRIMARY KEY (run_id, stream, writer, start)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS alerts (
    id         INTEGER PRIMARY KEY,
    run_id     INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    title      TEXT NOT NULL,
    text       TEXT NOT NULL,
    severity   TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS alerts_of_run ON alerts (run_id, id);

-- Reports and saved workspaces: pages that people make of a project, written and read by the client alone. A number is
-- never given twice: an address that somebody keeps must not lead to another page.
CREATE TABLE IF NOT EXISTS views (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id   INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    type         TEXT NOT NULL,                 -- runs: a report; runs/draft; project-view: a workspace
    name         TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description  TEXT NOT NULL,
    spec         TEXT NOT NULL,                 -- JSON, as the client sent it
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    UNIQUE (project_id, type, name)
);

-- Bytes live in files/<id> beside the database, so that no name from outside is ever a path. A number is never given
-- twice: a late upload to a deleted file must not land in another. A file of an artifact that is gone stays while
-- another artifact lists the same bytes.
CREATE TABLE IF NOT EXISTS files (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id      INTEGER REFERENCES runs (id) ON DELETE CASCADE,
    artifact_id INTEGER REFERENCES artifacts (id) ON DELETE SET NULL,
    kind        TEXT NOT NULL,                  -- run, artifact or manifest
    name        TEXT NOT NULL,
    size        INTEGER,                        -- null: announced, not uploaded
    md5         TEXT,                           -- base64, as artifact manifests write it
    mimetype    TEXT,
    updated_at  INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS files_of_run ON files (run_id, name) WHERE kind = 'run';
CREATE UNIQUE INDEX IF NOT EXISTS files_of_artifact ON files (artifact_id, kind, name) WHERE kind != 'run';
CREATE INDEX IF NOT EXISTS files_by_artifact ON files (artifact_id);
CREATE INDEX IF NOT EXISTS files_by_md5 ON files (md5) WHERE kind = 'artifact';

CREATE TABLE IF NOT EXISTS collections (
    id          INTEGER PRIMARY KEY,
    project_id  INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    type        TEXT NOT NULL,
    description TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    kind        TEXT NOT NULL DEFAULT 'sequence', -- sequence: logged into; portfolio: linked into
    tags        TEXT NOT NULL DEFAULT '[]',
    next_version INTEGER NOT NULL DEFAULT 0,    -- a number is never given twice
    UNIQUE (project_id, name)
);

CREATE TABLE IF NOT EXISTS artifacts (
    id               INTEGER PRIMARY KEY,
    collection_id    INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    version          INTEGER,                   -- in its own collection; null until committed
    state            TEXT NOT NULL,             -- PENDING, COMMITTED, DELETED
    digest           TEXT NOT NULL,
    digest_algorithm TEXT,
    description      TEXT,
    metadata         TEXT NOT NULL DEFAULT '{}',
    tags             TEXT NOT NULL DEFAULT '[]',
    run_id           INTEGER REFERENCES runs (id) ON DELETE SET NULL,
    client_id        TEXT,
    history_step     INTEGER,
    ttl_seconds      INTEGER,
    size             INTEGER NOT NULL DEFAULT 0,
    wanted_aliases   TEXT NOT NULL DEFAULT '[]',
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    distributed_id   TEXT                       -- shared by the processes that write one version together
);
CREATE INDEX IF NOT EXISTS artifacts_by_collection ON artifacts (collection_id, version);
CREATE INDEX IF NOT EXISTS artifacts_by_digest ON artifacts (collection_id, digest);
CREATE INDEX IF NOT EXISTS artifacts_by_client_id ON artifacts (client_id);
CREATE INDEX IF NOT EXISTS artifacts_by_run ON artifacts (run_id);
CREATE INDEX IF NOT EXISTS artifacts_by_state ON artifacts (state, updated_at) WHERE state != 'COMMITTED';
CREATE INDEX IF NOT EXISTS artifacts_by_ttl ON artifacts (created_at) WHERE ttl_seconds > 0;

-- Which versions a collection shows, under which number: its own, and for a portfolio those linked into it.
CREATE TABLE IF NOT EXISTS memberships (
    collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    version       INTEGER NOT NULL,
    artifact_id   INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (collection_id, version)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS memberships_of_artifact ON memberships (artifact_id, collection_id);

CREATE TABLE IF NOT EXISTS artifact_entries (
    artifact_id INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    digest      TEXT NOT NULL,
    size        INTEGER NOT NULL DEFAULT 0,
    ref         TEXT,                           -- where the bytes are, when they are not here
    PRIMARY KEY (artifact_id, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_by_digest ON artifact_entries (digest) WHERE ref IS NULL;

CREATE TABLE IF NOT EXISTS aliases (
    collection_id INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    alias         TEXT NOT NULL,
    artifact_id   INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    PRIMARY KEY (collection_id, alias)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS aliases_of_artifact ON aliases (artifact_id);

CREATE TABLE IF NOT EXISTS artifact_uses (
    run_id      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    artifact_id INTEGER NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    used_at     INTEGER NOT NULL,
    PRIMARY KEY (run_id, artifact_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS artifact_users ON artifact_uses (artifact_id);
