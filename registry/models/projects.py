"""A project: one prediction problem, and everything decided about it."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

SLUG_PATTERN = r"^[a-z][a-z0-9-]{0,49}$"


class Project(models.Model):
    """One prediction problem. `schema`, `costs` and `decision` are templates that the
    next model version copies; a version that serves is never changed by an edit here."""

    class Task(models.TextChoices):
        BINARY = "binary"
        MULTICLASS = "multiclass"
        MULTILABEL = "multilabel"
        REGRESSION = "regression"

    class Silence(models.TextChoices):
        NEGATIVE = "negative", "negative: nothing heard after the horizon means no"
        UNKNOWN = "unknown", "unknown: nothing heard means nothing"

    class Autopilot(models.TextChoices):
        MANUAL = "manual"
        PROPOSE = "propose"
        AUTOMATIC = "automatic"

    slug = models.CharField(
        max_length=50,
        unique=True,
        validators=[
            RegexValidator(SLUG_PATTERN, "Use a-z, 0-9 and -, starting with a letter.")
        ],
    )
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    task = models.CharField(max_length=12, choices=Task.choices)
    # [{"name", "kind", "required"?, "categories"?, "unit"?, "minimum"?, "maximum"?}]
    fields = models.JSONField(default=list)
    strict_inputs = models.BooleanField(default=False)
    target = models.CharField(max_length=120)
    unit = models.CharField(max_length=40, blank=True)  # of the target, regression
    classes = models.JSONField(default=list)  # strings, in the order of probabilities
    positive_class = models.CharField(max_length=200, blank=True)
    entity = models.JSONField(default=list)  # columns that name the predicted subject
    time_column = models.CharField(max_length=120, blank=True)
    group_column = models.CharField(max_length=120, blank=True)
    horizon = models.DurationField(null=True, blank=True)
    silence = models.CharField(
        max_length=8, choices=Silence.choices, default=Silence.UNKNOWN
    )
    primary_metric = models.CharField(max_length=60)
    # {"margin": 0, "slices": [], "worst_slice_margin"?, "max_latency_us"?,
    #  "max_artifact_mb"?, "approval": false}
    gate = models.JSONField(default=dict, blank=True)
    # {"currency", "matrix": {action: {class: number | {"field", "times"}}}} or
    # {"currency", "error_value": money per unit of error}; {} = none
    costs = models.JSONField(default=dict, blank=True)
    decision = models.JSONField(default=dict, blank=True)  # registry/decision.py
    # [{"percent", "hours", "min_n"}]; what an accepted model's rollout follows
    plan = models.JSONField(default=list, blank=True)
    # Columns that a labeller sees, in this order; [] = every input (registry/cards.py)
    card = models.JSONField(default=list, blank=True)
    truth_precedence = models.JSONField(default=list, blank=True)
    control_share = models.DecimalField(max_digits=5, decimal_places=2, default=0)
    zone = models.CharField(max_length=60, default="UTC")
    retention = models.DurationField(null=True, blank=True)  # None: for ever
    autopilot = models.CharField(
        max_length=10, choices=Autopilot.choices, default=Autopilot.MANUAL
    )
    # So many new labels of experts start a run, unless the autopilot is manual; 0: none
    retrain_after = models.PositiveIntegerField(default=100)
    # {"weeks", "every"}: its sources are of the past and told again (registry.replays)
    replay = models.JSONField(default=dict, blank=True)
    definition = models.CharField(max_length=200, blank=True)  # module, if from code
    definition_hash = models.CharField(max_length=64, blank=True)
    # What the code said when it was taken over: {"fields": {name: …}, "excluded": [names],
    # "kinds": {look-up: {column: the kind its source has}}}
    definition_said = models.JSONField(default=dict, blank=True)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        "registry.User", null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                condition=Q(control_share__gte=0) & Q(control_share__lte=100),
                name="control_share_is_a_percentage",
            ),
            models.CheckConstraint(
                condition=~Q(task="binary") | ~Q(positive_class=""),
                name="binary_project_names_its_positive_class",
            ),
            models.CheckConstraint(
                condition=Q(silence="unknown") | Q(horizon__isnull=False),
                name="silence_as_negative_needs_a_horizon",
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def is_classification(self) -> bool:
        return self.task != self.Task.REGRESSION

    @property
    def negative_class(self) -> str:
        """The other class of a binary project."""
        return next((c for c in self.classes if c != self.positive_class), "")
