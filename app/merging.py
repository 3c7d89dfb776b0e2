"""Changes of records: which version they start from, and merge patches (RFC 7396)."""

from typing import Any

# Of which a change may start from any; None: from whatever is there.
Versions = frozenset[int] | None


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396 §2: members of the patch replace, null removes, objects merge, everything else is taken whole."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
