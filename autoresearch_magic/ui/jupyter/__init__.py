"""The only rooms that know Jupyter and IPython: magics, panel, picture, progress in text."""
