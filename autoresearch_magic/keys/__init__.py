"""Keys, tokens and passwords in texts: how they look, how they are taken out, and what stands for them."""
