"""What a demo project remembers, in its feed's Schedule row: when its story began, how
far it is told, which beats happened. Whether the feed is on is the row's `enabled`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from registry import demo_feed, schedules
from registry.models import Project, Schedule

EVERY_MINUTE = "* * * * *"


@dataclass
class Memory:
    row: Schedule

    @classmethod
    def find(cls, project: Project) -> Memory | None:
        row = demo_feed.row_of(project)
        return cls(row) if row else None

    @classmethod
    def begin(
        cls, project: Project, *, began: datetime, first: datetime, **about: str
    ) -> Memory:
        """A new memory: nothing is told yet, and the feed waits for the replay. `about`
        is what pages say of the data."""
        return cls(
            schedules.set_schedule(
                project=project,
                task=demo_feed.TASK,
                cron=EVERY_MINUTE,
                zone="UTC",
                lane="long",
                now=began,
                enabled=False,
                args={"began": began.isoformat(), "told": first.isoformat(), **about},
            )
        )

    @property
    def began(self) -> datetime:
        return datetime.fromisoformat(self.row.args["began"])

    @property
    def told(self) -> datetime:
        """Everything up to here was asked, and its truth told as far as known."""
        return datetime.fromisoformat(self.row.args["told"])

    @property
    def read(self) -> datetime | None:
        """When its sources were read last."""
        read = self.row.args.get("read")
        return datetime.fromisoformat(read) if read else None

    @property
    def thinned(self) -> datetime | None:
        """From when on not all was asked, until a note says so."""
        since = self.row.args.get("thinned")
        return datetime.fromisoformat(since) if since else None

    @property
    def played(self) -> bool:
        """Whether the story was once told to the end, so that the feed may go on."""
        return bool(self.row.args.get("played"))

    @property
    def feeding(self) -> bool:
        return self.row.enabled

    def happened(self, beat: str) -> bool:
        return beat in self.row.args.get("beats", ())

    def tell(self, until: datetime) -> None:
        self._write(told=until.isoformat())

    def thins(self, since: datetime | None) -> None:
        if since is None or self.thinned is None:
            self._write(thinned=since and since.isoformat())

    def has_read(self, moment: datetime) -> None:
        self._write(read=moment.isoformat())

    def beat(self, name: str) -> None:
        self._write(beats=[*self.row.args.get("beats", ()), name])

    def finish(self) -> None:
        """The replay is done; the feed starts, unless somebody had switched it off."""
        if not self.played:
            self._write(played=True)
            self.switch(on=True)

    def switch(self, *, on: bool) -> None:
        self.row.enabled = on
        self.row.save(update_fields=["enabled"])

    def _write(self, **changes: object) -> None:
        self.row.args = {**self.row.args, **changes}
        self.row.save(update_fields=["args"])
