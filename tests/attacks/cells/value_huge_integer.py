# attack: an integer of a million digits
# against: number
# metric: x
# expect: no-value
# --- honest
x = 1.0
# --- target
x = -(10**1_000_000)
