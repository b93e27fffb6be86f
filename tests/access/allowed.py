"""What the database lets whom do, written down once more: the lists that its own catalogue is held against."""

ROLES = ("renkei_service", "renkei_worker", "renkei_ledger", "renkei_lookup", "renkei_app", "renkei_work")
PURPOSE = {
    *(("service", "UPDATE", table) for table in ("summaries", "summary_parts", "linked_patients")),
    ("service", "DELETE", "import_faults"),
    *(("service", act, "login_providers") for act in ("UPDATE", "DELETE")),  # a setting; the ledger has each change
    ("service", "DELETE", "drafts"),  # nobody has said them yet
    *(("worker", "DELETE", f"{what}s") for what in ("unpublished_change", "used_assertion", "idempotency_key")),
    *(("worker", "DELETE", table) for table in ("pending_deliveries", "redeliveries", "deliveries")),
    *(("worker", "DELETE", table) for table in ("sign_in_attempts", "drafts")),
    *((role, "DELETE", "ceremonies") for role in ("service", "worker")),
}

ALTERED = {
    ("service", "accounts"): "audit_event_id password_hash password_set_at",
    ("service", "ceremonies"): "content expires_at",
    ("service", "clients"): "audit_event_id disabled_at jwks jwks_uri proof secret_hash",
    ("service", "delegations"): "audit_event_id ended_at",
    ("service", "delivery_queues"): "failing_since failures next_at off_at off_position off_reason receiver",
    ("service", "drafts"): (
        "audit_event_id body changed_at digest document_id entered_by expires_at faults record_id revision version"
    ),
    ("service", "import_mappings"): "audit_event_id body saved_at sheet",
    ("service", "invitations"): "audit_event_id expires_at used_at",
    ("service", "jobs"): (
        "actor attempts audit_event_id done ended_at file_key found kept reason repeated result_key spec state step total "
        "touched_at wrong"
    ),
    ("service", "login_subjects"): "audit_event_id confirmed_at ended_at",
    ("service", "members"): "account_id audit_event_id ended_at valid_until",
    ("service", "one_time_codes"): "expires_at used_at",
    ("service", "organizations"): "audit_event_id suspended_at",
    ("service", "passkeys"): "audit_event_id ended_at last_used_at sign_count",
    ("service", "recovery_codes"): "audit_event_id ended_at used_at",
    ("service", "second_factors"): "audit_event_id confirmed_at ended_at last_step",
    ("service", "sessions"): "audit_event_id ended_at last_seen_at",
    ("service", "sign_in_attempts"): "succeeded",
    ("service", "subscriptions"): "audit_event_id description ended_at kinds previous_secret previous_until secret url",
    ("worker", "delivery_progress"): "position",
    (
        "worker",
        "delivery_queues",
    ): "failing_since failures leased_by leased_until next_at off_at off_position off_reason",
    ("worker", "pending_deliveries"): "attempts due_at first_at shown_under",
    ("worker", "redeliveries"): "position upto",
}
"""Of tables that are not altered as a whole: the columns that are."""


def of_setting(column: str, name: str) -> str:
    """The one form of a condition, as the catalogue prints it: the list is cast, never the column, and read once."""
    listed = f"string_to_array(NULLIF(current_setting('renkei.{name}'::text, true), ''::text), ','::text)"
    return f"({column} = ANY (( SELECT ({listed})::uuid[] AS string_to_array)::uuid[]))"


OPENED = of_setting("patient_id", "patient_ids")
ASKED = f"({of_setting('patient_id', 'asked')} OR {OPENED})"
ASKED_EITHER = f"({of_setting('patient_id', 'asked')} OR {OPENED} OR {of_setting('organization_id', 'asked')})"
OF_THE_ORGANIZATION = of_setting("organization_id", "asked")
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
WORKED = {
    ("audit_leaves", "seal"): ("SELECT", "INSERT"),
    ("change_positions", "publish"): ("SELECT", "INSERT"),
    ("unpublished_changes", "publish"): ("SELECT", "DELETE"),
    ("deliveries", "deliver"): ("SELECT", "INSERT", "DELETE"),
    ("drafts", "forget"): ("SELECT", "DELETE"),
    ("idempotency_keys", "forget"): ("SELECT", "DELETE"),
}
"""The worker's, which has all rows to look after: for each command it needs a policy of its own."""
WITHOUT_SETTING = {
    *((table, "ledger", "SELECT", ("renkei_ledger",)) for table in TOLD_TO_THE_LEDGER),
    *((table, "lookup", "SELECT", ("renkei_lookup",)) for table in LOOKED_UP | DELIVERED),
    ("pending_deliveries", "deliver", "ALL", ("renkei_worker",)),
    *(
        (table, f"{name}_{act.lower()}", act, ("renkei_worker",))
        for (table, name), acts in WORKED.items()
        for act in acts
    ),
    ("audit_events", "written_always", "INSERT", ("renkei_service", "renkei_worker")),
    ("audit_events", "ledger", "SELECT", ("renkei_ledger", "renkei_worker")),
    ("attachments", "sweep", "SELECT", ("renkei_worker",)),
    ("attachments", "lookup", "SELECT", ("renkei_lookup",)),
    ("idempotency_keys", "lookup", "SELECT", ("renkei_lookup",)),
    ("identities", "lookup", "SELECT", ("renkei_lookup",)),
    ("jobs", "lookup", "SELECT", ("renkei_lookup",)),
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
    "renkei_jobs_due(text[], integer)",
    "renkei_jobs_over(text, integer, integer)",
    "renkei_job_files(text[])",
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
