"""The tables of a cluster: journal, projections, dead letters, request records, the cluster's own row.

Rule: bodies are the JSON that the log carries, kept as bytes; columns beside them exist to be searched or to
guard a write. Plain SQL instead of the builder: this text is what runs, and what an operator can compare.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    # The order of decisions. `log_*`: where the relay's copy stands in the events topic; null: not yet there.
    """
    CREATE TABLE journal (
        position bigint PRIMARY KEY,
        stream text COLLATE "C" NOT NULL,
        version integer NOT NULL,
        id text COLLATE "C" NOT NULL UNIQUE,
        type text NOT NULL,
        recorded_ms bigint NOT NULL,
        body bytea NOT NULL,
        log_generation bigint,
        log_position bigint,
        log_ms bigint,
        UNIQUE (stream, version)
    )
    """,
    "CREATE INDEX journal_unpublished ON journal (position) WHERE log_position IS NULL",
    "CREATE INDEX journal_log ON journal (log_position)",
    # One row a projection: position and epoch guard every commit, owner and lease_until say who may write.
    # `compared`: what the last comparison with the projection in force found; only a rebuild has one.
    """
    CREATE TABLE projection (
        name text COLLATE "C" PRIMARY KEY,
        epoch bigint NOT NULL DEFAULT 0,
        position bigint NOT NULL DEFAULT 0,
        owner text,
        lease_until timestamptz,
        compared bytea
    )
    """,
    # Which projection is the one that gateways, effects and readers go by, and which was before it. `since`:
    # up to here the one before has told its effects.
    """
    CREATE TABLE pointer (
        family text PRIMARY KEY,
        projection text NOT NULL,
        before text,
        since bigint NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TABLE view (
        projection text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        row bytea NOT NULL,
        PRIMARY KEY (projection, key)
    )
    """,
    """
    CREATE TABLE checkpoint (
        projection text COLLATE "C" NOT NULL,
        position bigint NOT NULL,
        schema integer NOT NULL,
        recorded_ms bigint NOT NULL,
        digest text NOT NULL,
        state bytea NOT NULL,
        PRIMARY KEY (projection, position)
    )
    """,
    # Effects, written in the transaction of the view; `published` null: not yet on the transitions topic.
    """
    CREATE TABLE transition (
        projection text COLLATE "C" NOT NULL,
        position bigint NOT NULL,
        n integer NOT NULL,
        at_ms bigint NOT NULL,
        kind text NOT NULL,
        subject text COLLATE "C" NOT NULL,
        body bytea NOT NULL,
        published boolean NOT NULL DEFAULT false,
        PRIMARY KEY (projection, position, n)
    )
    """,
    "CREATE INDEX transition_order ON transition (position, n)",
    "CREATE INDEX transition_subject ON transition (subject, position, n)",
    "CREATE INDEX transition_unpublished ON transition (projection, position, n) WHERE NOT published",
    # Records that a reader passed over, whole; `copied`: also on the dead letter topic.
    """
    CREATE TABLE dead_letter (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        consumer text NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        log_offset bigint NOT NULL,
        recorded_ms bigint NOT NULL,
        reason text NOT NULL,
        detail text NOT NULL,
        key bytea,
        headers bytea NOT NULL,
        value bytea,
        state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'replayed', 'dropped')),
        changed_at timestamptz NOT NULL DEFAULT now(),
        changed_by text,
        changed_because text,
        copy text,
        copied boolean NOT NULL DEFAULT false,
        UNIQUE (consumer, topic, partition, log_offset)
    )
    """,
    "CREATE INDEX dead_letter_waiting ON dead_letter (id) WHERE state = 'waiting'",
    "CREATE INDEX dead_letter_uncopied ON dead_letter (consumer, id) WHERE NOT copied",
    "CREATE INDEX dead_letter_copied ON dead_letter (topic, partition, log_offset) WHERE copied",
    # Partitioned by day, so that retention drops a table instead of deleting rows. No global unique id is
    # possible then; the sink's records carry their start in the key, so a repeat meets the same day.
    """
    CREATE TABLE requests (
        request_id text COLLATE "C" NOT NULL,
        started_ms bigint NOT NULL,
        pool text NOT NULL,
        target text,
        result text NOT NULL,
        snapshot_generation bigint NOT NULL,
        snapshot_position bigint NOT NULL,
        record bytea NOT NULL,
        PRIMARY KEY (request_id, started_ms)
    ) PARTITION BY RANGE (started_ms)
    """,
    "CREATE TABLE requests_other PARTITION OF requests DEFAULT",
    "CREATE INDEX requests_time ON requests (started_ms, request_id)",
    "CREATE INDEX requests_pool ON requests (pool, started_ms)",
    "CREATE INDEX requests_target ON requests (target, started_ms)",
    """
    CREATE INDEX requests_snapshot
        ON requests (snapshot_generation, snapshot_position, started_ms, request_id)
    """,
    # One row for ever. `generation` goes up by `interlock migrate --new-generation` only.
    """
    CREATE TABLE cluster (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        generation bigint NOT NULL DEFAULT 1,
        key bytea NOT NULL
    )
    """,
    "INSERT INTO cluster (key) VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))",
)


def upgrade() -> None:
    """Create every table."""
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    """Remove every table: there was nothing before."""
    for name in (
        "cluster",
        "requests",
        "dead_letter",
        "transition",
        "checkpoint",
        "view",
        "pointer",
        "projection",
        "journal",
    ):
        op.execute(f"DROP TABLE {name}")
