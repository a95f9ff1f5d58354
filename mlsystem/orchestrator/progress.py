"""Component 6, Orchestrator: a run as lines on a terminal or in a CI log."""

from typing import Any

from registry.models import Job, Run, Step


class Lines:
    """Says each thing once: a line a step, and what its jobs log meanwhile."""

    def __init__(self, write: Any) -> None:
        self.write = write
        self.said: set[str] = set()

    def __call__(self, run: Run, steps: list[Step]) -> None:
        for step in steps:
            mark = f"[{step.position + 1}/{len(steps)}] {step.name}"
            if step.state in {Step.State.WAITING, Step.State.SKIPPED}:
                continue
            self._once(f"{mark} …")
            if f"{mark} done" not in self.said:
                self._logged(step)
            if step.state == Step.State.SUCCEEDED and f"{mark} done" not in self.said:
                self.said.add(f"{mark} done")
                self.write(f"{mark} done{_took(step)}")

    def _logged(self, step: Step) -> None:
        ids = [*step.inputs.get("slots", []), step.inputs.get("finish"), step.job_id]
        for job in Job.objects.filter(pk__in=[pk for pk in ids if pk]):
            for line in job.log.splitlines():
                self._once(f"      {line}")

    def _once(self, line: str) -> None:
        if line not in self.said:
            self.said.add(line)
            self.write(line)


def _took(step: Step) -> str:
    if not step.started_at or not step.finished_at:
        return ""
    return f" in {(step.finished_at - step.started_at).total_seconds():.1f} s"


def verdict_lines(run: Run) -> list[str]:
    """The verdict with its reasons, a line each."""
    if run.state != Run.State.SUCCEEDED:
        return [f"Run {run.number} {run.state}: {run.error or 'see its log.'}"]
    lines = [f"Run {run.number}: {run.verdict or 'no verdict'}."]
    lines += [f"  {'ok' if r['passed'] else 'NO'}  {r['text']}" for r in run.reasons]
    told = run.report.get("next")
    return [*lines, str(told)] if told else lines
