"""The whole loop over REST: a table comes in, a model earns its traffic, truth comes
back, the monitor tells, and everything can be taken back."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from mlsystem import baselines, tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator.foreground import work_through
from monitoring.monitor.folding import bring_up_to_date
from registry.models import Project, Run
from serving.models import Rollout
from tests.factories import COSTS, FIELDS, make_frame, make_key, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.usefixtures("few_trials"),
]
JSON = "application/json"


class Api:
    """One key's view of a project."""

    def __init__(self, project: Project, *scopes: str) -> None:
        self.base = f"/api/v1/projects/{project.slug}/"
        self.client = Client(headers={"X-Api-Key": make_key(project, *scopes)})

    def get(self, path: str) -> Any:
        return self._read(self.client.get(self.base + path), 200)

    def post(
        self, path: str, body: Any = None, *, status: int = 200, **more: Any
    ) -> Any:
        sent = self.client.post(
            self.base + path, body or {}, content_type=JSON, headers=more
        )
        return self._read(sent, status)

    def patch(self, path: str, body: Any, *, status: int = 200, **more: Any) -> Any:
        sent = self.client.patch(
            self.base + path, body, content_type=JSON, headers=more
        )
        return self._read(sent, status)

    def _read(self, answer: Any, status: int) -> Any:
        assert answer.status_code == status, answer.content
        self.etag = answer.headers.get("ETag", "")
        return answer.json()

    def rollout(self, verb: str, body: Any = None) -> Any:
        self.get("rollout")
        path = f"rollout/{verb}" if verb else "rollout"
        status = 200 if verb else None
        headers = {"If-Match": self.etag}
        sent = self.client.post(
            self.base + path, body or {}, content_type=JSON, headers=headers
        )
        assert sent.status_code in ({status} if status else {200, 201}), sent.content
        return sent.json()


@pytest.fixture
def churn() -> Project:
    ada = make_user("Ada")
    ada.may_create_projects = True
    ada.save()
    client = Client()
    client.force_login(ada)
    body = {
        "slug": "churn",
        "task": "binary",
        "target": "churn",
        "fields": FIELDS,
        "classes": ["No", "Yes"],
        "positive_class": "Yes",
        "entity": ["customer"],
        "costs": COSTS,
    }
    answer = client.post("/api/v1/projects", body, content_type=JSON)
    assert answer.status_code == 201, answer.content
    return Project.objects.get(slug="churn")


def uploaded(churn: Project) -> None:
    api = Api(churn, "manage")
    table = make_frame(600).to_csv(index=False).encode()
    file = SimpleUploadedFile("customers.csv", table, "text/csv")
    answer = api.client.post(api.base + "datasets", {"file": file})
    assert answer.status_code == 201, answer.content
    baselines.open_if_missing(project=churn)  # the tick's job


def test_the_whole_loop(churn: Project) -> None:
    manage, read = Api(churn, "manage", "read"), Api(churn, "read")
    predict, truth = Api(churn, "predict"), Api(churn, "truth")
    predict.post(
        "predict", {"input": make_frame(1).iloc[0][["tenure"]].to_dict()}, status=409
    )
    uploaded(churn)
    row = {"tenure": 3, "monthly_charges": 80.5, "contract": "One year"}
    first = predict.post("predict", {"input": row, "explain": True})
    assert (first["model"], first["variant"]) == ("churn/1", "live")

    started = manage.post("runs", {"budget": 300}, status=202)
    manage.post("runs", {"budget": 300}, status=409)
    work_through(Run.objects.get(number=started["id"]), tell=lambda *_: None)
    run = read.get(f"runs/{started['id']}")
    assert run["status"] == "succeeded", run["error"]
    assert run["verdict"] == "accepted", run["reasons"]
    candidate = run["model"]

    admin = manage
    admin.rollout("", {"candidate": candidate, "mode": "canary", "percent": 30})
    # By chance one run in a thousand would part forty users so that shares look broken.
    Rollout.objects.update(salt="t")
    admin.get("rollout")
    fresh = admin.etag
    admin.patch("rollout", {"percent": 40}, status=428)
    admin.patch("rollout", {"percent": 50}, status=200, **{"If-Match": fresh})
    admin.patch("rollout", {"percent": 60}, status=412, **{"If-Match": fresh})

    answers = [
        predict.post(
            "predict", {"input": row, "user": f"u{i}", "reference": f"order {i}"}
        )
        for i in range(40)
    ]
    assert {a["variant"] for a in answers} == {"live", "canary"}
    again = predict.post("predict", {"input": row, "user": "u7"})
    assert again["variant"] == answers[7]["variant"]  # sticky
    batch = predict.post("predict/batch", {"requests": [{"input": row}, {"input": 3}]})
    assert batch["responses"][0]["prediction"] in {"Yes", "No"}
    assert "input" in str(batch["responses"][1]), batch
    assert "prediction" not in batch["responses"][1]

    early = {"reference": "order 99", "value": "Yes"}
    told = truth.post("truth", early, status=202)
    assert told["waiting"] == 1
    late = predict.post("predict", {"input": row, "reference": "order 99"})
    items = [{"prediction": a["id"], "value": "Yes"} for a in answers]
    assert truth.post("truth", items, status=202)["accepted"] == 40
    assert truth.post("truth", items, status=202)["duplicates"] == 40
    corrected = {"prediction": answers[0]["id"], "value": "No"}
    truth.post("truth", corrected, status=202)
    truth.post("truth", {"prediction": answers[1]["id"], "value": "Maybe"}, status=400)
    stored = manage.get(f"predictions/{answers[0]['id']}")
    assert stored["truth"]["value"] == "No"

    word = {"feedback_token": late["feedback_token"], "correct": False}
    anyone = Client().post(f"{read.base}feedback", word, content_type=JSON)
    assert anyone.status_code in {200, 201, 202}, anyone.content
    label = Api(churn, "label")
    card = label.post("queue/next", {"count": 1})["examples"][0]
    assert card["reason"] == "reported wrong"
    said = {"lease": card["lease"], "value": "Yes", "client_key": "k1"}
    label.post(f"examples/{card['id']}/annotations", said, status=201)
    assert manage.get(f"predictions/{late['id']}")["truth"]["source"] == "expert"

    bring_up_to_date(churn)
    metrics = read.get("metrics?metric=accuracy&bucket=hour")
    assert {s["model"] for s in metrics["series"]} == {"churn/1", f"churn/{candidate}"}
    assert sum(s["total"]["n"] for s in metrics["series"]) >= 40
    assert read.get("comparison")["verdict"] == "wait"
    assert read.get("drift")["features"]
    assert read.get("alerts")["results"] == []

    assert admin.rollout("promote")["live"] == candidate
    assert predict.post("predict", {"input": row})["model"] == f"churn/{candidate}"
    assert admin.rollout("rollback")["live"] == 1
    admin.rollout("baseline")
    assert predict.post("predict", {"input": row})["model"] == "churn/1"
    admin.rollout("resume")
    actions = [event["action"] for event in read.get("rollout/events")["results"]]
    assert actions[:4] == ["resume", "baseline", "rollback", "promote"]
