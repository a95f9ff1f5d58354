"""The demo's stories, in the order in which they are told. A new one is a line here."""

from mlsystem.demo import birdstrikes, churn, digits, flights
from mlsystem.demo.story import Story

STORIES: dict[str, Story] = {
    story.slug: story
    for story in (churn.STORY, flights.STORY, birdstrikes.STORY, digits.STORY)
}
