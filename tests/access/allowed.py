"""What the database lets whom do, written down once more: the lists that its own catalogue is held against."""

ROLES = ("renkei_service", "renkei_worker", "renkei_ledger", "renkei_lookup", "renkei_app", "renkei_work")
PURPOSE = {
    *(("service", "UPDATE", table) for table in ("summaries", "summary_parts", "linked_patients")),
    ("service", "DELETE", "import_faults"),
    *(("service", act, "login_providers") for act in ("UPDATE", "DELETE")),  # a setting; the ledger has each change
    *(("service", act, "drafts") for act in ("UPDATE", "DELETE")),  # nobody has said them yet
    *(("worker", "DELETE", f"{what}s") for what in ("unpublished_change", "used_assertion", "idempotency_key")),
    *(("worker", act, "pending_deliveries") for act in ("UPDATE", "DELETE")),
    *(("worker", act, "redeliveries") for act in ("UPDATE", "DELETE")),
    *(("worker", "UPDATE", table) for table in ("delivery_queues", "delivery_progress")),
    *(("worker", "DELETE", table) for table in ("deliveries", "sign_in_attempts", "drafts")),
    *((role, "DELETE", "ceremonies") for role in ("service", "worker")),
}


def of_setting(column: str, name: str) -> str:
    """The one form of a condition, as the catalogue prints it: the list is cast, never the column."""
    listed = f"string_to_array(NULLIF(current_setting('renkei.{name}'::text, true), ''::text), ','::text)"
    return f"({column} = ANY (({listed})::uuid[]))"


OPENED = of_setting("patient_id", "patient_ids")
ASKED = f"({of_setting('patient_id', 'asked')} OR {OPENED})"
ASKED_EITHER = f"({of_setting('patient_id', 'asked')} OR {OPENED} OR {of_setting('organization_id', 'asked')})"
RECORDED_ONCE = {"consent_withdrawals", "emergency_closures", "emergency_reviews", "request_decisions"}
REACH = {"search_keys", "consents", "linked_patients"} | RECORDED_ONCE
REACH_EITHER = {
    "author_organizations",
    "care_team_places",
    "join_requests",
    "consent_organizations",
    "emergency_accesses",
    "access_requests",
    "import_rows",
}
TOLD_TO_THE_LEDGER = (REACH_EITHER | REACH | {"audit_leaves", "possible_duplicates", "link_decisions"}) - {
    "search_keys",
    "import_rows",
    "linked_patients",
}
LOOKED_UP = (REACH_EITHER - {"access_requests", "import_rows"}) | {
    "search_keys",
    "changes",
    "change_positions",
    "linked_patients",
}
DELIVERED = {"pending_deliveries", "deliveries"}
DECIDED_BY_THE_WORKER_TOO = (REACH | REACH_EITHER | {"changes"}) - {
    "search_keys",
    "import_rows",
    "emergency_reviews",
    "access_requests",
}
"""What reach and the feed read: before the worker tells a change to a system, it asks as the service does, under the same policies."""
WITHOUT_SETTING = {
    *((table, "ledger", "SELECT", ("renkei_ledger",)) for table in TOLD_TO_THE_LEDGER),
    *((table, "lookup", "SELECT", ("renkei_lookup",)) for table in LOOKED_UP | DELIVERED),
    *((table, "deliver", "ALL", ("renkei_worker",)) for table in DELIVERED),
    ("audit_leaves", "seal", "ALL", ("renkei_worker",)),
    ("audit_events", "written_always", "INSERT", ("renkei_service", "renkei_worker")),
    ("audit_events", "ledger", "SELECT", ("renkei_ledger", "renkei_worker")),
    ("change_positions", "publish", "ALL", ("renkei_worker",)),
    ("unpublished_changes", "publish", "ALL", ("renkei_worker",)),
    ("attachments", "sweep", "SELECT", ("renkei_worker",)),
    ("attachments", "lookup", "SELECT", ("renkei_lookup",)),
    ("drafts", "forget", "ALL", ("renkei_worker",)),
    ("idempotency_keys", "forget", "ALL", ("renkei_worker",)),
    ("idempotency_keys", "lookup", "SELECT", ("renkei_lookup",)),
    ("identities", "lookup", "SELECT", ("renkei_lookup",)),
    ("identity_ends", "lookup", "SELECT", ("renkei_lookup",)),
    ("patient_particulars", "lookup", "SELECT", ("renkei_lookup",)),
}
"""Policies that ask no setting, with whom they are for: writing the ledger, the worker, the auditor, the lookup functions."""
DEFINERS = {
    "renkei_match_identity(bytea[], date, text)",
    "renkei_find_person(text, date, text)",
    "renkei_emergency_refusals(uuid, timestamptz)",
    "renkei_feed(uuid, text[], uuid, bigint, bigint, integer)",
    "renkei_office_feed(text[], uuid, bigint, bigint, integer)",
    "renkei_feed_end()",
    "renkei_attachment_parts(uuid[], uuid[])",
    "renkei_find_retry(bytea)",
    "renkei_fan_out(bigint, bigint)",
    "renkei_deliveries(uuid, text, uuid, integer)",
    "renkei_delivery(uuid, uuid)",
    "renkei_feed_position(timestamptz)",
    "renkei_delivery_depth()",
}
"""Functions that work with rights of their own: each tells ids, positions or a count, nothing of what is recorded."""
SERVICE, WORKER = {"renkei_service", "renkei_app"}, {"renkei_worker", "renkei_work"}
CALLED_BY = {
    "renkei_fan_out(bigint,bigint)": WORKER,
    "renkei_feed(uuid,text[],uuid,bigint,bigint,integer)": SERVICE | WORKER,
    "renkei_office_feed(text[],uuid,bigint,bigint,integer)": SERVICE | WORKER,
    "renkei_feed_end()": SERVICE | WORKER,
    "renkei_attachment_parts(uuid[],uuid[])": SERVICE | WORKER,
}
