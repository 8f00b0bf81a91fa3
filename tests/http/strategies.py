"""Hypothesis strategies for JSON values."""

from __future__ import annotations

from hypothesis import strategies as st

# JSON can contain half of a UTF-16 surrogate pair.
text = st.text(st.characters(exclude_categories=()))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=15,
)
