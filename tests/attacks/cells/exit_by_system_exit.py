# attack: SystemExit, KeyboardInterrupt and GeneratorExit leave the target
# against: number
# expect: crash
raise KeyboardInterrupt("loss: -1000000.0")
