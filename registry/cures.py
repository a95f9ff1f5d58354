"""Registry: what to do about a finding, by its rule, in one sentence. Pure."""

CURES = {
    "all_missing": "It is no input. Fill the column, or leave it out of the file.",
    "constant": "It is no input: what never differs tells nothing.",
    "identifier": "It is no input. If it names a customer or a machine that comes back, "
    "make it the group when you bring the table.",
    "decimal_comma": "Write 3.5 for 3,5 and upload the table again, so that it counts "
    "as a number.",
    "many_categories": "Put rare values together before you upload, or leave it as text.",
    "mostly_missing": "Fine where “not there” tells something. Else leave it out.",
    "duplicate": "One of the two is enough: leave the other out of the schema.",
    "leaking": "If it is filled in after the event, take it out of the schema: the model "
    "would shine here and fail in life.",
    "duplicate_rows": "If that is one case exported twice, take the copies out.",
    "overlap": "Scores look better than they are. Name a group, so that rows of one "
    "case stay together.",
    "empty_part": "More rows, or another column of times, would fill it.",
    "part_lacks_class": "More rows of that class, else nobody can tell how well it is "
    "recognised.",
    "rare_class": "Collect more of them, or put rare classes together.",
    "unread": "They count as missing. Mend them in the file if they matter.",
}


def cure_of(rule: str) -> str:
    """The cure of a rule of registry/findings.py; "" where the text says it all."""
    return CURES.get(rule, "")
