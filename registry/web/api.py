"""What every endpoint is built on: access by role and scope, strict bodies, problems.

    class AlertsApi(ProjectApi):
        access = {"GET": allow("viewer", "read"), "POST": allow("owner", "manage")}

        class Input(StrictSerializer):
            name = serializers.CharField(max_length=80)

        class Output(serializers.Serializer):
            id = serializers.IntegerField()
            name = serializers.CharField()

        @operation("List the alerts.", output=Output, paged=True,
                   query={"state": serializers.CharField(required=False)})
        def get(self, request: Request, project: str) -> Response:
            asked = self.query()  # {"state": …, "limit": 50}; `page` reads limit itself
            return self.page(self.project.alerts.filter(…), order="-id")

        @operation("Add an alert.", input=Input, output=Output, status=201)
        @idempotent
        def post(self, request: Request, project: str) -> Response:
            alert = alerts.add(project=self.project, by=self.actor, **self.body())
            return self.answer(alert)

`self.project` and `self.actor` are set before the method runs. Raise the errors of
`registry.errors`; nothing else needs catching.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.exceptions import MethodNotAllowed, NotAcceptable, NotAuthenticated
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField, Field
from rest_framework.views import APIView

from registry.actors import Actor
from registry.errors import FieldError, InvalidInput, NotFound, TooLarge
from registry.models import ApiKey, Project, User
from registry.web import access as access_rules
from registry.web import keyset, problems
from registry.web.access import Access, allow
from registry.web.authentication import KeyAuthentication, SessionAuthentication
from registry.web.idempotency import Slot, idempotent
from registry.web.operations import Operation, operation
from registry.web.renderers import JsonRenderer
from registry.web.schema import Schema
from registry.web.serializers import Moment, StrictQuery, StrictSerializer
from registry.web.strict_json import MAX_BODY, AnyTypeJSONParser, StrictJSONParser

__all__ = [
    "HouseApi",
    "InferenceApi",
    "Moment",
    "ProjectApi",
    "Request",
    "Response",
    "StrictSerializer",
    "allow",
    "idempotent",
    "operation",
]


class Negotiation(BaseContentNegotiation):
    """One renderer; Accept is checked against what the view says it produces."""

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:  # type: ignore[override]
        given = (request.content_type or "").partition(";")[0].strip().lower()
        for parser in parsers:
            if parser.media_type in {given, "*/*"}:
                return parser
        return None

    def select_renderer(
        self,
        request: Request,
        renderers: Sequence[Any],  # type: ignore[override]
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        renderer = renderers[0]
        view = request.parser_context["view"]
        produces = (*view.produces, problems.MEDIA_TYPE)
        if not any(request._request.accepts(kind) for kind in produces):
            raise NotAcceptable(f"This address answers {' or '.join(view.produces)}.")
        return renderer, renderer.media_type


class Api(APIView):
    """One address. Only methods with a line in `access` exist."""

    access: Access = {}
    body_limit = MAX_BODY
    upload_limit = 0  # see registry.web.uploads
    produces: tuple[str, ...] = ("application/json",)

    authentication_classes = [KeyAuthentication, SessionAuthentication]
    permission_classes = []  # `access` decides, in check_permissions
    throttle_classes = []
    parser_classes = [StrictJSONParser]
    renderer_classes = [JsonRenderer]
    content_negotiation_class = Negotiation
    schema = Schema()

    actor: Actor
    slot: Slot
    project: Project | None

    def get_exception_handler(self) -> Any:
        return problems.handler

    @property
    def allowed_methods(self) -> list[str]:
        found = [m for m in self.access if hasattr(self, m.lower())]
        return [*found, "HEAD"] if "GET" in found else found

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.project = None
        _check_length(request, max(self.body_limit, self.upload_limit))
        super().initial(request, *args, **kwargs)
        self._asked = self._read_query()

    def check_permissions(self, request: Request) -> None:
        method = "GET" if request.method == "HEAD" else str(request.method)
        rule = self.access.get(method) if hasattr(self, method.lower()) else None
        signed_in = isinstance(request.user, User)
        public = any(each.public for each in self.access.values())
        if not signed_in and not (rule.public if rule else public):
            raise NotAuthenticated("Send a key as X-Api-Key, or sign in.")
        self.enter(request)
        if rule is None:
            raise MethodNotAllowed(method)
        if not rule.public:
            what = f"{method} {request.path}"
            access_rules.check(rule, actor=self.actor, project=self.project, what=what)

    def enter(self, request: Request) -> None:
        """Find out who asks, and in which project."""
        self.actor = self._house_actor(request)

    def _house_actor(self, request: Request) -> Actor:
        user, address = request.user, access_rules.client_address(request._request)
        if isinstance(user, AnonymousUser) or user is None:
            return Actor(address=address)
        key = request.auth if isinstance(request.auth, ApiKey) else None
        return Actor(user=user, key=key, address=address)

    # What methods use

    @property
    def operation(self) -> Operation:
        method = str(self.request.method)
        return getattr(self, "get" if method == "HEAD" else method.lower()).operation

    def body(self) -> dict[str, Any]:
        """The checked body, by `operation(input=…)`; 400 names every wrong field."""
        data = self.request.data
        if not isinstance(data, dict):
            raise InvalidInput("Send a JSON object.")
        wanted = self.operation.input
        if wanted is None:
            raise TypeError(f"{type(self).__name__}: operation(…) names no input.")
        checked = wanted(data=data, context=self._context)
        checked.is_valid(raise_exception=True)
        return checked.validated_data

    def query(self) -> dict[str, Any]:
        """The checked query, by `operation(query={…})`; unknown parameters are 400."""
        return self._asked

    def _read_query(self) -> dict[str, Any]:
        given = self.request.query_params
        for name in given:
            if len(given.getlist(name)) > 1:
                told = "It is given twice."
                raise InvalidInput(f"{name}: {told}", errors=[FieldError(name, told)])
        fields = self.query_fields(self.operation)
        # A text that is blank was left empty in a form: as if it were not there.
        said = {
            name: value
            for name, value in given.dict().items()
            if value.strip() or not isinstance(fields.get(name), CharField)
        }
        form = type("Query", (StrictQuery,), fields)
        checked = form(data=said, context=self._context)
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)

    @staticmethod
    def query_fields(about: Operation) -> dict[str, Field]:
        """Copies, as a field belongs to one form."""
        found = {
            **deepcopy(dict(about.query)),
            **(keyset.parameters() if about.paged else {}),
        }
        for field in found.values():
            if isinstance(field, CharField):
                field.allow_blank = True
        return found

    def answer(self, data: Any = None, *, status: int | None = None) -> Response:
        """`data` through the operation's output, with its status."""
        if data is not None:
            data = self._shown(data)
        return Response(data, status=status or self.operation.status)

    def answer_later(self, data: Any) -> Response:
        """`data` through the operation's `later`: taken in, and done by a job."""
        assert self.operation.later is not None
        shown = self.operation.later(data, context=self._context).data
        return Response(shown, status=202)

    def page(self, queryset: Any, *, order: keyset.Order = "-id") -> Response:
        """One page of a list by keyset, each row through the operation's output."""
        found = keyset.page(queryset, self.request, order=order)
        rows = [self._shown(row) for row in found["results"]]
        return Response({"results": rows, "next": found["next"]})

    def remember(self, status: int, answer: Any) -> None:
        """With `@idempotent(own_commit=True)`: call it where the row is written."""
        self.slot.store(project=self.project, status=status, answer=answer)

    def _shown(self, data: Any) -> Any:
        output = self.operation.output
        if output is None or isinstance(output, Field):
            return data
        many = self.operation.many
        return output(data, many=many, context=self._context).data

    @property
    def _context(self) -> dict[str, Any]:
        return {"view": self, "request": self.request, "project": self.project}


class HouseApi(Api):
    """An address outside of projects: "anyone", "user", "creator", "staff"."""


class ProjectApi(Api):
    """An address of one project, named by the path's `project`."""

    project: Project

    def enter(self, request: Request) -> None:
        slug = str(self.kwargs["project"])
        if not isinstance(
            request.user, User
        ):  # a public method: the project must exist
            self.actor = self._house_actor(request)
            found = Project.objects.filter(slug=slug).first()
            if found is None:
                raise NotFound("There is no such project.")
            self.project = found
            return
        self.project, self.actor = access_rules.enter(
            slug=slug,
            user=request.user,
            key=request.auth if isinstance(request.auth, ApiKey) else None,
            address=access_rules.client_address(request._request),
        )


class InferenceApi(ProjectApi):
    """The V2 protocol: JSON whatever the Content-Type, errors as `{"error": "…"}`."""

    parser_classes = [AnyTypeJSONParser]


def _check_length(request: Request, limit: int) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > limit:
        raise TooLarge(f"The body is larger than {limit // 2**20} MB.")
