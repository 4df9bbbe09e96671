"""The tables of the service's database: what came, what became of it, who decided what, what went where.

Knows columns; must not know what is asked of them. Times are seconds since 1970 (UTC); `day` is the local date, by
which the ledgers are kept. No patient's name, birth date or identifier is in any column; reports and headers of
objects stay in files of the spool.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    literal_column,
    text,
)

REPORTED: Final = ("verified", "header")  # outcomes of units whose report goes to its destinations by itself
VERSION: Final = 1  # of these tables; `store.py` refuses a newer database and upgrades an older one

metadata = MetaData()

schema_version = Table("ocr_schema", metadata, Column("version", Integer, nullable=False))

# One row an object that was acknowledged. `name` is its file below the spool.
objects = Table(
    "ocr_objects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("received_at", Float, nullable=False),
    Column("day", String(10), nullable=False),
    Column("sop_instance_uid", String(64), nullable=False, index=True),
    Column("sop_class_uid", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("calling_ae", String(16), nullable=False),
    Column("address", String(64), nullable=False),
    Column("via", String(48), nullable=False),
    Column("machine", String(32), nullable=False),
    Column("state", String(10), nullable=False, server_default="kept"),  # kept in_use context dropped duplicate failed
    Column("role", String(10), nullable=False, server_default=""),  # screen image report companion other
    Column("study", String(64), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("why", Text, nullable=False, server_default=""),
    Column("pixels", Boolean, nullable=False, server_default=text("true")),
    Column("on_disk", Boolean, nullable=False, server_default=text("true")),
)
Index(
    "ocr_objects_new",
    objects.c.state,
    postgresql_where=objects.c.state == "kept",
    sqlite_where=objects.c.state == "kept",
)
Index("ocr_objects_study", objects.c.study, objects.c.role)
Index("ocr_objects_day", objects.c.day, objects.c.state)
# What tidying looks for every minute, each a few rows of many. Literals, and the very same expressions in queries: a
# database takes a partial index only where it sees that the query asks for no more. A second column makes it better
# than `ocr_objects_told`: of equals SQLite takes whichever was made last.
ON_DISK: Final = objects.c.on_disk.is_(True)
USELESS: Final = and_(ON_DISK, objects.c.state.in_([literal_column("'dropped'"), literal_column("'duplicate'")]))
STRIPPABLE: Final = and_(
    ON_DISK,
    objects.c.pixels.is_(True),
    objects.c.state == literal_column("'context'"),
    objects.c.role.not_in([literal_column("'screen'"), literal_column("'companion'")]),
)
Index("ocr_objects_here", objects.c.id, objects.c.study, postgresql_where=ON_DISK, sqlite_where=ON_DISK)
Index("ocr_objects_useless", objects.c.state, objects.c.on_disk, postgresql_where=USELESS, sqlite_where=USELESS)
Index("ocr_objects_pixels", objects.c.state, objects.c.pixels, postgresql_where=STRIPPABLE, sqlite_where=STRIPPABLE)
Index("ocr_objects_told", objects.c.state, objects.c.via)  # /metrics counts by it, without a look at the rows

# One row a study: when it is to be read, and why. `digest` names the objects that it was last read with.
studies = Table(
    "ocr_studies",
    metadata,
    Column("study", String(64), primary_key=True),
    Column("opened_at", Float, nullable=False),
    Column("last_arrival", Float, nullable=False),
    Column("due_at", Float),
    Column("cause", String(80), nullable=False, server_default=""),
    Column("digest", String(64), nullable=False, server_default=""),
    Column("state", String(10), nullable=False, server_default="open"),  # open read failed
    Column("asked_at", Float),  # when the archives were last asked for its context
    Column("missed", Integer, nullable=False, server_default=text("0")),  # how often one of them did not tell all
)
# Only of those that are due: else a search for the others would take it, and go through nearly all.
_DUE: Final = studies.c.due_at.is_not(None)
Index("ocr_studies_due", studies.c.due_at, postgresql_where=_DUE, sqlite_where=_DUE)
# Studies that are being read, and those of which an archive did not tell all: few, and looked for all the time.
READ_NOW: Final = and_(
    studies.c.due_at.is_(None), studies.c.state == literal_column("'open'"), studies.c.cause != literal_column("''")
)
NOT_ALL_TOLD: Final = studies.c.missed > literal_column("0")
Index("ocr_studies_read_now", studies.c.due_at, studies.c.state, postgresql_where=READ_NOW, sqlite_where=READ_NOW)
Index("ocr_studies_missed", studies.c.due_at, studies.c.state, postgresql_where=NOT_ALL_TOLD, sqlite_where=NOT_ALL_TOLD)

# One row a unit: a study on one scanner. `scanner` is its normalised identity.
units = Table(
    "ocr_units",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("study", String(64), ForeignKey("ocr_studies.study"), nullable=False, index=True),
    Column("scanner", String(200), nullable=False),
    Column("day", String(10), nullable=False, index=True),  # of its first reading
    Column("outcome", String(12), nullable=False),  # verified header needs_review unreadable skipped failed
    Column("held", String(16), nullable=False, server_default=""),  # commissioning: waits for the scanner's acceptance
    Column("template", String(120), nullable=False, server_default=""),
    Column("console", String(200), nullable=False, server_default=""),
    Column("report", Text, nullable=False),  # the line of `convert --report`, JSON
    Column("rows", String(64), nullable=False, server_default=""),  # digest of what the report says: what a person sees
    Column("examination", String(64), nullable=False, server_default="", index=True),  # equal for linked orders
    Column("patient", String(64), nullable=False, server_default=""),  # salted digest, equal for equal patients
    Column("rdsr", String(120), nullable=False, server_default=""),  # its file below the outbox
    Column("sop_instance_uid", String(64), nullable=False, server_default=""),
    Column("waiting", Boolean, nullable=False, server_default=text("false")),  # may better known letters prove more?
    Column("read_at", Float, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("audited", Integer, nullable=False, server_default=text("0")),
    Column("disagreed", Integer, nullable=False, server_default=text("0")),
    Column("calling_ae", String(200), nullable=False, server_default=""),
    Column("station", String(32), nullable=False, server_default=""),
    Column("manufacturer", String(64), nullable=False, server_default=""),
)
# /metrics counts by these, without a look at the rows, which carry whole reports.
Index("ocr_units_told", units.c.template, units.c.outcome, units.c.held, units.c.audited, units.c.disagreed)
Index("ocr_units_read", units.c.read_at, units.c.milliseconds)

# Which registered glyphs a unit's report rests on, by digest.
rests = Table(
    "ocr_rests",
    metadata,
    Column("unit", String(16), ForeignKey("ocr_units.id"), primary_key=True),
    Column("glyph", String(32), primary_key=True, index=True),
)

withdrawn = Table(
    "ocr_withdrawn",
    metadata,
    Column("glyph", String(32), primary_key=True),
    Column("at", Float, nullable=False),
)

# Reports of ours that are not believed any more: they are predecessors, never better than a new one.
disbelieved = Table("ocr_disbelieved", metadata, Column("sop_instance_uid", String(64), primary_key=True))

# One row a document and destination; `after` is done first.
deliveries = Table(
    "ocr_deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("unit", String(16), ForeignKey("ocr_units.id"), nullable=False, index=True),
    Column("destination", String(32), nullable=False),
    Column("kind", String(10), nullable=False),  # rdsr rejection manual
    Column("file", String(120), nullable=False),  # below the outbox
    Column("sop_instance_uid", String(64), nullable=False, index=True),
    Column("state", String(12), nullable=False),  # waiting acknowledged refused failed recalled
    Column("day", String(10), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("acknowledged_at", Float),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", Float),
    Column("turn", Integer, nullable=False, server_default=text("0")),  # one more each time a person asks again
    Column("batch", String(48), nullable=False, server_default=""),  # the workflow that sends it
    Column("sent_at", Float),  # when it was last begun to be sent: it may be there, whatever we heard of it
    Column("woken", Boolean, nullable=False, server_default=text("false")),
    Column("warning", Boolean, nullable=False, server_default=text("false")),
    Column("committing", String(64), nullable=False, server_default=""),  # the storage commitment's Transaction UID
    Column("superseded", Boolean, nullable=False, server_default=text("false")),  # another one has taken its place
    Column("after", Integer),
    Column("why", Text, nullable=False, server_default=""),
    UniqueConstraint("destination", "kind", "sop_instance_uid", "turn"),
)
Index(
    "ocr_deliveries_state",
    deliveries.c.state,
    deliveries.c.destination,
    deliveries.c.kind,
    deliveries.c.created_at,
)
Index("ocr_deliveries_acknowledged", deliveries.c.acknowledged_at)
Index(
    "ocr_deliveries_woken",
    deliveries.c.id,
    postgresql_where=deliveries.c.woken.is_(True),
    sqlite_where=deliveries.c.woken.is_(True),
)

# What a person did. Never changed, never deleted.
acts = Table(
    "ocr_acts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("person", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # confirm correct reject retry accept recall done
    Column("unit", String(16), nullable=False, server_default="", index=True),
    Column("about", String(240), nullable=False, server_default=""),
    Column("seen", String(64), nullable=False, server_default=""),  # digest of the rows that the person saw
    Column("told", Text, nullable=False, server_default=""),  # JSON: what was set, or why
)

# Template, make, model and software versions that a person has accepted, or has not yet.
scanners = Table(
    "ocr_scanners",
    metadata,
    Column("template", String(120), primary_key=True),
    Column("console", String(200), primary_key=True),
    Column("first_at", Float, nullable=False),
    Column("accepted_at", Float),
    Column("accepted_by", String(64), nullable=False, server_default=""),
    Column("letters", Integer, nullable=False, server_default=text("0")),  # registered glyphs when last looked at
    Column("audit_day", String(10), nullable=False, server_default=""),
)

# What a sweep had: objects it need not ask for again, and days it has finished.
fetched = Table(
    "ocr_fetched",
    metadata,
    Column("pacs", String(32), primary_key=True),
    Column("key", String(160), primary_key=True),
    Column("told", String(64), nullable=False, server_default=""),
    Column("at", Float, nullable=False),
)

# One row a request of a procedure step (MPPS): its N-CREATE, and each N-SET. `name` is its file below the spool.
steps = Table(
    "ocr_steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("received_at", Float, nullable=False),
    Column("sop_instance_uid", String(64), nullable=False, index=True),
    Column("created", Boolean, nullable=False),
    Column("calling_ae", String(16), nullable=False),
    Column("state", String(10), nullable=False, server_default="kept"),  # kept sorted broken failed
)
Index(
    "ocr_steps_new",
    steps.c.state,
    postgresql_where=steps.c.state == "kept",
    sqlite_where=steps.c.state == "kept",
)

# Which studies a procedure step is of: any of its requests may say so, mostly the first, and it may name several.
step_studies = Table(
    "ocr_step_studies",
    metadata,
    Column("sop_instance_uid", String(64), primary_key=True),
    Column("study", String(64), primary_key=True, index=True),
)

# Worker processes, and when each was last seen alive: another one takes over what a dead one had begun.
workers = Table(
    "ocr_workers",
    metadata,
    Column("executor", String(48), primary_key=True),
    Column("beat_at", Float, nullable=False),
)

# Since when the configuration asks for what it asks for now: the ledger holds earlier reports to no later rule.
rules = Table(
    "ocr_rules",
    metadata,
    Column("rule", String(64), primary_key=True),
    Column("told", Text, nullable=False),
    Column("since", Float, nullable=False),
)

# One row: what is drawn once for this installation.
site = Table(
    "ocr_site",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: whoever draws second, draws in vain
    Column("salt", String(64), nullable=False),
)
