"""A prediction of an image and some words: as base64, as a file in a form, over V2 and
from the try-it page; garbage is a 400 that names its field, and never a fall-back."""

import base64
import json
from functools import cache
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from registry.estimators.kernel import Kernel
from registry.models import Project
from serving.models import Prediction
from serving.rollout import open_with_baseline
from tests.calls import Rest
from tests.factories import make_key, make_project, make_user, make_version
from tests.small_images import BROKEN, IMAGE, bars

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]

FIELDS = [IMAGE, {"name": "place", "kind": "categorical", "categories": ["roof"]}]
TEXTS, NAMES = bars(160)
ROWS = [{"photo": text, "place": "roof"} for text in TEXTS]


@cache
def fitted() -> Kernel:
    model = Kernel(task="binary", fields=FIELDS, classes=["lying", "standing"])
    return model.fit(ROWS, NAMES)


@pytest.fixture
def project() -> Project:
    made = make_project(
        "bars",
        target="bar",
        classes=["lying", "standing"],
        positive_class="standing",
        fields=FIELDS,
        entity=[],
        horizon=None,
        silence="unknown",
        primary_metric="roc_auc",
        costs={},
        decision={},
    )
    version = make_version(made, model=fitted(), sample_rows=ROWS[:20], features={})
    open_with_baseline(project=made, version=version)
    return made


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


def send(rest: Rest, **parts: Any) -> Any:
    """A form, as curl -F sends it."""
    return rest.client.post(
        "/api/v1/projects/bars/predict", parts, headers=rest.headers
    )


def file_of(text: str, name: str = "photo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, base64.b64decode(text), "image/png")


def test_an_image_is_base64_in_its_field(rest: Rest) -> None:
    answer = rest.post("predict", {"input": {"photo": TEXTS[0]}}).json()
    assert answer["prediction"] == NAMES[0]
    assert answer["variant"] == "live"
    row = Prediction.objects.get()
    assert row.input["photo"] == TEXTS[0]


def test_an_image_is_a_file_in_a_form_with_the_rest_beside_it(rest: Rest) -> None:
    plain = rest.post("predict", {"input": {"photo": TEXTS[1], "place": "roof"}}).json()
    sent = send(rest, photo=file_of(TEXTS[1]), place="roof", explain="true", user="u1")
    answer = sent.json()
    assert sent.status_code == 200, answer
    assert answer["score"] == plain["score"]
    assert answer["explanation"]["approximate"] is True
    request = json.dumps({"input": {"place": "roof"}, "reference": "order-7"})
    again = send(rest, file=file_of(TEXTS[1]), request=request).json()
    assert again["score"] == plain["score"]
    assert Prediction.objects.filter(reference="order-7").exists()


def test_a_form_is_answered_once_under_its_key(rest: Rest) -> None:
    rest.headers["Idempotency-Key"] = "k1"
    first = send(rest, photo=file_of(TEXTS[0])).json()
    assert send(rest, photo=file_of(TEXTS[0])).json() == first
    assert send(rest, photo=file_of(TEXTS[1])).status_code == 422


@pytest.mark.parametrize("name", BROKEN)
def test_garbage_is_refused_by_its_field_over_every_door(
    name: str, rest: Rest, project: Project
) -> None:
    text, told = BROKEN[name]
    answer = rest.post("predict", {"input": {"photo": text}})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["field"] == "input.photo"
    assert told in error["message"]
    batch = rest.post("predict/batch", {"requests": [
        {"input": {"photo": text}}, {"input": {"photo": TEXTS[0]}}]}).json()  # fmt: skip
    assert batch["responses"][0]["error"]["status"] == 400
    assert batch["responses"][1]["prediction"] == NAMES[0]
    tensor = {"name": "photo", "shape": [1, 1], "datatype": "BYTES", "data": [text]}
    v2 = rest.client.post(
        "/v2/models/bars/infer",
        json.dumps({"inputs": [tensor]}),
        content_type="application/json",
        headers=rest.headers,
    )
    assert v2.status_code == 400
    assert "photo" in v2.json()["error"]
    assert Prediction.objects.count() == 1


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"photo": SimpleUploadedFile("a.png", b"no image at all")}, "no PNG, JPEG or"),
        ({"photo": SimpleUploadedFile("a.png", b"")}, "no PNG, JPEG or"),
        ({"photo": SimpleUploadedFile("a.png", b"\x89PNG" + b"0" * 7_000_000)}, "larger"),
        ({"place": SimpleUploadedFile("a.png", b"x")}, "name it photo"),
        ({"explain": SimpleUploadedFile("a.png", b"x")}, "as text"),
        ({"place": ["roof", "cellar"]}, "there twice"),
        ({"request": "[1]"}, "one JSON object"),
        ({"request": "{"}, "line 1"),
        ({"request": '{"input": "x"}', "place": "roof"}, "must be an object"),
        ({"colour": "red", "explain": "perhaps"}, "true or false"),
        ({}, "Give an input"),
    ],
)  # fmt: skip
def test_a_wrong_form_says_what_is_wrong_with_it(
    rest: Rest, parts: dict[str, Any], told: str
) -> None:
    for part in parts.values():
        if isinstance(part, SimpleUploadedFile):
            part.seek(0)
    answer = send(rest, **parts)
    assert answer.status_code == 400, answer.content
    assert told in answer.json()["detail"]


def test_an_explanation_names_regions_and_never_repeats_the_image(rest: Rest) -> None:
    body = {"input": {"photo": TEXTS[0], "place": "roof"}, "explain": True}
    told = rest.post("predict", body).json()["explanation"]
    added = sum(part["contribution"] for part in told["contributions"])
    assert told["base"] + added == pytest.approx(told["total"])
    values = {part["value"] for part in told["contributions"]}
    assert "row 1 of 4, column 1 of 4" in values
    assert TEXTS[0] not in json.dumps(told)


def test_v2_takes_images_as_bytes(rest: Rest) -> None:
    tensor = {"name": "photo", "shape": [2, 1], "datatype": "BYTES", "data": TEXTS[:2]}
    answer = rest.client.post(
        "/v2/models/bars/infer",
        json.dumps({"inputs": [tensor]}),
        content_type="application/json",
        headers=rest.headers,
    ).json()
    said = next(o for o in answer["outputs"] if o["name"] == "prediction")
    assert said["data"] == NAMES[:2]
    about = rest.client.get("/v2/models/bars", headers=rest.headers).json()
    assert about["inputs"][0] == {
        "name": "photo",
        "datatype": "BYTES",
        "shape": [-1, 1],
    }


def test_the_try_it_page_takes_a_file_and_shows_it(project: Project) -> None:
    client = Client()
    client.force_login(make_user("Vera", project=project, role="viewer"))
    page = client.get("/p/bars/try").content.decode()
    assert 'type="file"' in page
    assert 'enctype="multipart/form-data"' in page
    sent = {"field:photo": file_of(TEXTS[0]), "field:place": "roof"}
    answer = client.post("/p/bars/try", sent).content.decode()
    assert NAMES[0] in answer
    assert f"data:image/png;base64,{TEXTS[0]}" in answer
    again = client.post("/p/bars/try", {"sent:photo": TEXTS[0]}).content.decode()
    assert NAMES[0] in again  # the same image with other values
    broken = {"field:photo": SimpleUploadedFile("a.png", b"GIF89a")}
    assert "no PNG, JPEG or WebP" in client.post("/p/bars/try", broken).content.decode()
