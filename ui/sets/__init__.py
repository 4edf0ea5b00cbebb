"""The views of one demonstration set: a function each that draws one of them."""
