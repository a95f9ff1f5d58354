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

# Problem documents for programs, pages for people.
handler400 = "registry.web.problems.bad_request"
handler403 = "registry.web.problems.permission_denied"
handler404 = "registry.web.problems.not_found"
handler500 = "registry.web.problems.server_error"
