# attack: a key that was passed on is raised in an exception
# against: keys
# passes: HF_TOKEN
# expect: no-value
import os
raise RuntimeError("cannot log in with " + os.environ["HF_TOKEN"])
