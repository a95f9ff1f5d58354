"""All addresses: every floor lists its own; the address does not tell the floor."""

from django.urls import include, path

from labelling import urls as labelling
from mlsystem import routes
from monitoring import urls as monitoring
from registry import urls as registry
from serving import urls as serving

FLOORS = (routes, monitoring, labelling, serving, registry)

urlpatterns = [
    *(path("api/v1/", include(floor.api)) for floor in FLOORS),
    *(path("", include(floor.pages)) for floor in FLOORS),
]
