"""Keep or not: noise, the rule, early stopping, looking back."""
