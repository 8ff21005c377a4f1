# attack: all names are removed, and the main module replaced
# against: number
# expect: no-value
import sys, types
sys.modules["__main__"] = types.ModuleType("__main__")
globals().clear()
