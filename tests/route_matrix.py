"""Who may use which address: one line a route, by its name in the URLconf.

`{"GET": "viewer read"}`: viewers, and keys with the scope read whose user is one. Whoever
includes viewer (owner, admin) may too. Several roles: "viewer labeller read". "member"
is any role in the project; "anyone" needs no sign-in, "user" is whoever is signed in,
"creator" may create projects, "staff" is staff. Without a scope no key may.
"viewer predict people:owner": such keys, but of people without a key owners only.

An address without a line here fails the suite; so does a line that says something else
than the view. Written by hand on purpose: it is the second opinion.
"""

ROUTES: dict[str, dict[str, str]] = {
    # Doors
    "sign-in": {"GET": "anyone", "POST": "anyone"},
    "sign-out": {"POST": "anyone"},
    "password": {"GET": "user", "POST": "user"},
    "invitation": {"GET": "anyone", "POST": "anyone"},
    # The house
    "healthz": {"GET": "anyone"},
    "readyz": {"GET": "anyone"},
    "metrics": {"GET": "user read"},
    "openapi": {"GET": "user read"},
    "api-docs": {"GET": "user"},
    "palette": {"GET": "user"},
    "styleguide": {"GET": "user"},
    "projects": {"GET": "user"},
    "api-projects": {"GET": "user read", "POST": "creator"},
    # A table of one's own
    "new": {"GET": "creator", "POST": "creator"},
    "new-source": {"GET": "creator", "POST": "creator"},
    "draft": {"GET": "creator", "POST": "creator"},
    "draft-step": {"GET": "creator", "POST": "creator"},
    # A project and its people
    "api-project": {"GET": "member read", "PATCH": "owner manage"},
    "api-input-schema": {"GET": "member read"},
    "api-members": {"GET": "owner manage", "POST": "admin manage"},
    "api-member": {"PATCH": "admin manage", "DELETE": "admin manage"},
    "api-keys": {"GET": "admin manage", "POST": "admin manage"},
    "api-key": {"GET": "admin manage", "DELETE": "admin manage"},
    "api-audit": {"GET": "owner manage"},
    # Data
    "api-datasets": {"GET": "viewer read", "POST": "owner manage"},
    "api-dataset": {"GET": "viewer read"},
    "api-dataset-rows": {"GET": "owner manage"},
    "api-dataset-download": {"GET": "owner manage"},
    "api-sources": {"GET": "viewer read"},
    "api-import": {"GET": "owner manage"},
    "api-import-cancel": {"POST": "owner manage"},
    "api-features": {"POST": "viewer predict"},
    "api-events": {"POST": "owner truth"},
    # A demo project
    "demo-feed": {"POST": "admin"},
    # Training
    "api-runs": {"GET": "viewer read", "POST": "owner manage"},
    "api-run": {"GET": "viewer read"},
    "api-run-cancel": {"POST": "owner manage"},
    "api-run-retry": {"POST": "owner manage"},
    "api-builds": {"GET": "viewer read", "POST": "owner manage"},
    "api-build": {"GET": "viewer read"},
    "api-build-cancel": {"POST": "owner manage"},
    "api-schedule": {"GET": "viewer read", "PUT": "owner manage"},
    "api-autopilot": {"GET": "viewer read", "PUT": "owner manage"},
    "api-models": {"GET": "viewer read"},
    "api-model": {"GET": "viewer read"},
    "api-model-approve": {"POST": "owner manage"},
    "api-model-reject": {"POST": "owner manage"},
    "api-model-archive": {"POST": "owner manage"},
    "api-evaluate": {"POST": "owner manage"},
    # Serving
    "api-predict": {"POST": "viewer predict"},
    "api-predict-batch": {"POST": "viewer predict"},
    "api-model-predict": {"POST": "viewer predict"},
    "api-model-artifact": {"GET": "viewer read"},
    "api-rollout": {
        "GET": "viewer read",
        "POST": "admin manage",
        "PATCH": "admin manage",
    },
    "api-pause": {"POST": "admin manage"},
    "api-resume": {"POST": "owner manage"},
    "api-promote": {"POST": "admin manage"},
    "api-rollback": {"POST": "owner manage"},
    "api-baseline": {"POST": "owner manage"},
    "api-rollout-events": {"GET": "viewer read"},
    "api-scorings": {"POST": "viewer predict people:owner"},
    "api-scoring": {"GET": "viewer predict people:owner"},
    "api-scoring-file": {"GET": "viewer predict people:owner"},
    "api-scoring-cancel": {"POST": "viewer predict people:owner"},
    "v2": {"GET": "user predict"},
    "v2-live": {"GET": "anyone"},
    "v2-ready": {"GET": "anyone"},
    "v2-model": {"GET": "viewer predict"},
    "v2-model-ready": {"GET": "viewer predict"},
    "v2-infer": {"POST": "viewer predict"},
    "v2-version": {"GET": "viewer predict"},
    "v2-version-ready": {"GET": "viewer predict"},
    "v2-version-infer": {"POST": "viewer predict"},
    # Truth and labels
    "api-predictions": {"GET": "owner manage", "POST": "owner truth"},
    "api-prediction": {"GET": "owner manage"},
    "api-truth": {"GET": "owner truth", "POST": "owner truth"},
    "api-feedback": {"POST": "anyone", "OPTIONS": "anyone"},
    "api-outcomes": {"POST": "owner truth"},
    "api-examples": {"GET": "reviewer label", "POST": "reviewer label"},
    "api-annotations": {"POST": "labeller label"},
    "api-skip": {"POST": "labeller label"},
    "api-queue-next": {"POST": "labeller label"},
    "api-queue-renew": {"POST": "labeller label"},
    "api-queue-release": {"POST": "labeller label"},
    "api-queue-undo": {"POST": "labeller label"},
    "api-labels": {"GET": "reviewer label"},
    # Watching
    "api-metrics": {"GET": "viewer read"},
    "api-drift": {"GET": "viewer read"},
    "api-comparison": {"GET": "viewer read"},
    "api-alerts": {"GET": "viewer read"},
    "api-alert-acknowledge": {"POST": "owner manage"},
    "api-alert-mute": {"POST": "owner manage"},
    "api-notes": {"GET": "viewer read", "POST": "owner manage"},
    # Pages of a project
    "project": {"GET": "viewer labeller"},
    "loop": {"GET": "viewer"},
    "goal-chart": {"GET": "viewer"},
    "target": {"POST": "owner"},
    "note": {"POST": "owner"},
    "models": {"GET": "viewer"},
    "model": {"GET": "viewer"},
    "model-worst": {"GET": "owner"},
    "model-chart": {"GET": "viewer"},
    "rollout": {"GET": "viewer"},
    "monitor": {"GET": "viewer", "POST": "owner"},
    "monitor-chart": {"GET": "viewer"},
    "alerts": {"GET": "viewer", "POST": "owner"},
    "data": {"GET": "viewer"},
    "dataset": {"GET": "viewer"},
    "dataset-new": {"GET": "owner", "POST": "owner"},
    "dataset-import": {"GET": "owner", "POST": "owner"},
    "dataset-rows": {"GET": "owner"},
    "schema": {"GET": "viewer", "POST": "owner"},
    "features": {"GET": "viewer"},
    "settings": {"GET": "owner", "POST": "owner"},
    "settings-costs": {"GET": "owner", "POST": "owner"},
    "settings-gate": {"GET": "owner", "POST": "owner"},
    "members": {"GET": "owner", "POST": "admin"},
    "keys": {"GET": "admin", "POST": "admin"},
    "audit": {"GET": "owner"},
    "start": {"GET": "owner", "POST": "owner"},
    "predictions": {"GET": "owner"},
    "prediction": {"GET": "owner"},
    "truth-card": {"GET": "owner"},
    "prediction-label": {"POST": "owner"},
    "try": {"GET": "viewer", "POST": "viewer"},
    "rollout-evidence": {"GET": "viewer"},
    "rollout-who": {"GET": "viewer"},
    "rollout-verb": {"POST": "owner admin"},
    "label": {"GET": "labeller", "POST": "labeller"},
    "examples": {"GET": "labeller"},
    "runs": {"GET": "viewer", "POST": "owner"},
    "run": {"GET": "viewer", "POST": "owner"},
    "decide": {"POST": "owner"},
    "operator": {"GET": "staff", "POST": "staff"},
    "operator-workers": {"GET": "staff"},
}

# What stands in an address beside the project; else 1, "x" or a UUID by its kind.
PARTS: dict[str, dict[str, object]] = {
    "api-member": {"user": "Omar"},
}

# What is sent; else an empty object, which says enough about access.
BODIES: dict[str, object] = {
    "api-predict": {"test": True},  # a viewer only tries it out
}
