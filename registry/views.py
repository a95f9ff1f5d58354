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
    form = forms.SignIn(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            user, status = _try(request, form)
            if user is not None:
                login(request, user)
                return redirect(onwards)
    context = {"form": form, "next": onwards}
    response = render(request, "registry/sign_in.html", context, status=status)
    if status == 429:
        response.headers["Retry-After"] = str(form.retry_after)
    return response


def _try(request: Any, form: forms.SignIn) -> tuple[User | None, int]:
    name, address = form.cleaned_data["username"], request.actor.address or ""
    try:
        limits.count(limits.SIGN_IN_PLACE, address)
        limits.count(limits.SIGN_IN, f"{name.casefold()} {address}")
    except TooMany as error:
        form.add_error(None, error.detail)
        form.retry_after = error.retry_after
        return None, 429
    user = authenticate(request, username=name, password=form.cleaned_data["password"])
    if not isinstance(user, User) or user.is_service:
        _note_failure(request, name)
        form.add_error(None, WRONG)
        return None, 400
    limits.forgive(limits.SIGN_IN, f"{name.casefold()} {address}")
    limits.give_back(limits.SIGN_IN_PLACE, address)
    return user, 200


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
    status = 400 if form.errors else 200
    return render(request, "registry/password.html", {"form": form}, status=status)


def _change(request: Any, form: forms.ChangePassword) -> bool:
    user, data = request.user, form.cleaned_data
    limits.count(limits.SIGN_IN, f"password of {user.pk}")
    if user.has_usable_password() and not user.check_password(data["current"]):
        form.add_error("current", "This is not your current password.")
        return False
    try:
        people.change_password(
            user=user, password=data["password"], actor=request.actor
        )
    except InvalidInput as error:
        forms.add_errors(form, error)
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
            forms.add_errors(form, error)  # type: ignore[arg-type]
        else:
            login(request, user, backend=BACKEND)
            return redirect("/")
    return render(
        request,
        "registry/invitation.html",
        {"form": form, "person": found.user, "expires_at": found.expires_at},
        status=400 if form and form.errors else 200,
    )


def _dead(request: HttpRequest, error: people.LinkIsDead) -> HttpResponse:
    """What a link says that works no more, and where to get one that does."""
    context = {"title": error.title, "detail": error.detail}
    return render(request, "registry/link_dead.html", context, status=error.status)


@house_page("user")
def docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI over /api/schema, its assets served from here."""
    return render(request, "registry/docs.html", {"of": request.GET.get("project", "")})
