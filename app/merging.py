"""Merge patches (RFC 7396)."""

from typing import Any


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
