"""The doors: signing in and out, one-time links, passwords, the API's manual."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from registry import audit, forms, people
from registry.actors import Actor
from registry.errors import InvalidInput, TooMany
from registry.models import User
from registry.web import limits
from registry.web.pages import house_page, safe_next

BACKEND = "django.contrib.auth.backends.ModelBackend"
WRONG = "No such name and password. Check both; capital letters matter."


@house_page("anyone", POST="anyone")
def sign_in(request: Any) -> HttpResponse:
    """Name and password. One answer for every failure, so that nobody learns who has
    an account here."""
    onwards = safe_next(request)
    if request.user.is_authenticated and request.method == "GET":
        return redirect(onwards)
    form = forms.SignIn(request.POST if request.method == "POST" else None)
    if form.is_valid() and (user := _try(request, form)):
        login(request, user)
        return redirect(onwards)
    context = {"form": form, "next": onwards}
    return _shown(request, "registry/sign_in.html", form, context)


def _shown(
    request: Any, template: str, form: forms.PageForm, context: dict[str, Any]
) -> HttpResponse:
    response = render(request, template, context, status=form.status)
    if form.retry_after:
        response.headers["Retry-After"] = str(form.retry_after)
    return response


def _try(request: Any, form: forms.SignIn) -> User | None:
    name, address = form.cleaned_data["username"], request.actor.address or ""
    try:
        limits.count(limits.SIGN_IN_PLACE, address)
        limits.count(limits.SIGN_IN, f"{name.casefold()} {address}")
    except TooMany as error:
        form.refuse(error)
        return None
    user = authenticate(request, username=name, password=form.cleaned_data["password"])
    if not isinstance(user, User) or user.is_service:
        _note_failure(request, name)
        form.add_error(None, WRONG)
        return None
    limits.forgive(limits.SIGN_IN, f"{name.casefold()} {address}")
    limits.give_back(limits.SIGN_IN_PLACE, address)
    return user


def _note_failure(request: Any, name: str) -> None:
    """Only names that exist are written down: people type passwords into that field."""
    known = User.objects.filter(username=name).first()
    audit.record(
        project=None,
        actor=Actor(
            user=known, address=request.actor.address, label="somebody unknown"
        ),
        action="sign-in",
        allowed=False,
    )


@house_page(POST="anyone")
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign-in")


@house_page("user", POST="user")
def password(request: Any) -> HttpResponse:
    """A new password; every other session of this person ends."""
    form = forms.ChangePassword(request.POST or None)
    if request.method == "POST" and form.is_valid() and _change(request, form):
        update_session_auth_hash(request, request.user)
        messages.success(
            request, "Your password is changed. Everywhere else you are signed out."
        )
        return redirect("password")
    return _shown(request, "registry/password.html", form, {"form": form})


def _change(request: Any, form: forms.ChangePassword) -> bool:
    user, data = request.user, form.cleaned_data
    try:
        limits.count(limits.SIGN_IN, f"password of {user.pk}")
        if user.has_usable_password() and not user.check_password(data["current"]):
            form.add_error("current", "This is not your current password.")
            return False
        people.change_password(
            user=user, password=data["password"], actor=request.actor
        )
    except (InvalidInput, TooMany) as error:
        form.refuse(error)
        return False
    limits.forgive(limits.SIGN_IN, f"password of {user.pk}")
    return True


@house_page("anyone", POST="anyone")
def invitation(request: Any, token: str) -> HttpResponse:
    """A one-time link. Looking at it uses nothing up: mail programs look at links."""
    address = request.actor.address or ""
    try:
        found = people.find_link(token)
    except people.LinkIsDead as error:
        limits.count(limits.INVITATION, address)
        return _dead(request, error)
    form = forms.NewPassword(request.POST or None) if found.sets_password else None
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            user = people.use_link(
                token=token,
                password=form.cleaned_data["password"] if form else "",
                actor=Actor(user=found.user, address=address or None),
            )
        except people.LinkIsDead as error:  # used in another tab just now
            return _dead(request, error)
        except InvalidInput as error:
            form.refuse(error)  # type: ignore[union-attr]
        else:
            login(request, user, backend=BACKEND)
            return redirect("/")
    return render(
        request,
        "registry/invitation.html",
        {"form": form, "person": found.user, "expires_at": found.expires_at},
        status=form.status if form else 200,
    )


def _dead(request: HttpRequest, error: people.LinkIsDead) -> HttpResponse:
    """What a link says that works no more, and where to get one that does."""
    context = {"title": error.title, "detail": error.detail}
    return render(request, "registry/link_dead.html", context, status=error.status)


@house_page("user")
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI over /api/schema, its assets served from here."""
    return render(request, "registry/docs.html", {"of": request.GET.get("project", "")})
