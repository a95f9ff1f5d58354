"""The ground floor's tables and their database rules, one module a subject."""

from registry.models.access import ApiKey, AuditEntry, Invitation, Membership, User
from registry.models.data import Dataset, Event, LookupRow, Source, Split
from registry.models.drafts import Draft
from registry.models.projects import Project
from registry.models.training import ModelVersion, Run, Schedule, Step, Trial
from registry.models.work import IdempotencyRecord, Job, Webhook

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Dataset",
    "Draft",
    "Event",
    "IdempotencyRecord",
    "Invitation",
    "Job",
    "LookupRow",
    "Membership",
    "ModelVersion",
    "Project",
    "Run",
    "Schedule",
    "Source",
    "Split",
    "Step",
    "Trial",
    "User",
    "Webhook",
]
