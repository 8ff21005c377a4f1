# attack: values that are huge, complex, truths or texts
# against: number
# metric: x
# expect: no-value
# --- honest
x = 1.0
# --- target
x = complex(-1e9, 1)
