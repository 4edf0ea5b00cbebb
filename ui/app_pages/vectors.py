"""Steering vectors: the list, one of them, or several side by side."""

import streamlit as st

from ui.vectors import listing, one, several

chosen = list(dict.fromkeys(st.query_params.get_all("vector")))
if not chosen:
    listing.show()
elif len(chosen) == 1:
    one.show(chosen[0])
else:
    several.show(chosen)
