"""Which of the two languages a reader gets (表示言語)."""

from renkei.vocabulary import Language


def preferred_language(header: str) -> Language:
    """Japanese unless the reader prefers English (RFC 9110 §12.5.4)."""
    best, weight = Language.ja, 0.0
    for entry in header[:500].split(","):
        tag, _, parameters = entry.strip().partition(";")
        primary = tag.strip().lower().split("-")[0]
        try:
            quality = float(parameters.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        if primary in set(Language) and quality > weight:
            best, weight = Language(primary), quality
    return best
